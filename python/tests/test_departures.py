"""Agents that are to go: gone, drained, in maintenance."""

from __future__ import annotations

import pytest
from conftest import World, offers, statuses

import tamias
from tamias import MaintenanceWindow, TaskState, Unavailability

HOUR = 3600 * 10**9


def test_an_agent_that_is_gone_never_comes_back(world: World) -> None:
    task = world.launch()
    world.framework.poll()
    operator = world.kernel.operator()
    operator.mark_agent_gone(world.agent)
    [status] = statuses(world.framework)
    assert (status.task, status.state) == (task, TaskState.GONE_BY_OPERATOR)
    assert status.reason is tamias.Reason.AGENT_REMOVED_BY_OPERATOR
    with pytest.raises(tamias.PreconditionError, match="never comes back"):
        world.kernel.agent_driver().reregister(world.agent)
    operator.mark_agent_gone(world.agent)


def test_a_drained_agent_can_be_reactivated(world: World) -> None:
    task = world.launch()
    world.driver.poll()
    operator = world.kernel.operator()
    with pytest.raises(tamias.InvalidArgumentError, match="max_grace_seconds"):
        operator.drain_agent(world.agent, max_grace_seconds=-1)
    operator.drain_agent(world.agent, max_grace_seconds=1.5)
    assert world.driver.poll() == [tamias.KillTask(world.agent, task, 1.5)]
    with pytest.raises(tamias.PreconditionError, match="still being drained"):
        operator.reactivate_agent(world.agent)
    world.driver.update(task, TaskState.KILLED)
    [status] = statuses(world.framework)
    assert status.reason is tamias.Reason.AGENT_DRAINING
    world.framework.acknowledge(status)
    operator.reactivate_agent(world.agent)
    assert len(offers(world.framework)) == 1


def test_maintenance_asks_for_machines(world: World) -> None:
    world.launch()
    world.framework.poll()
    operator = world.kernel.operator()
    window = MaintenanceWindow(["m1"], HOUR, duration_seconds=60)
    operator.update_maintenance_schedule([window])
    unavailability = Unavailability(HOUR, 60.0)
    [asked] = world.framework.poll()
    assert isinstance(asked, tamias.InverseOfferReceived)
    question = asked.inverse_offer
    assert (question.agent, question.agent_name) == (world.agent, "m1")
    assert question.unavailability == unavailability

    assert world.framework.decline_inverse_offers(question, refuse_seconds=10) == []
    assert world.framework.accept_inverse_offers([question.id]) == [question.id]
    status = world.kernel.query("get_maintenance")
    [machine] = status["machines"]
    assert (machine["machine"], machine["down"]) == ("m1", False)
    assert machine["answers"][0]["accepted"] is False

    world.kernel.advance(10)
    events = world.framework.poll()
    [offered] = [e for e in events if isinstance(e, tamias.OfferReceived)]
    assert offered.offer.unavailability == unavailability
    [again] = [e for e in events if isinstance(e, tamias.InverseOfferReceived)]
    operator.start_maintenance(["m1"])
    ended = tamias.InverseOfferRescinded(again.inverse_offer.id)
    assert ended in world.framework.poll()
    assert tamias.AgentRemoved(world.agent) in world.driver.poll()
    with pytest.raises(tamias.PreconditionError, match="down for maintenance"):
        world.driver.register("cpus:1", name="m1")
    operator.stop_maintenance(["m1"])
    world.driver.register("cpus:1", name="m1")


def test_windows_are_checked(world: World) -> None:
    operator = world.kernel.operator()
    with pytest.raises(TypeError, match=r"windows\[0\]: expected a MaintenanceWindow"):
        operator.update_maintenance_schedule(["m1"])  # type: ignore[list-item]
    window = MaintenanceWindow(["m1"], 1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"windows\[0\]\.start_ns"):
        operator.update_maintenance_schedule([window])
    with pytest.raises(tamias.InvalidArgumentError, match=r"windows\[0\]\.machines"):
        operator.update_maintenance_schedule([MaintenanceWindow([], 0)])
    twice = MaintenanceWindow(["m1"], 0)
    with pytest.raises(tamias.InvalidArgumentError, match=r"windows\[1\]\.machines\[0\]"):
        operator.update_maintenance_schedule([twice, twice])


def test_operations_tell_the_agent_what_to_keep(world: World) -> None:
    operator = world.kernel.operator()
    line = '{"do":"reserve_resources","agent":"%s","resources":"cpus(+dev):1"}'
    world.kernel.command(line % world.agent, session=operator.session)
    events = world.driver.poll()
    assert events == [tamias.Checkpoint(world.agent, tamias.Resources("cpus(+dev):1"))]
