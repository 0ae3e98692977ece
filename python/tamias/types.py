"""Values that go in and come out: ids, states, offers, task descriptions.

All of them are immutable, compare by value, can be hashed and pickled.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Required, Self, TypeAlias, TypedDict, final

from tamias._native import Resources

__all__ = [
    "AgentId",
    "Amount",
    "Attributes",
    "Domain",
    "Duration",
    "EndReason",
    "Ext",
    "FrameworkId",
    "InverseOffer",
    "InverseOfferId",
    "MaintenanceWindow",
    "ManualClock",
    "Offer",
    "OfferId",
    "Options",
    "PolicyRule",
    "Reason",
    "RescindReason",
    "ResourcesLike",
    "SessionId",
    "Source",
    "TaskCommand",
    "TaskId",
    "TaskOutcome",
    "TaskSpec",
    "TaskState",
    "TaskStatus",
    "Unavailability",
    "UpdateId",
    "UpdateRetry",
]

Duration: TypeAlias = float | datetime.timedelta
"""Seconds, or a timedelta. A float is rounded once, to the nanosecond."""

Amount: TypeAlias = int | float | Decimal | str
"""How much of a scalar resource, to three decimals. A float counts as the decimal that it prints
as; for ``mem`` and ``disk`` a text may have a unit: ``"512MiB"``, ``"2GiB"``, ``"1.5GB"``."""

ResourcesLike: TypeAlias = (
    Resources | str | Mapping[str, Amount | Sequence[tuple[int, int]] | range | Iterable[str]]
)
"""What is read as resources: a text, or a mapping of names to amounts, ranges or sets."""

Attributes: TypeAlias = str | Mapping[str, str] | Iterable[tuple[str, str]]
"""What is read as attributes of an agent: ``"rack:r1;os:linux"``, a mapping, or pairs."""


class _Id(str):
    """A text such as ``a0.1``: a letter for the kind, a place, a generation. Never reused."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str.__repr__(self)})"


@final
class AgentId(_Id):
    """A machine that offers resources: ``a0.1``."""

    __slots__ = ()


@final
class FrameworkId(_Id):
    """A registered scheduler: ``f0.1``."""

    __slots__ = ()


@final
class OfferId(_Id):
    """Resources of one agent held for one framework: ``o0.1``."""

    __slots__ = ()


@final
class InverseOfferId(_Id):
    """A question to one framework whether one agent may go: ``i0.1``."""

    __slots__ = ()


@final
class TaskId(_Id):
    """The kernel's handle of a task: ``t0.1``. A plain ``str`` is the framework's name for one."""

    __slots__ = ()


@final
class SessionId(_Id):
    """The right to send commands in one capacity: ``s0.1``."""

    __slots__ = ()


@final
class UpdateId(_Id):
    """The identity of a status update: 32 hexadecimal digits."""

    __slots__ = ()


@final
class TaskState(enum.StrEnum):
    """Where a task stands; names and numbers are those of the Mesos v1 API."""

    _number: int
    """Its number in the Mesos v1 API."""

    def __new__(cls, value: str, number: int) -> Self:
        """Pairs the name with its number."""
        member = str.__new__(cls, value)
        member._value_ = value
        member._number = number
        return member

    STARTING = "TASK_STARTING", 0
    RUNNING = "TASK_RUNNING", 1
    FINISHED = "TASK_FINISHED", 2
    FAILED = "TASK_FAILED", 3
    KILLED = "TASK_KILLED", 4
    LOST = "TASK_LOST", 5
    STAGING = "TASK_STAGING", 6
    ERROR = "TASK_ERROR", 7
    KILLING = "TASK_KILLING", 8
    DROPPED = "TASK_DROPPED", 9
    UNREACHABLE = "TASK_UNREACHABLE", 10
    GONE = "TASK_GONE", 11
    GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR", 12
    UNKNOWN = "TASK_UNKNOWN", 13

    @property
    def number(self) -> int:
        """Its number in the Mesos v1 API."""
        return self._number

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended: such a state never changes and holds no resources."""
        return self in _TERMINAL


_TERMINAL: Final = frozenset(
    {
        TaskState.FINISHED,
        TaskState.FAILED,
        TaskState.KILLED,
        TaskState.LOST,
        TaskState.ERROR,
        TaskState.DROPPED,
        TaskState.GONE,
        TaskState.GONE_BY_OPERATOR,
    }
)


@final
class Source(enum.StrEnum):
    """Who says so."""

    MASTER = "SOURCE_MASTER"
    AGENT = "SOURCE_AGENT"
    EXECUTOR = "SOURCE_EXECUTOR"


@final
class Reason(enum.StrEnum):
    """Why a task is in its state; names are those of the Mesos v1 API."""

    COMMAND_EXECUTOR_FAILED = "REASON_COMMAND_EXECUTOR_FAILED"
    EXECUTOR_TERMINATED = "REASON_EXECUTOR_TERMINATED"
    EXECUTOR_UNREGISTERED = "REASON_EXECUTOR_UNREGISTERED"
    FRAMEWORK_REMOVED = "REASON_FRAMEWORK_REMOVED"
    GC_ERROR = "REASON_GC_ERROR"
    INVALID_FRAMEWORKID = "REASON_INVALID_FRAMEWORKID"
    INVALID_OFFERS = "REASON_INVALID_OFFERS"
    MASTER_DISCONNECTED = "REASON_MASTER_DISCONNECTED"
    CONTAINER_LIMITATION_MEMORY = "REASON_CONTAINER_LIMITATION_MEMORY"
    RECONCILIATION = "REASON_RECONCILIATION"
    AGENT_DISCONNECTED = "REASON_AGENT_DISCONNECTED"
    AGENT_REMOVED = "REASON_AGENT_REMOVED"
    AGENT_RESTARTED = "REASON_AGENT_RESTARTED"
    AGENT_UNKNOWN = "REASON_AGENT_UNKNOWN"
    TASK_INVALID = "REASON_TASK_INVALID"
    TASK_UNAUTHORIZED = "REASON_TASK_UNAUTHORIZED"
    TASK_UNKNOWN = "REASON_TASK_UNKNOWN"
    CONTAINER_PREEMPTED = "REASON_CONTAINER_PREEMPTED"
    RESOURCES_UNKNOWN = "REASON_RESOURCES_UNKNOWN"
    CONTAINER_LIMITATION = "REASON_CONTAINER_LIMITATION"
    CONTAINER_LIMITATION_DISK = "REASON_CONTAINER_LIMITATION_DISK"
    CONTAINER_LAUNCH_FAILED = "REASON_CONTAINER_LAUNCH_FAILED"
    CONTAINER_UPDATE_FAILED = "REASON_CONTAINER_UPDATE_FAILED"
    EXECUTOR_REGISTRATION_TIMEOUT = "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
    EXECUTOR_REREGISTRATION_TIMEOUT = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
    TASK_GROUP_INVALID = "REASON_TASK_GROUP_INVALID"
    TASK_GROUP_UNAUTHORIZED = "REASON_TASK_GROUP_UNAUTHORIZED"
    IO_SWITCHBOARD_EXITED = "REASON_IO_SWITCHBOARD_EXITED"
    TASK_CHECK_STATUS_UPDATED = "REASON_TASK_CHECK_STATUS_UPDATED"
    TASK_HEALTH_CHECK_STATUS_UPDATED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
    TASK_KILLED_DURING_LAUNCH = "REASON_TASK_KILLED_DURING_LAUNCH"
    AGENT_REMOVED_BY_OPERATOR = "REASON_AGENT_REMOVED_BY_OPERATOR"
    AGENT_REREGISTERED = "REASON_AGENT_REREGISTERED"
    MAX_COMPLETION_TIME_REACHED = "REASON_MAX_COMPLETION_TIME_REACHED"
    AGENT_DRAINING = "REASON_AGENT_DRAINING"


@final
class RescindReason(enum.StrEnum):
    """Why an offer ended without the framework's doing."""

    TIMEOUT = "timeout"
    AGENT_INACTIVE = "agent_inactive"
    ROLE_REMOVED = "role_removed"
    WEIGHTS_UPDATED = "weights_updated"
    UNAVAILABILITY = "unavailability"
    OPERATION = "operation"
    QUOTA_UPDATED = "quota_updated"
    RESOURCES_CHANGED = "resources_changed"


@final
class EndReason(enum.StrEnum):
    """Why a subscription ended."""

    FAILED_OVER = "failed_over"
    TORN_DOWN = "torn_down"


class UpdateRetry(TypedDict):
    """Redelivery of an update that stays unacknowledged."""

    min_seconds: Duration
    max_seconds: Duration


class PolicyRule(TypedDict, total=False):
    """A rule of the policy; what is left out, but for ``allow``, means any."""

    principals: Sequence[str]
    actions: Sequence[str]
    roles: Sequence[str]
    allow: Required[bool]


class Options(TypedDict, total=False):
    """Options of a kernel; what is left out is as in the preset."""

    min_allocatable: Sequence[str | Mapping[str, Amount]]
    failover_timeout_seconds: Duration
    offer_timeout_seconds: Duration | None
    update_retry: UpdateRetry | None
    allocation_interval_seconds: Duration
    allocate_on_recovery: bool
    accept_refuse_seconds: Duration
    decline_refuse_seconds: Duration
    on_invalid: str
    all_capabilities: bool
    agent_reregister_timeout_seconds: Duration
    kill_grace_seconds: Duration
    executor_shutdown_grace_seconds: Duration
    executor_registration_timeout_seconds: Duration | None
    allocate_only_on_command: bool
    domain: Mapping[str, str] | None
    require_agent_domain: bool
    filter_gpu: bool
    max_executors_per_agent: int | None
    max_agent_count: int
    max_agent_age_seconds: Duration
    registry_gc_interval_seconds: Duration
    agent_removal_rate_limit: Mapping[str, int | Duration] | None
    role_sorter: str
    framework_sorter: str
    random_seed: int
    recovery_hold: Mapping[str, int | Duration] | None
    framework_rate_limits: Sequence[Mapping[str, object]]


@final
@dataclass(frozen=True, slots=True)
class ManualClock:
    """A clock that stands still until :meth:`Kernel.advance`, for tests and simulations."""

    start_ns: int = 0
    """Where it starts: nanoseconds since the Unix epoch."""


@final
@dataclass(frozen=True, slots=True)
class Ext:
    """Opaque bytes of a wire layer with their media type, kept byte for byte."""

    media_type: str
    data: bytes


@final
@dataclass(frozen=True, slots=True)
class Domain:
    """A fault domain: what fails together."""

    region: str
    """The region, far from others."""
    zone: str
    """The zone within the region."""


@final
@dataclass(frozen=True, slots=True)
class Unavailability:
    """When a machine is not to be relied on."""

    start_ns: int
    """From when on: nanoseconds since the Unix epoch."""
    duration_seconds: float | None = None
    """For how long; unknown if there is none."""


@final
@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A time in which machines are not to be relied on."""

    machines: Sequence[str]
    """The hostnames of their agents, or the names of agents without one; at least one."""
    start_ns: int
    """When it begins: nanoseconds since the Unix epoch."""
    duration_seconds: Duration | None = None
    """How long it takes; unknown if left out."""


@final
@dataclass(frozen=True, slots=True)
class InverseOffer:
    """A question whether an agent may go."""

    id: InverseOfferId
    """For the answer."""
    agent: AgentId
    """Which agent."""
    agent_name: str | None
    """The agent's name, if it has one."""
    hostname: str | None
    """Its machine, if that is not called like the agent."""
    unavailability: Unavailability
    """When the machine is not to be relied on."""
    expires_ns: int | None = None
    """When the question is taken back: nanoseconds since the Unix epoch."""


@final
@dataclass(frozen=True, slots=True)
class Offer:
    """Resources of one agent, held for one framework in one role until it answers."""

    id: OfferId
    """For accept and decline."""
    agent: AgentId
    """Whose resources."""
    agent_name: str | None
    """The agent's name, if it has one."""
    role: str
    """In which of its roles the framework is offered them."""
    resources: Resources
    """What is offered."""
    attributes: tuple[tuple[str, str], ...] = ()
    """The agent's attributes; names need not be unique."""
    expires_ns: int | None = None
    """When it is rescinded if it is not answered: nanoseconds since the Unix epoch."""
    hostname: str | None = None
    """The agent's machine, if that is not called like the agent."""
    domain: Domain | None = None
    """The agent's fault domain, if it is in one."""
    unavailability: Unavailability | None = None
    """When the agent's machine is not to be relied on, if that is known."""

    def attribute(self, name: str) -> str | None:
        """The first attribute of that name."""
        return next((value for key, value in self.attributes if key == name), None)


@final
@dataclass(frozen=True, slots=True)
class TaskStatus:
    """The state of a task as its framework is told it."""

    name: str
    """The framework's name for the task."""
    task: TaskId | None
    """Its handle, unless the kernel does not know it."""
    state: TaskState
    """The state."""
    source: Source
    """Who says so."""
    reason: Reason | None = None
    """Why."""
    message: str | None = None
    """For people."""
    agent: AgentId | None = None
    """Where the task is or was."""
    uuid: UpdateId | None = None
    """To be acknowledged with this; without it there is nothing to acknowledge."""
    time_ns: int = 0
    """When it was said: nanoseconds since the Unix epoch."""
    unreachable_time_ns: int | None = None
    """Since when the agent cannot be reached."""
    healthy: bool | None = None
    """Whether the task is healthy, if it is checked."""
    data: bytes | None = None
    """The driver's data."""


@final
@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of one task of an accept."""

    name: str
    """The framework's name for it."""
    task: TaskId | None
    """Its handle if it was launched."""
    state: TaskState
    """``TASK_STAGING`` if it was launched, else the terminal state that was reported for it."""
    reason: Reason | None = None
    """Why it was not launched."""
    message: str | None = None
    """The same for people."""


def _frozen(mapping: Mapping[str, str] | None) -> Mapping[str, str]:
    return MappingProxyType(dict(mapping or {}))


@final
@dataclass(frozen=True, slots=True, init=False)
class TaskCommand:
    """What to run, for agents that run processes: either ``argv`` or ``shell``."""

    argv: tuple[str, ...]
    """Program and arguments."""
    shell: str | None
    """A line for ``/bin/sh -c``."""
    env: Mapping[str, str] = field(hash=False)
    """Environment variables on top of the agent's base environment."""
    cwd: str | None
    """Working directory; the task's sandbox if left out."""
    stdin: str | None
    """File to read as standard input; empty input if left out."""

    def __init__(
        self,
        argv: Sequence[str] = (),
        *,
        shell: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: str | None = None,
    ) -> None:
        if isinstance(argv, str):
            raise TypeError("argv: expected a list of texts; use shell= for a command line")
        put = object.__setattr__
        put(self, "argv", tuple(argv))
        put(self, "shell", shell)
        put(self, "env", _frozen(env))
        put(self, "cwd", cwd)
        put(self, "stdin", stdin)

    def __reduce__(self) -> tuple[object, ...]:
        values = (self.argv, self.shell, dict(self.env), self.cwd, self.stdin)
        return _task_command, values


def _task_command(
    argv: tuple[str, ...],
    shell: str | None,
    env: Mapping[str, str],
    cwd: str | None,
    stdin: str | None,
) -> TaskCommand:
    return TaskCommand(argv, shell=shell, env=env, cwd=cwd, stdin=stdin)


@final
@dataclass(frozen=True, slots=True, init=False)
class TaskSpec:
    """A task to launch. ``command`` may be given as a list (argv) or a text (shell line)."""

    name: str
    """Unique among the framework's live and unreachable tasks."""
    resources: Resources
    """What it takes of the offers; not empty."""
    command: TaskCommand | None
    """What to run, for agents that run processes."""
    kill_grace_seconds: Duration | None
    """Time between asking it to end and ending it."""
    max_completion_seconds: Duration | None
    """Time after its start at which it is killed and fails."""
    labels: Mapping[str, str] = field(hash=False)
    """For people and tools."""
    ext: Ext | None
    """Opaque bytes of a wire layer."""

    def __init__(
        self,
        name: str,
        resources: ResourcesLike,
        command: TaskCommand | Sequence[str] | str | None = None,
        *,
        kill_grace_seconds: Duration | None = None,
        max_completion_seconds: Duration | None = None,
        labels: Mapping[str, str] | None = None,
        ext: Ext | None = None,
    ) -> None:
        if isinstance(command, str):
            command = TaskCommand(shell=command)
        elif command is not None and not isinstance(command, TaskCommand):
            command = TaskCommand(command)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "resources", Resources(resources))
        put(self, "command", command)
        put(self, "kill_grace_seconds", kill_grace_seconds)
        put(self, "max_completion_seconds", max_completion_seconds)
        put(self, "labels", _frozen(labels))
        put(self, "ext", ext)

    def __reduce__(self) -> tuple[object, ...]:
        values = (
            self.name,
            self.resources,
            self.command,
            self.kill_grace_seconds,
            self.max_completion_seconds,
            dict(self.labels),
            self.ext,
        )
        return _task_spec, values


def _task_spec(
    name: str,
    resources: Resources,
    command: TaskCommand | None,
    kill_grace_seconds: Duration | None,
    max_completion_seconds: Duration | None,
    labels: Mapping[str, str],
    ext: Ext | None,
) -> TaskSpec:
    return TaskSpec(
        name,
        resources,
        command,
        kill_grace_seconds=kill_grace_seconds,
        max_completion_seconds=max_completion_seconds,
        labels=labels,
        ext=ext,
    )
