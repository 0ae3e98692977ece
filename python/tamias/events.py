"""Events: what frameworks, agent drivers and operators are told, made for ``match``.

An event is a notification; the kernel's state is the truth. It is identified by ``(seq, ordinal)``:
the command that caused it, and its place among the events of that command.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

from tamias._native import Resources
from tamias.types import (
    AgentId,
    EndReason,
    FrameworkId,
    InverseOffer,
    InverseOfferId,
    Offer,
    OfferId,
    RescindReason,
    TaskId,
    TaskSpec,
    TaskStatus,
    UpdateId,
)

__all__ = [
    "AgentEvent",
    "AgentLost",
    "AgentRemoved",
    "Became",
    "Changed",
    "Checkpoint",
    "Entry",
    "Event",
    "ExecutorLost",
    "FrameworkEvent",
    "InverseOfferReceived",
    "InverseOfferRescinded",
    "KillTask",
    "LaunchExecutor",
    "LaunchGroup",
    "LaunchTask",
    "MessageReceived",
    "OfferReceived",
    "OfferRescinded",
    "OperatorEvent",
    "OtherEvent",
    "Resync",
    "ShutdownExecutor",
    "Snapshot",
    "SubscriptionEnded",
    "TaskUpdated",
    "UpdateAcknowledged",
]


@dataclass(frozen=True, slots=True)
class Event:
    """What all events have."""

    seq: int = field(default=0, kw_only=True, compare=False, repr=False)
    """The sequence number of the command that caused it."""
    ordinal: int = field(default=0, kw_only=True, compare=False, repr=False)
    """Its place among the events of that command."""


@final
@dataclass(frozen=True, slots=True)
class OfferReceived(Event):
    """To a framework: resources of one agent, held for it until it answers."""

    offer: Offer


@final
@dataclass(frozen=True, slots=True)
class OfferRescinded(Event):
    """To a framework: an offer ended without its doing."""

    offer: OfferId
    reason: RescindReason


@final
@dataclass(frozen=True, slots=True)
class InverseOfferReceived(Event):
    """To a framework that holds something on an agent: may it go? The answer is for people."""

    inverse_offer: InverseOffer


@final
@dataclass(frozen=True, slots=True)
class InverseOfferRescinded(Event):
    """To a framework: the question is taken back."""

    inverse_offer: InverseOfferId


@final
@dataclass(frozen=True, slots=True)
class TaskUpdated(Event):
    """To a framework: the state of a task."""

    status: TaskStatus


@final
@dataclass(frozen=True, slots=True)
class AgentLost(Event):
    """To a framework: an agent is removed or unreachable. Its tasks get updates of their own."""

    agent: AgentId


@final
@dataclass(frozen=True, slots=True)
class SubscriptionEnded(Event):
    """To a framework: its subscription has ended; nothing follows."""

    reason: EndReason


@final
@dataclass(frozen=True, slots=True)
class LaunchTask(Event):
    """To an agent driver: start a task."""

    agent: AgentId
    task: TaskId
    framework: FrameworkId
    role: str
    spec: TaskSpec
    executor: str | None = None
    """The id of the executor that is to run it, if it has one."""


@final
@dataclass(frozen=True, slots=True)
class LaunchExecutor(Event):
    """To an agent driver: start an executor; its tasks follow."""

    agent: AgentId
    executor: str
    """Its id, for reports."""
    framework: FrameworkId
    role: str
    spec: str
    """What to run, as JSON."""


@final
@dataclass(frozen=True, slots=True)
class LaunchGroup(Event):
    """To an agent driver: start these tasks, all or none."""

    agent: AgentId
    framework: FrameworkId
    role: str
    executor: str | None
    """The id of the executor that is to run them, if they have one."""
    tasks: tuple[tuple[TaskId, TaskSpec], ...]


@final
@dataclass(frozen=True, slots=True)
class ShutdownExecutor(Event):
    """To an agent driver: end an executor and what it runs."""

    agent: AgentId
    executor: str
    """Its id."""
    grace_seconds: float
    """Time between asking and ending it."""


@final
@dataclass(frozen=True, slots=True)
class ExecutorLost(Event):
    """To a framework: an executor is gone. Its tasks get updates of their own."""

    agent: AgentId
    executor: str
    """The framework's name for it."""
    id: str
    status: int | None = None
    """How it exited, if that is known."""
    message: str | None = None
    """For people."""


@final
@dataclass(frozen=True, slots=True)
class Checkpoint(Event):
    """To an agent driver: an operation changed what is reserved and created on the agent."""

    agent: AgentId
    resources: Resources
    """All that is reserved dynamically and all volumes there, from now on."""


@final
@dataclass(frozen=True, slots=True)
class KillTask(Event):
    """To an agent driver: end a task."""

    agent: AgentId
    task: TaskId
    grace_seconds: float
    """Time between asking and ending it."""


@final
@dataclass(frozen=True, slots=True)
class UpdateAcknowledged(Event):
    """To an agent driver: the framework has seen the update."""

    agent: AgentId
    task: TaskId
    uuid: UpdateId


@final
@dataclass(frozen=True, slots=True)
class AgentRemoved(Event):
    """To an agent driver: the agent was removed; end its tasks and forget it."""

    agent: AgentId


@final
@dataclass(frozen=True, slots=True)
class Resync(Event):
    """The reader fell behind: what follows was read from the state again, so offers and updates
    (or launches and kills) that were seen before are repeated.
    """


@final
@dataclass(frozen=True, slots=True)
class MessageReceived(Event):
    """What a framework says to an executor, or to a task without one, or the other way round. Told
    at most once.
    """

    agent: AgentId
    """On which agent the executor is."""
    framework: FrameworkId
    executor: str
    """The name of the executor, or of a task without one."""
    data: bytes
    """What is said."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """An object with its row."""

    noun: str
    """``role``, ``agent``, ``framework``, ``offer``, ``task``, ``executor``, ``machine``,
    ``gone_agent``, ``pool``, ``operation`` or ``policy``.
    """
    id: str | None
    """Which; for a role and a machine its name. There is one policy."""
    row: dict[str, Any] = field(hash=False)
    """What is shown of it, as queries do."""


@final
@dataclass(frozen=True, slots=True)
class Snapshot(Event):
    """To an operator who watches: a part of all there is."""

    part: int
    """Which part, from 0. With the first one everything that was known before is void."""
    more: bool
    """Whether another part follows; nothing comes between."""
    rows: tuple[Entry, ...]


@final
class Became(enum.StrEnum):
    """What became of an object."""

    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"


@final
@dataclass(frozen=True, slots=True)
class Changed(Event):
    """To an operator who watches: one object is different."""

    change: Became
    noun: str
    """As in :class:`Entry`."""
    id: str | None
    """Which; for a role and a machine its name. There is one policy."""
    row: dict[str, Any] | None = field(default=None, hash=False)
    """Its row from now on, unless it was removed."""


@final
@dataclass(frozen=True, slots=True)
class OtherEvent(Event):
    """An event that has no class of its own here, such as one of a newer kernel."""

    kind: str
    """What it is, as in JSON: ``"rescind"``."""
    json: str
    """The event as it stands in a line of JSON."""


FrameworkEvent: TypeAlias = (
    OfferReceived
    | OfferRescinded
    | TaskUpdated
    | AgentLost
    | SubscriptionEnded
    | ExecutorLost
    | InverseOfferReceived
    | InverseOfferRescinded
    | MessageReceived
    | OtherEvent
    | Resync
)
"""What a framework can be told."""

AgentEvent: TypeAlias = (
    LaunchTask
    | LaunchExecutor
    | LaunchGroup
    | KillTask
    | ShutdownExecutor
    | Checkpoint
    | UpdateAcknowledged
    | AgentRemoved
    | MessageReceived
    | OtherEvent
    | Resync
)
"""What an agent driver can be told."""

OperatorEvent: TypeAlias = Snapshot | Changed | OtherEvent | Resync
"""What an operator who watches can be told."""
