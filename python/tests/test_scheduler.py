"""The scheduler of the command line against a simulated agent: no process is started."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tamias
from tamias import Kernel, LaunchTask, Resources, TaskState
from tamias.cli.report import as_json
from tamias.cli.scheduler import Outcome, Scheduler
from tamias.cli.tasklist import Entry, parse

HERE = Path(__file__).parent
#: How a task ends: state and seconds after its launch.
Fate = tuple[TaskState, float]
FINE: Fate = (TaskState.FINISHED, 0.01)
BROKEN: Fate = (TaskState.FAILED, 0.01)


class FakeAgent:
    """Plays tasks as their fates say."""

    def __init__(self, kernel: Kernel, resources: str, fate: Callable[[str, int], Fate]) -> None:
        self._driver = kernel.agent_driver()
        self._driver.register(resources)
        self._fate = fate
        self.launched: list[str] = []
        self.killed: list[str] = []
        self.most_at_once = 0
        self._names: dict[tamias.TaskId, str] = {}

    def play(self) -> None:
        """Until the kernel is closed."""
        ends: list[tuple[float, tamias.TaskId, TaskState]] = []
        try:
            while True:
                rest = max(0.0, ends[0][0] - time.monotonic()) if ends else None
                self._driver.wait(rest)
                for event in self._driver.poll():
                    self._take(event, ends)
                while ends and ends[0][0] <= time.monotonic():
                    _, task, state = heapq.heappop(ends)
                    if self._names.pop(task, None) is not None:
                        data = json.dumps({"cpu_ns": 10**7, "sandbox": "/tmp"}).encode()
                        self._driver.update(task, state, data=data)
        except tamias.ClosedError:
            pass

    def _take(self, event: tamias.AgentEvent, ends: list[Any]) -> None:
        match event:
            case LaunchTask(task=task, spec=spec):
                state, seconds = self._fate(spec.name, self.launched.count(spec.name))
                self.launched.append(spec.name)
                self._names[task] = spec.name
                self.most_at_once = max(self.most_at_once, len(self._names))
                self._driver.update(task, TaskState.RUNNING)
                heapq.heappush(ends, (time.monotonic() + seconds, task, state))
            case tamias.KillTask(task=task):
                name = self._names.pop(task, None)
                if name is not None:
                    self.killed.append(name)
                    self._driver.update(task, TaskState.KILLED)


@contextmanager
def playing(
    fate: Callable[[str, int], Fate], resources: str = "cpus:4"
) -> Iterator[tuple[Kernel, FakeAgent]]:
    with Kernel({"allocation_interval_seconds": 0.02}) as kernel:
        agent = FakeAgent(kernel, resources, fate)
        thread = threading.Thread(target=agent.play)
        thread.start()
        try:
            yield kernel, agent
            kernel.check_invariants()
        finally:
            kernel.close()
            thread.join(10)
        assert not thread.is_alive()


def entries(*lines: dict[str, Any]) -> list[Entry]:
    base = {"role": "a", "cpus": 1, "command": ["x"]}
    return parse("\n".join(json.dumps(base | line) for line in lines).encode(), "x", HERE)


def run(
    lines: list[Entry],
    fate: Callable[[str, int], Fate] = lambda *_: FINE,
    resources: str = "cpus:4",
    **options: Any,
) -> tuple[Outcome, FakeAgent]:
    with playing(fate, resources) as (kernel, agent):
        return Scheduler(kernel, lines, Resources(resources), **options).run(), agent


def test_everything_runs_and_is_counted() -> None:
    outcome, agent = run(entries(*({"name": f"t{n}"} for n in range(20))))
    assert outcome.is_success
    assert outcome.failures == []
    assert sorted(agent.launched) == sorted(f"t{n}" for n in range(20))
    assert agent.most_at_once <= 4
    [role] = outcome.roles
    assert (role.finished, role.failed, role.skipped, len(role.waits)) == (20, 0, 0, 20)
    assert role.cpu_seconds == pytest.approx(0.2)
    assert role.task_seconds >= 0.2
    figures = as_json(outcome)
    assert (figures["tasks"], figures["failed"]) == (20, [])


def test_what_comes_after_waits() -> None:
    lines = entries(
        {"name": "last", "after": ["left", "right"]},
        {"name": "left", "after": ["first"], "role": "b"},
        {"name": "right", "after": ["first"]},
        {"name": "first"},
    )
    outcome, agent = run(lines)
    assert outcome.is_success
    assert agent.launched[0] == "first"
    assert agent.launched[-1] == "last"


def test_a_failure_stops_everything() -> None:
    def fate(name: str, _: int) -> Fate:
        return BROKEN if name == "bad" else (TaskState.FINISHED, 30)

    lines = entries({"name": "long"}, {"name": "bad"}, {"cpus": 4, "name": "never"})
    outcome, agent = run(lines, fate)
    assert [attempt.name for attempt in outcome.failures] == ["bad"]
    assert agent.killed == ["long"]
    assert "never" not in agent.launched
    assert outcome.roles[0].skipped == 2
    assert not outcome.is_success


def test_keep_going_skips_only_what_waited_for_the_failure() -> None:
    lines = entries(
        {"name": "bad"},
        {"name": "child", "after": ["bad"]},
        {"name": "grandchild", "after": ["child", "other"]},
        {"name": "other"},
    )
    fate = lambda name, _: BROKEN if name == "bad" else FINE  # noqa: E731
    outcome, agent = run(lines, fate, keep_going=True)
    assert sorted(agent.launched) == ["bad", "other"]
    skipped = [attempt.name for attempt in outcome.attempts if attempt.is_skipped]
    assert skipped == ["child", "grandchild"]
    assert [attempt.name for attempt in outcome.failures] == ["bad"]


def test_a_failed_task_is_tried_again() -> None:
    lines = entries({"name": "shaky", "retries": 2}, {"name": "hopeless", "retries": 1})
    fate = lambda name, tries: FINE if name == "shaky" and tries == 2 else BROKEN  # noqa: E731
    outcome, agent = run(lines, fate, keep_going=True)
    assert agent.launched.count("shaky") == 3
    assert agent.launched.count("hopeless") == 2
    assert [(a.name, a.tries, a.state) for a in outcome.attempts] == [
        ("shaky", 3, TaskState.FINISHED),
        ("hopeless", 2, TaskState.FAILED),
    ]


def test_a_timeout_kills_and_fails() -> None:
    lines = entries({"name": "slow", "timeout": 0.1})
    outcome, agent = run(lines, lambda *_: (TaskState.FINISHED, 30))
    assert agent.killed == ["slow"]
    [slow] = outcome.failures
    assert slow.status is not None
    assert slow.status.reason is tamias.Reason.MAX_COMPLETION_TIME_REACHED


def test_small_tasks_pass_a_big_one_that_does_not_fit_yet() -> None:
    def fate(name: str, _: int) -> Fate:
        return (TaskState.FINISHED, 0.2 if name == "long" else 0.01)

    lines = entries({"name": "long", "cpus": 3}, {"name": "big", "cpus": 4}, {"name": "small"})
    outcome, agent = run(lines, fate)
    assert outcome.is_success
    assert agent.launched == ["long", "small", "big"]


@pytest.mark.parametrize("heavy", [2, 3])
def test_roles_share_by_weight(heavy: int) -> None:
    """With 12 slots and equal tasks the ratio is that of the weights, from the first moment on."""
    lines = entries(
        *({"name": f"h{n}", "role": "heavy"} for n in range(60 * heavy)),
        *({"name": f"l{n}", "role": "light"} for n in range(60)),
    )
    outcome, _ = run(
        lines,
        lambda *_: (TaskState.FINISHED, 0.05),
        "cpus:12",
        weights={"heavy": Decimal(heavy)},
    )
    big, small = (role.contended_seconds for role in outcome.roles)
    assert big / small == pytest.approx(heavy, rel=0.1)
    shares = as_json(outcome)["roles"]
    assert shares["light"]["share"] == pytest.approx(shares["light"]["share_by_weight"], rel=0.1)


def test_an_idle_role_takes_nothing_from_the_others() -> None:
    """The role that waits for another must not sit on offers."""
    lines = entries(
        *({"name": f"t{n}", "role": "busy"} for n in range(40)),
        {"name": "z", "role": "idle", "after": [f"t{n}" for n in range(40)]},
    )
    outcome, agent = run(lines)
    assert outcome.is_success
    assert agent.most_at_once == 4
    assert agent.launched[-1] == "z"


def test_a_lost_agent_fails_its_tasks() -> None:
    with Kernel() as kernel:
        driver = kernel.agent_driver()
        agent = driver.register("cpus:4")

        def lose(attempt: Any) -> None:
            if any(isinstance(event, LaunchTask) for event in driver.poll()):
                driver.remove(agent)

        outcome = Scheduler(kernel, entries({"name": "t"}), Resources("cpus:4"), watch=lose).run()
        assert [attempt.state for attempt in outcome.failures] == [TaskState.LOST]


def test_ctrl_c_is_an_outcome() -> None:
    def interrupt(_: Any) -> None:
        if agent.launched:
            raise KeyboardInterrupt

    with playing(lambda *_: (TaskState.FINISHED, 30)) as (kernel, agent):
        lines = entries({"name": "t"}, {"name": "later", "after": ["t"]})
        outcome = Scheduler(kernel, lines, Resources("cpus:4"), watch=interrupt).run()
        assert outcome.is_interrupted
        assert [attempt.is_skipped for attempt in outcome.attempts] == [False, True]
        deadline = time.monotonic() + 10
        while not agent.killed and time.monotonic() < deadline:
            time.sleep(0.01)
        assert agent.killed == ["t"]
