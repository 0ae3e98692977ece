"""The verbs, each doing what it says."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from conftest import World, offers, statuses

import tamias
from tamias import TaskSpec, TaskState


def test_one_task_from_offer_to_acknowledgement(world: World) -> None:
    offer = world.offer()
    assert (offer.agent, offer.agent_name, offer.role) == (world.agent, "m1", "dev")
    assert offer.resources == tamias.Resources("cpus:4;mem:1024;ports:[1-9]")
    assert offer.attribute("rack") == "r1"
    assert offer.attribute("zone") is None
    assert offer.expires_ns == 60 * 10**9

    command = tamias.TaskCommand(["echo", "hi"], env={"A": "1"}, cwd="/tmp", stdin="/dev/null")
    spec = TaskSpec(
        "hello",
        {"cpus": 1, "ports": [(3, 4)]},
        command,
        kill_grace_seconds=datetime.timedelta(seconds=2.5),
        max_completion_seconds=60,
        labels={"team": "a"},
        ext=tamias.Ext("text/plain", b"\x00x"),
    )
    [outcome] = world.framework.launch(offer, spec)
    assert outcome.state is TaskState.STAGING
    assert outcome.task is not None

    [launch] = world.driver.poll()
    match launch:
        case tamias.LaunchTask(agent, task, framework, role, told):
            assert (agent, task, role) == (world.agent, outcome.task, "dev")
            assert framework == world.framework.id
            assert told.name == spec.name
            assert (told.command, told.resources) == (command, spec.resources)
            assert (told.kill_grace_seconds, told.max_completion_seconds) == (2.5, 60.0)
            assert (dict(told.labels), told.ext) == ({"team": "a"}, spec.ext)
        case _:
            pytest.fail(f"not a launch: {launch}")

    world.driver.update(outcome.task, TaskState.RUNNING, message="up", data=b"d", healthy=True)
    world.driver.update(outcome.task, TaskState.FINISHED)
    [running] = statuses(world.framework)
    assert (running.name, running.task, running.state) == ("hello", outcome.task, "TASK_RUNNING")
    assert (running.message, running.data, running.healthy) == ("up", b"d", True)
    assert running.source is tamias.Source.EXECUTOR
    assert running.agent == world.agent
    world.framework.acknowledge(running)
    [seen] = [e for e in world.driver.poll() if isinstance(e, tamias.UpdateAcknowledged)]
    assert seen.uuid == running.uuid
    [finished] = statuses(world.framework)
    assert finished.state.is_terminal
    assert finished.uuid is not None
    world.framework.acknowledge(outcome.task, finished.uuid)
    assert "tasks=0" in repr(world.kernel)


def test_events_carry_their_identity(world: World) -> None:
    [event] = world.framework.poll()
    assert isinstance(event, tamias.OfferReceived)
    assert event.seq > 0
    assert event == tamias.OfferReceived(event.offer), "the identity is no part of the value"


def test_a_decline_refuses_for_a_while(world: World) -> None:
    offer = world.offer()
    assert world.framework.decline(offer, refuse_seconds=10) == []
    world.kernel.advance(9)
    assert offers(world.framework) == []
    world.kernel.advance(datetime.timedelta(seconds=2))
    assert len(offers(world.framework)) == 1
    assert world.framework.decline([offer.id]) == [offer.id], "it is gone"


def test_suppress_and_revive(world: World) -> None:
    world.framework.decline(world.offer(), refuse_seconds=1)
    world.framework.suppress(["dev"])
    world.kernel.advance(30)
    assert offers(world.framework) == []
    world.framework.revive()
    assert len(offers(world.framework)) == 1


def test_an_accept_without_tasks_gives_the_offer_back(world: World) -> None:
    assert world.framework.accept(world.offer().id, refuse_seconds=0) == []
    world.kernel.advance(1)
    assert len(offers(world.framework)) == 1


def test_offers_of_one_agent_are_combined(kernel: tamias.Kernel) -> None:
    driver = kernel.agent_driver()
    framework = kernel.subscribe(roles=["dev"])
    agent = driver.register("cpus:1")
    driver.update_agent(agent, resources={"cpus": 3}, attributes=[("os", "linux")])
    both = offers(framework)
    assert len(both) == 2, "what was added is an offer of its own"
    outcomes = framework.launch(both, [TaskSpec("a", "cpus:2.5"), TaskSpec("b", "cpus:0.5")])
    assert [outcome.state for outcome in outcomes] == [TaskState.STAGING] * 2


def test_an_unanswered_offer_is_rescinded(world: World) -> None:
    offer = world.offer()
    world.kernel.advance(61)
    rescinded, *_ = world.framework.poll()
    assert rescinded == tamias.OfferRescinded(offer.id, tamias.RescindReason.TIMEOUT)


def test_a_kill_goes_to_the_agent(world: World) -> None:
    task = world.launch()
    world.framework.kill("t", kill_grace_seconds=1.5)
    assert tamias.KillTask(world.agent, task, 1.5) in world.driver.poll()
    world.driver.update(task, TaskState.KILLED, reason=tamias.Reason.EXECUTOR_TERMINATED)
    [status] = statuses(world.framework)
    assert (status.state, status.reason) == (TaskState.KILLED, "REASON_EXECUTOR_TERMINATED")


def test_reconciliation_answers(world: World) -> None:
    task = world.launch()
    world.driver.update(task, TaskState.RUNNING)
    [running] = statuses(world.framework)
    world.framework.acknowledge(running)
    world.framework.reconcile()
    [all_of_them] = statuses(world.framework)
    assert all_of_them.reason is tamias.Reason.RECONCILIATION
    assert all_of_them.uuid is None
    world.framework.acknowledge(all_of_them)
    world.framework.reconcile([task, ("nobody", world.agent)])
    known, unknown = statuses(world.framework)
    assert (known.state, unknown.name) == (TaskState.RUNNING, "nobody")
    seq = world.kernel.seq
    world.framework.reconcile([])
    assert world.kernel.seq == seq, "nothing asked is nothing answered"


def test_weights_decide_who_gets_more(kernel: tamias.Kernel) -> None:
    operator = kernel.operator()
    operator.set_weights({"a": 2, "b": Decimal("0.5")})
    operator.set_weight("b", 1.0)
    frameworks = {role: kernel.subscribe(roles=[role]) for role in "ab"}
    driver = kernel.agent_driver()
    for _ in range(6):
        driver.register("cpus:1")
    kernel.advance(1)
    counts = {role: len(offers(framework)) for role, framework in frameworks.items()}
    assert counts == {"a": 4, "b": 2}


def test_licences_ride_along_with_agents(kernel: tamias.Kernel) -> None:
    operator = kernel.operator()
    operator.add_pool("flex", {"licences": 3})
    framework, driver = kernel.subscribe(roles=["ci"]), kernel.agent_driver()
    driver.register("cpus:4")
    kernel.advance(1)
    [offer] = offers(framework)
    assert str(offer.resources) == "cpus:4;licences:3"
    build = tamias.TaskSpec("build", resources={"cpus": 1, "licences": 1}, command=["cc"])
    framework.launch(offer, [build])
    with pytest.raises(tamias.TamiasError, match="is held by task"):
        operator.remove_pool("flex")
    operator.update_pool("flex", "licences:1")
    [pool] = kernel.query("get_pools")["pools"]
    assert (pool["total"], pool["allocated"]) == ("licences:1", "licences:1")
    with pytest.raises(tamias.TamiasError, match="no pool has the name"):
        operator.remove_pool("other")


def test_allocation_on_command() -> None:
    options = tamias.Options(allocate_only_on_command=True)
    with tamias.Kernel(options, clock=tamias.ManualClock()) as kernel:
        framework, driver = kernel.subscribe(roles=["dev"]), kernel.agent_driver()
        first, second = driver.register("cpus:1"), driver.register("cpus:2")
        kernel.advance(60)
        assert offers(framework) == []
        operator = kernel.operator()
        with pytest.raises(tamias.InvalidArgumentError, match=r"agents\[1\]"):
            operator.allocate([second, second])
        operator.allocate([second])
        assert [offer.agent for offer in offers(framework)] == [second]
        operator.allocate()
        assert [offer.agent for offer in offers(framework)] == [first]


def test_agents_in_and_out_of_service(world: World) -> None:
    operator = world.kernel.operator()
    offer = world.offer()
    operator.deactivate_agent(world.agent)
    [rescinded] = world.framework.poll()
    assert rescinded == tamias.OfferRescinded(offer.id, tamias.RescindReason.AGENT_INACTIVE)
    operator.reactivate_agent(world.agent)
    assert len(offers(world.framework)) == 1
    operator.remove_agent(world.agent)
    assert tamias.AgentRemoved(world.agent) in world.driver.poll()
    assert tamias.AgentLost(world.agent) in world.framework.poll()


def test_an_agent_comes_back_with_its_tasks(world: World) -> None:
    task = world.launch()
    world.driver.update(task, TaskState.RUNNING)
    world.driver.close()
    again = world.kernel.agent_driver()
    assert again.reregister(name="m1", tasks={task: TaskState.RUNNING}) == world.agent
    again.update(task, TaskState.FINISHED)
    world.framework.poll()


def test_a_framework_comes_back_by_name(world: World) -> None:
    task = world.launch()
    first = world.framework.id
    world.framework.close()
    again = world.kernel.subscribe(roles=["dev"], name="f")
    assert (again.id, again.is_resubscribed) == (first, True)
    world.driver.update(task, TaskState.RUNNING)
    assert [status.task for status in statuses(again)] == [task]
    taken = world.kernel.subscribe(
        roles=["dev"],
        framework=first,
        failover_timeout_seconds=5,
        capabilities=["PARTITION_AWARE"],
        suppressed_roles=["dev"],
    )
    assert taken.is_resubscribed
    ended = tamias.SubscriptionEnded(tamias.EndReason.FAILED_OVER)
    assert again.poll()[-1] == ended
    with pytest.raises(tamias.ClosedError) as error:
        again.revive()
    assert error.value.code is tamias.Code.SUPERSEDED


def test_teardown_ends_a_framework(world: World) -> None:
    task = world.launch()
    other = world.kernel.subscribe(roles=["dev"])
    world.kernel.operator().teardown(other.id)
    assert list(other)[-1] == tamias.SubscriptionEnded(tamias.EndReason.TORN_DOWN)
    world.framework.teardown()
    assert world.framework.closed
    assert [e.task for e in world.driver.poll() if isinstance(e, tamias.KillTask)] == [task]


def test_the_presets_differ_and_options_override(kernel: tamias.Kernel) -> None:
    def expiry(options: tamias.Options | None, preset: str) -> int | None:
        clock = tamias.ManualClock(10**18)
        with tamias.Kernel(options, preset=preset, clock=clock) as kernel:  # type: ignore[arg-type]
            kernel.agent_driver().register("cpus:1;mem:64")
            driver = kernel.agent_driver()
            driver.register("cpus:1;mem:64")
            framework = kernel.subscribe(roles=["dev"])
            kernel.advance(1)
            return offers(framework)[0].expires_ns

    assert expiry(None, "mesos") is None
    assert expiry(None, "default") == 10**18 + 60 * 10**9
    own: tamias.Options = {
        "offer_timeout_seconds": datetime.timedelta(milliseconds=1500),
        "min_allocatable": ["cpus:0.01", {"mem": 32}],
        "update_retry": {"min_seconds": 1, "max_seconds": 2.5},
        "all_capabilities": True,
        "on_invalid": "report",
    }
    assert expiry(own, "mesos") == 10**18 + 1_500_000_000


def test_equal_commands_give_equal_hashes() -> None:
    def run() -> str:
        with tamias.Kernel(clock=tamias.ManualClock()) as kernel:
            driver = kernel.agent_driver()
            driver.register("cpus:4")
            framework = kernel.subscribe(roles=["a"])
            framework.launch(offers(framework), TaskSpec("t", "cpus:1"))
            return kernel.state_hash()

    assert run() == run()
    assert len(run()) == 64


def test_an_event_loop_can_drive_the_kernel() -> None:
    with tamias.Kernel({"offer_timeout_seconds": 0.02}) as kernel:
        driver = kernel.agent_driver()
        driver.register("cpus:1")
        framework = kernel.subscribe(roles=["a"])
        assert len(offers(framework)) == 1
        rest = kernel.drive()
        assert rest is not None
        assert 0 <= rest <= 1
        assert kernel.next_deadline_ns is not None
        assert kernel.now_ns > 1_700_000_000 * 10**9
