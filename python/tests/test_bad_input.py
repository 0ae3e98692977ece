"""Whatever is wrong gets an error that says what and where, and changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import World, offers, statuses

import tamias
from tamias import Code, Kernel, ManualClock, TaskSpec, TaskState


def anything(value: Any) -> Any:
    """Takes the types off, for calls that a type checker would refuse."""
    return value


@dataclass
class Busy(World):
    """A world with a live task, an update in flight, and a live offer of 3 cpus."""

    live: tamias.OfferId
    operator: tamias.Operator
    other_driver: tamias.AgentDriver
    other_framework: tamias.Framework


Call = Callable[[Busy], Any]


@pytest.fixture
def busy(world: World) -> Busy:
    task = world.launch("alive")
    world.driver.update(task, TaskState.RUNNING)
    world.kernel.advance(1)
    [*_, last] = offers(world.framework)
    return Busy(
        **vars(world),
        live=last.id,
        operator=world.kernel.operator(),
        other_driver=world.kernel.agent_driver(),
        other_framework=world.kernel.subscribe(roles=["other"], suppressed_roles=["other"]),
    )


def accept(*tasks: Any, offers: Any = None, **more: Any) -> Call:
    return lambda w: w.framework.launch(offers or w.live, list(tasks), **more)


def ok(name: str = "t", resources: Any = "cpus:1", **more: Any) -> TaskSpec:
    return TaskSpec(name, resources, **more)


I, N, A, P = (  # noqa: E741
    tamias.InvalidArgumentError,
    tamias.NotFoundError,
    tamias.AlreadyExistsError,
    tamias.PreconditionError,
)
TASK = "operations[0].launch.tasks"

# (what is tried, exception, code, field, index)
CASES: dict[str, tuple[Call, type[Exception], Code, str, int | None]] = {
    "malformed resources": (
        lambda w: w.driver.register("cpus:x"),
        I,
        Code.BAD_RESOURCES,
        "resources",
        None,
    ),
    "resources without a colon": (
        lambda w: w.driver.register("cpus"),
        I,
        Code.BAD_RESOURCES,
        "resources",
        None,
    ),
    "NaN": (
        lambda w: w.driver.register({"cpus": math.nan}),
        I,
        Code.BAD_RESOURCES,
        "resources",
        None,
    ),
    "infinity": (
        lambda w: w.driver.register({"cpus": math.inf}),
        I,
        Code.BAD_RESOURCES,
        "resources",
        None,
    ),
    "negative amount": (
        lambda w: w.driver.register({"cpus": -1}),
        I,
        Code.BAD_RESOURCES,
        "resources",
        None,
    ),
    "over-large amount": (
        lambda w: w.driver.register({"cpus": 10**13}),
        I,
        Code.BAD_RESOURCES,
        "resources",
        None,
    ),
    "ranges that overlap": (
        lambda w: w.driver.register({"ports": [(1, 5), (4, 9)]}),
        I,
        Code.BAD_RESOURCES,
        "resources",
        None,
    ),
    "a range with a step": (
        lambda w: w.driver.register({"ports": range(0, 9, 2)}),
        I,
        Code.BAD_RESOURCES,
        "resources.ports",
        None,
    ),
    "a unit that is none": (
        lambda w: w.driver.register({"mem": "x GiB"}),
        I,
        Code.BAD_RESOURCES,
        "resources.mem",
        None,
    ),
    "bad attributes": (
        lambda w: w.driver.register("cpus:1", attributes="rack"),
        I,
        Code.BAD_ATTRIBUTES,
        "attributes",
        None,
    ),
    "an attribute that would split": (
        lambda w: w.driver.register("cpus:1", attributes={"a": "b;c:d"}),
        I,
        Code.BAD_ATTRIBUTES,
        "attributes",
        None,
    ),
    "a name taken": (
        lambda w: w.driver.register("cpus:1", name="m1"),
        A,
        Code.NAME_TAKEN,
        "name",
        None,
    ),
    "a name that is not UTF-8": (
        lambda w: w.driver.register("cpus:1", name="m\udc80"),
        I,
        Code.BAD_NAME,
        "name",
        None,
    ),
    "an unknown agent": (
        lambda w: w.operator.remove_agent(tamias.AgentId("a9.9")),
        N,
        Code.UNKNOWN_AGENT,
        "agent",
        None,
    ),
    "an id of another kind": (
        lambda w: w.driver.remove(tamias.AgentId("o0.1")),
        I,
        Code.MALFORMED,
        "agent",
        None,
    ),
    "an agent of another driver": (
        lambda w: w.other_driver.update_agent(w.agent, resources="cpus:1"),
        tamias.NotPermittedError,
        Code.NOT_YOURS,
        "agent",
        None,
    ),
    "an unknown framework": (
        lambda w: w.operator.teardown(tamias.FrameworkId("f9.9")),
        N,
        Code.UNKNOWN_FRAMEWORK,
        "framework",
        None,
    ),
    "an unknown offer": (
        accept(ok(), offers=tamias.OfferId("o9.9")),
        tamias.OfferGoneError,
        Code.OFFER_GONE,
        "offers[0]",
        0,
    ),
    "an offer of another framework": (
        lambda w: w.other_framework.launch(w.live, ok()),
        tamias.NotPermittedError,
        Code.NOT_YOURS,
        "offers[0]",
        0,
    ),
    "an offer listed twice": (
        lambda w: w.framework.launch([w.live, w.live], ok()),
        I,
        Code.BAD_LIST,
        "offers[1]",
        1,
    ),
    "no offer at all": (lambda w: w.framework.launch([], ok()), I, Code.BAD_LIST, "offers", None),
    "more than was offered": (
        accept(ok("a"), ok("b", "cpus:3.001")),
        I,
        Code.EXCEEDS_OFFER,
        f"{TASK}[1].resources",
        1,
    ),
    "a task id used twice at once": (
        accept(ok("a"), ok("a")),
        A,
        Code.TASK_EXISTS,
        f"{TASK}[1].name",
        1,
    ),
    "a task id that is alive": (accept(ok("alive")), A, Code.TASK_EXISTS, f"{TASK}[0].name", 0),
    "a task without resources": (
        accept(ok("a", "")),
        I,
        Code.INVALID_TASK,
        f"{TASK}[0].resources",
        0,
    ),
    "a task name that is no name": (accept(ok("a/b")), I, Code.BAD_NAME, f"{TASK}[0].name", 0),
    "a task name that is not UTF-8": (
        accept(ok("a"), ok("\ud800")),
        I,
        Code.BAD_NAME,
        f"{TASK}[1].name",
        1,
    ),
    "a command that is none": (
        accept(ok("a", command=tamias.TaskCommand())),
        I,
        Code.INVALID_TASK,
        f"{TASK}[0].command",
        0,
    ),
    "a negative grace": (
        accept(ok("a", kill_grace_seconds=-1)),
        I,
        Code.INVALID_TASK,
        f"{TASK}[0].kill_grace_seconds",
        0,
    ),
    "an endless duration": (
        accept(ok("a", max_completion_seconds=math.inf)),
        I,
        Code.BAD_TIME,
        f"{TASK}[0].max_completion_seconds",
        0,
    ),
    "a word for on_invalid": (
        accept(ok(), on_invalid="maybe"),
        I,
        Code.MALFORMED,
        "on_invalid",
        None,
    ),
    "a wrong uuid": (
        lambda w: w.framework.acknowledge("alive", "0" * 32),
        I,
        Code.WRONG_UUID,
        "uuid",
        None,
    ),
    "a uuid that is none": (
        lambda w: w.framework.acknowledge("alive", "xyz"),
        I,
        Code.MALFORMED,
        "uuid",
        None,
    ),
    "a uuid of 3 bytes": (
        lambda w: w.framework.acknowledge("alive", b"abc"),
        I,
        Code.MALFORMED,
        "uuid",
        None,
    ),
    "an acknowledgement of an unknown task": (
        lambda w: w.framework.acknowledge("nobody", "0" * 32),
        N,
        Code.UNKNOWN_TASK,
        "task",
        None,
    ),
    "an update of an unknown task": (
        lambda w: w.driver.update(tamias.TaskId("t9.9"), TaskState.RUNNING),
        N,
        Code.UNKNOWN_TASK,
        "task",
        None,
    ),
    "a state that is none": (
        lambda w: w.driver.update(tamias.TaskId("t0.1"), "RUNNING"),  # type: ignore[arg-type]
        I,
        Code.MALFORMED,
        "state",
        None,
    ),
    "a state that only the kernel can say": (
        lambda w: w.driver.update(tamias.TaskId("t0.1"), TaskState.UNREACHABLE),
        I,
        Code.BAD_TASK_STATE,
        "state",
        None,
    ),
    "a role that is none": (
        lambda w: w.kernel.subscribe(roles=["a", "-b"]),
        I,
        Code.BAD_NAME,
        "roles[1]",
        1,
    ),
    "a role listed twice": (
        lambda w: w.kernel.subscribe(roles=["a", "a"]),
        I,
        Code.BAD_LIST,
        "roles[1]",
        1,
    ),
    "a role that is not UTF-8": (
        lambda w: w.kernel.subscribe(roles=["\udcff"]),
        I,
        Code.BAD_NAME,
        "roles[0]",
        0,
    ),
    "a capability that is none": (
        lambda w: anything(w.kernel).subscribe(roles=["a"], capabilities=["MAGIC"]),
        I,
        Code.MALFORMED,
        "capabilities[0]",
        0,
    ),
    "a role that is not the framework's": (
        lambda w: w.framework.revive(["prod"]),
        N,
        Code.UNKNOWN_ROLE,
        "roles[0]",
        0,
    ),
    "a weight of zero": (
        lambda w: w.operator.set_weights({"a": 1, "b": 0}),
        I,
        Code.BAD_WEIGHT,
        "weights[1].weight",
        1,
    ),
    "a weight that is no number": (
        lambda w: w.operator.set_weight("a", math.nan),
        I,
        Code.BAD_WEIGHT,
        "weights[0].weight",
        0,
    ),
    "time running back": (lambda w: w.kernel.advance(-1), I, Code.BAD_TIME, "by", None),
    "time in a wrong unit": (lambda w: w.kernel.advance(1e18), I, Code.BAD_TIME, "by", None),
    "events of a negative number": (
        lambda w: w.framework.poll(-1),
        I,
        Code.BAD_OPTION,
        "max",
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rejection_says_where_and_changes_nothing(busy: Busy, case: str) -> None:
    call, kind, code, field, index = CASES[case]
    before = busy.kernel.state_hash()
    with pytest.raises(kind) as caught:
        call(busy)
    error = caught.value
    assert isinstance(error, tamias.TamiasError)
    assert (error.code, error.field, error.index) == (code, field, index), str(error)
    assert error.message
    assert str(error) == f"{field}: {error.message}"
    assert error.detail == int(code) & 0xFF
    assert "\n" not in str(error)
    assert busy.kernel.state_hash() == before
    busy.framework.launch(busy.live, ok("still works"))


def test_an_offer_is_accepted_once(busy: Busy) -> None:
    offer = busy.live
    busy.framework.launch(offer, ok("first"))
    before = busy.kernel.state_hash()
    with pytest.raises(tamias.OfferGoneError) as error:
        busy.framework.launch(offer, ok("second"))
    assert error.value.index == 0
    assert busy.kernel.state_hash() == before


def test_report_gives_outcomes_instead(busy: Busy) -> None:
    tasks = [ok("a"), ok("a"), ok("big", "cpus:99"), ok("b")]
    outcomes = busy.framework.launch(busy.live, tasks, on_invalid="report")
    states = [outcome.state for outcome in outcomes]
    assert states == [TaskState.STAGING, TaskState.ERROR, TaskState.ERROR, TaskState.STAGING]
    assert outcomes[1].reason is tamias.Reason.TASK_INVALID
    assert outcomes[1].message
    void = busy.framework.launch(busy.live, ok("late"), on_invalid="report")
    assert void[0].state is TaskState.DROPPED
    assert void[0].reason is tamias.Reason.INVALID_OFFERS
    assert void[0].task is None
    told = [status.name for status in statuses(busy.framework)]
    assert told[-3:] == ["a", "big", "late"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"offer_timeout": 30}, "options"),
        ({"offer_timeout_seconds": 0}, "options.offer_timeout_seconds"),
        ({"failover_timeout_seconds": math.nan}, "options.failover_timeout_seconds"),
        ({"allocation_interval_seconds": 10**12}, "options.allocation_interval_seconds"),
        ({"min_allocatable": ["cpus:x"]}, "options.min_allocatable"),
        ({"on_invalid": "maybe"}, "options.on_invalid"),
        ({"all_capabilities": 1.5}, "options.all_capabilities"),
        ({"preset": "mesos"}, "options.preset"),
        ({"update_retry": {"min_seconds": 0, "max_seconds": 1}}, "options.update_retry"),
    ],
)
def test_options_are_checked(options: Any, field: str) -> None:
    with pytest.raises(tamias.InvalidArgumentError) as error:
        Kernel(options)
    assert error.value.field.startswith(field)
    assert error.value.message


def test_a_preset_that_is_none() -> None:
    with pytest.raises(tamias.InvalidArgumentError, match='use "default" or "mesos"'):
        Kernel(preset="other")  # type: ignore[arg-type]


def test_a_clock_that_does_not_fit() -> None:
    with pytest.raises(tamias.InvalidArgumentError) as error:
        Kernel(clock=ManualClock(2**63))
    assert error.value.field == "clock.start_ns"


def test_only_a_manual_clock_is_moved() -> None:
    with Kernel() as kernel, pytest.raises(tamias.UnsupportedError):
        kernel.advance(1)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda w: w.framework.launch(1, ok()), "offers: expected an Offer"),
        (lambda w: w.framework.launch(["o0.1", 2], ok()), r"offers\[1\]: expected an Offer"),
        (lambda w: w.framework.launch(w.live, "t"), r"tasks\[0\]: expected a TaskSpec"),
        (lambda w: w.framework.launch(w.live, 3), "tasks: expected a TaskSpec or a list"),
        (lambda w: w.framework.decline(w.live, refuse_seconds="5"), "refuse_seconds: expected"),
        (lambda w: w.framework.decline(w.live, refuse_seconds=True), "refuse_seconds: expected"),
        (lambda w: w.framework.acknowledge("t"), "task: expected a TaskStatus, or a task and"),
        (lambda w: w.framework.acknowledge("t", 7), "uuid: expected the uuid"),
        (lambda w: w.kernel.subscribe(roles="dev"), "roles: expected a list of texts"),
        (lambda w: w.kernel.subscribe(roles=[1]), r"roles\[0\]: expected a text, got int"),
        (lambda w: w.driver.register(4), "resources: a text like"),
        (lambda w: w.driver.register({"cpus": True}), "resources.cpus: expected a number"),
        (lambda w: w.driver.register({"ports": [1]}), r"resources.ports\[0\]: expected a text or"),
        (lambda w: w.driver.register("cpus:1", attributes=[("a",)]), "attributes: expected pairs"),
        (lambda w: w.operator.set_weight("a", "2"), r"weights\[0\].weight: expected"),
        (lambda w: TaskSpec("t", "cpus:1", tamias.TaskCommand("ls")), "argv: expected a list"),
        (lambda w: anything(Kernel)(7), "options: expected a mapping"),
        (lambda w: anything(Kernel)(clock=5), "clock: expected a ManualClock"),
        (lambda w: w.framework.wait("soon"), "timeout: expected seconds"),
    ],
)
def test_an_argument_of_the_wrong_type(busy: Busy, call: Call, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call(busy)


def test_a_closed_handle_says_so(busy: Busy) -> None:
    offer = busy.live
    busy.framework.close()
    busy.framework.close()
    calls: list[Callable[[], Any]] = [
        lambda: busy.framework.launch(offer, ok()),
        busy.framework.revive,
        busy.framework.wait,
        busy.framework.fileno,
        lambda: busy.framework.next_event(1),
    ]
    while True:
        try:
            busy.framework.poll()
        except tamias.ClosedError:
            break
    for call in calls:
        with pytest.raises(tamias.ClosedError) as error:
            call()
        assert error.value.code is Code.HANDLE_CLOSED
    assert list(busy.framework) == []
    busy.kernel.close()
    busy.kernel.close()
    assert busy.driver.closed
    assert busy.kernel.closed
    for call in (busy.kernel.state_hash, busy.kernel.operator, busy.kernel.drive):
        with pytest.raises(tamias.ClosedError):
            call()
    assert repr(busy.kernel) == "<Kernel closed>"
