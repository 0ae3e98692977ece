"""Runs a list of entries through a kernel: one framework per role, one thread for all.

It accepts offers, launches what is ready, acknowledges, retries, and measures. It decides only what
a framework decides: which of its own tasks to launch. Who gets how much is the kernel's business.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tamias import (
    Framework,
    Kernel,
    Offer,
    OfferReceived,
    Resources,
    TaskSpec,
    TaskState,
    TaskStatus,
    TaskUpdated,
)

from .tasklist import Entry

__all__ = ["Attempt", "Outcome", "RoleReport", "Scheduler"]

#: Seconds without an event after which the loop looks around: progress, accounting.
TICK = 0.25


@dataclass(slots=True)
class Attempt:
    """One entry on its way."""

    entry: Entry
    missing: set[str]
    """What it still waits for."""
    ready_at: float | None = None
    started_at: float | None = None
    tries: int = 0
    state: TaskState | None = None
    """As it was told last; ``None`` before the first launch."""
    status: TaskStatus | None = None
    sandbox: Path | None = None
    contended_before: float = 0.0
    """How long every role had had a backlog when it started, in seconds."""
    is_running: bool = False
    is_skipped: bool = False
    """Not run, or not to its end, because another failed."""
    is_done: bool = False
    """Nothing more happens to it: it finished, failed for good, or was skipped."""

    @property
    def name(self) -> str:
        """The name of its entry."""
        return self.entry.name


@dataclass(slots=True)
class RoleReport:
    """What a role came to."""

    role: str
    weight: Decimal
    finished: int = 0
    failed: int = 0
    skipped: int = 0
    """Not run, or not to their end, because another failed."""
    cpu_seconds: float = 0.0
    """Processor time of its tasks, as the agent measured it."""
    task_seconds: float = 0.0
    """Time that its tasks ran, added up."""
    contended_seconds: float = 0.0
    """The same while every role had a backlog, each task counted by its dominant share of the
    machine: what fair sharing is about."""
    contended_cpu_seconds: float = 0.0
    """Processor time of its tasks in that time, as the agent measured it: each task's by the part
    of its run that fell into it."""
    waits: list[float] = field(default_factory=list)
    """Seconds from being ready to being launched."""


@dataclass(slots=True)
class _Role:
    """A framework and its entries."""

    framework: Framework
    report: RoleReport
    order: dict[str, int]
    ready: dict[Resources, list[tuple[int, Attempt]]] = field(default_factory=dict)
    """By what they take, each a heap in the order of the list."""
    running: dict[str, Attempt] = field(default_factory=dict)
    share: float = 0.0
    """The dominant share of the machine that its running tasks hold."""
    is_suppressed: bool = False

    def push(self, attempt: Attempt) -> None:
        heap = self.ready.setdefault(attempt.entry.resources, [])
        heapq.heappush(heap, (self.order[attempt.name], attempt))

    def pop(self, free: Resources) -> Attempt | None:
        """The first in the list that fits."""
        fitting = [(heap[0][0], shape) for shape, heap in self.ready.items() if free >= shape]
        if not fitting:
            return None
        shape = min(fitting, key=lambda pair: pair[0])[1]
        _, attempt = heapq.heappop(self.ready[shape])
        if not self.ready[shape]:
            del self.ready[shape]
        return attempt


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    roles: list[RoleReport]
    attempts: list[Attempt]
    seconds: float
    is_interrupted: bool = False

    @property
    def failures(self) -> list[Attempt]:
        """Those that failed for good, in the order of the list."""
        failed = (TaskState.FAILED, TaskState.KILLED, TaskState.LOST, TaskState.ERROR)
        lost = (TaskState.DROPPED, TaskState.GONE, TaskState.GONE_BY_OPERATOR)
        return [a for a in self.attempts if not a.is_skipped and a.state in failed + lost]

    @property
    def is_success(self) -> bool:
        """Whether everything finished well."""
        return all(attempt.state is TaskState.FINISHED for attempt in self.attempts)


class Scheduler:
    """The loop. ``watch`` is called after every change, for progress."""

    def __init__(
        self,
        kernel: Kernel,
        entries: Iterable[Entry],
        machine: Resources,
        *,
        weights: Mapping[str, Decimal] | None = None,
        keep_going: bool = False,
        watch: Callable[[Attempt | None], None] = lambda _: None,
    ) -> None:
        self._kernel = kernel
        self._machine = machine
        self._keep_going = keep_going
        self._watch = watch
        self._is_stopping = False
        self.attempts = {entry.name: Attempt(entry, set(entry.after)) for entry in entries}
        self._waiting_for: dict[str, list[str]] = {}
        for attempt in self.attempts.values():
            for name in attempt.missing:
                self._waiting_for.setdefault(name, []).append(attempt.name)
        self._open = len(self.attempts)
        self._begin = self._accounted_at = time.monotonic()
        self._contended = 0.0
        self._roles = self._subscribe({} if weights is None else weights)

    def _subscribe(self, weights: Mapping[str, Decimal]) -> dict[str, _Role]:
        names = list(dict.fromkeys(attempt.entry.role for attempt in self.attempts.values()))
        chosen = {role: weights.get(role, Decimal(1)) for role in names}
        with self._kernel.operator() as operator:
            operator.set_weights(chosen)
        order = {name: place for place, name in enumerate(self.attempts)}
        # Whoever subscribes first would be offered the whole machine before the others are there.
        return {
            role: _Role(
                self._kernel.subscribe(
                    roles=[role], suppressed_roles=[role], failover_timeout_seconds=0
                ),
                RoleReport(role, weight),
                order,
                is_suppressed=True,
            )
            for role, weight in chosen.items()
        }

    @property
    def reports(self) -> list[RoleReport]:
        """What the roles have come to so far."""
        return [role.report for role in self._roles.values()]

    @property
    def running(self) -> dict[str, int]:
        """How many tasks of each role run now."""
        return {name: len(role.running) for name, role in self._roles.items()}

    def run(self) -> Outcome:
        """Runs everything. Ctrl-C stops it: the outcome says so, running tasks are asked to end."""
        is_interrupted = False
        try:
            for attempt in list(self.attempts.values()):
                if not attempt.missing:
                    self._make_ready(attempt)
            frameworks = [role.framework for role in self._roles.values()]
            while self._open:
                self._kernel.wait(frameworks, TICK)
                self._account()
                for role in self._roles.values():
                    self._take_events(role)
                self._watch(None)
        except KeyboardInterrupt:
            is_interrupted = True
            self._stop()
        self._account()
        seconds = time.monotonic() - self._begin
        attempts = list(self.attempts.values())
        return Outcome(self.reports, attempts, seconds, is_interrupted)

    def _take_events(self, role: _Role) -> None:
        for event in role.framework.poll():
            match event:
                case OfferReceived(offer):
                    self._use(role, offer)
                case TaskUpdated(status):
                    role.framework.acknowledge(status)
                    self._note(role, status)
                case _:
                    # Rescinded offers are refused by the kernel when used; agents that are lost
                    # send updates for their tasks.
                    pass

    def _use(self, role: _Role, offer: Offer) -> None:
        """Launches what fits, but leaves to the others what is theirs."""
        free, taken, next_share = offer.resources, list[Attempt](), 0.0
        fair = self._fair_share(role) + 1e-9
        while not self._is_stopping and (not taken or next_share <= fair):
            attempt = role.pop(free)
            if attempt is None:
                break
            free -= attempt.entry.resources
            taken.append(attempt)
            self._started(role, attempt)
            next_share = role.share + self._dominant(attempt)
        if not taken:
            self._decline(role, offer)
            return
        # Under "report" an offer that is gone by now costs nothing but another try.
        specs = [_spec(attempt.entry) for attempt in taken]
        outcomes = role.framework.launch(offer, specs, on_invalid="report", refuse_seconds=0)
        for attempt, outcome in zip(taken, outcomes, strict=True):
            if outcome.task is None and outcome.state in (TaskState.DROPPED, TaskState.LOST):
                self._ended(role, attempt)
                attempt.tries -= 1
                role.push(attempt)
        if not role.ready:
            self._suppress(role)

    def _decline(self, role: _Role, offer: Offer) -> None:
        role.framework.decline(offer)
        if not role.ready:
            self._suppress(role)

    def _fair_share(self, role: _Role) -> float:
        """What of the machine the weights give the role among those that have a backlog.

        An offer may be of the whole machine; whoever comes first would take all of it, and the
        others would wait for tasks to end. Beyond this share it takes one task an offer, and the
        kernel decides who is offered the rest.
        """
        rivals = [other for other in self._roles.values() if other.ready or other is role]
        return float(role.report.weight / sum(rival.report.weight for rival in rivals))

    def _started(self, role: _Role, attempt: Attempt) -> None:
        now = time.monotonic()
        attempt.tries += 1
        attempt.started_at, attempt.is_running, attempt.sandbox = now, True, None
        attempt.contended_before = self._contended
        attempt.state = TaskState.STAGING
        role.report.waits.append(now - (attempt.ready_at or now))
        role.running[attempt.name] = attempt
        role.share += self._dominant(attempt)

    def _ended(self, role: _Role, attempt: Attempt) -> None:
        if role.running.pop(attempt.name, None) is not None:
            attempt.is_running = False
            role.share -= self._dominant(attempt)

    def _dominant(self, attempt: Attempt) -> float:
        parts = [
            float(amount / self._machine[name])
            for name in attempt.entry.resources
            if isinstance(amount := attempt.entry.resources[name], Decimal)
        ]
        return max(parts, default=0.0)

    def _note(self, role: _Role, status: TaskStatus) -> None:
        attempt = role.running.get(status.name)
        if attempt is None:
            return
        attempt.state, attempt.status = status.state, status
        data = _data(status)
        if "sandbox" in data:
            attempt.sandbox = Path(data["sandbox"])
        if not status.state.is_terminal:
            return
        if status.task is None and status.uuid is None and status.state is not TaskState.ERROR:
            return  # An outcome of the launch, dealt with there.
        self._ended(role, attempt)
        report = role.report
        cpu_seconds = data.get("cpu_ns", 0) / 1e9
        seconds = time.monotonic() - (attempt.started_at or 0.0)
        contended = self._contended - attempt.contended_before
        report.cpu_seconds += cpu_seconds
        report.task_seconds += seconds
        report.contended_cpu_seconds += cpu_seconds * min(1.0, contended / max(seconds, 1e-9))
        if status.state is TaskState.FINISHED:
            report.finished += 1
            self._close(attempt)
            self._release(attempt)
        elif self._is_stopping and status.state is TaskState.KILLED:
            self._skip(attempt)
        elif attempt.tries <= attempt.entry.retries and not self._is_stopping:
            self._make_ready(attempt)
        else:
            report.failed += 1
            self._close(attempt)
            if self._keep_going or self._is_stopping:
                self._skip_what_waits_for(attempt)
            else:
                self._stop()
        self._watch(attempt)

    def _make_ready(self, attempt: Attempt) -> None:
        role = self._roles[attempt.entry.role]
        attempt.ready_at = time.monotonic()
        is_new_shape = attempt.entry.resources not in role.ready
        role.push(attempt)
        if is_new_shape:
            # What was refused for other tasks may do for this one.
            role.framework.revive()
            role.is_suppressed = False

    def _suppress(self, role: _Role) -> None:
        if not role.is_suppressed:
            role.framework.suppress()
            role.is_suppressed = True

    def _release(self, attempt: Attempt) -> None:
        for name in self._waiting_for.get(attempt.name, ()):
            waiting = self.attempts[name]
            waiting.missing.discard(attempt.name)
            if not waiting.missing and not waiting.is_done:
                self._make_ready(waiting)

    def _skip_what_waits_for(self, attempt: Attempt) -> None:
        stack = list(self._waiting_for.get(attempt.name, ()))
        while stack:
            waiting = self.attempts[stack.pop()]
            if not waiting.is_done:
                self._skip(waiting)
                stack += self._waiting_for.get(waiting.name, ())

    def _skip(self, attempt: Attempt) -> None:
        attempt.is_skipped = True
        self._roles[attempt.entry.role].report.skipped += 1
        self._close(attempt)

    def _close(self, attempt: Attempt) -> None:
        attempt.is_done = True
        self._open -= 1

    def _stop(self) -> None:
        """Starts nothing more and has what runs killed."""
        if self._is_stopping:
            return
        self._is_stopping = True
        for role in self._roles.values():
            role.ready.clear()
            self._suppress(role)
            for name in role.running:
                role.framework.kill(name)
        for attempt in self.attempts.values():
            if not attempt.is_running and not attempt.is_done:
                self._skip(attempt)

    def _account(self) -> None:
        """Counts the time since the last look, if every role had a backlog in it."""
        now = time.monotonic()
        elapsed, self._accounted_at = now - self._accounted_at, now
        if len(self._roles) > 1 and all(role.ready for role in self._roles.values()):
            self._contended += elapsed
            for role in self._roles.values():
                role.report.contended_seconds += elapsed * role.share


def _spec(entry: Entry) -> TaskSpec:
    return TaskSpec(
        entry.name, entry.resources, entry.command, max_completion_seconds=entry.timeout
    )


def _data(status: TaskStatus) -> dict[str, Any]:
    """The figures of the local agent; other drivers send other bytes, or none."""
    try:
        data = json.loads(status.data or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
