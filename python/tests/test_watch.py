"""Operators: what they watch, and what they decide."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import World

import tamias
from tamias import Became, Changed, Snapshot

Table = dict[tuple[str, str | None], dict[str, Any]]


def hear(operator: tamias.Operator, table: Table) -> None:
    """Keeps a table as the documentation says."""
    for event in operator.poll():
        match event:
            case Snapshot(part, _, rows):
                if part == 0:
                    table.clear()
                table.update({(entry.noun, entry.id): entry.row for entry in rows})
            case Changed(Became.REMOVED, noun, id):
                del table[noun, id]
            case Changed(row=row) if row is not None:
                table[event.noun, event.id] = row
            case _:
                pytest.fail(f"{event}")


def shown(kernel: tamias.Kernel) -> Table:
    """What the queries show."""
    state = kernel.query("get_state")
    nouns = ["role", "agent", "framework", "offer", "task", "executor"]
    table = {(noun, row[noun]): row for noun in nouns for row in state[noun + "s"]}
    policy = kernel.query("get_policy")
    return {**table, ("policy", None): {key: policy[key] for key in ("rules", "otherwise")}}


def test_what_is_told_adds_up(world: World) -> None:
    operator, table = world.kernel.operator(), Table()
    operator.watch()
    hear(operator, table)
    assert table == shown(world.kernel)
    task = world.launch()
    world.driver.update(task, tamias.TaskState.RUNNING)
    operator.update_quota("dev", guarantees={"cpus": 1}, limits={"cpus": 2, "mem": 0})
    operator.set_policy([{"principals": ["ci"], "actions": ["watch"], "allow": False}])
    hear(operator, table)
    assert table == shown(world.kernel)
    assert table["task", task]["state"] == "TASK_RUNNING"
    assert table["role", "dev"]["quota"] == {"guarantees": "cpus:1", "limits": "cpus:2;mem:0"}
    world.framework.teardown()
    world.driver.update(task, tamias.TaskState.KILLED)
    hear(operator, table)
    assert table == shown(world.kernel)
    assert ("task", task) not in table


def test_a_loop_over_changes(world: World) -> None:
    operator = world.kernel.operator()
    operator.watch(["task"])
    task = world.launch()
    seen = []
    for event in operator:
        seen.append(event)
        if len(seen) == 2:
            operator.close()
    assert isinstance(seen[0], Snapshot)
    assert (seen[0].part, seen[0].more, seen[0].rows) == (0, False, ())
    changed = seen[1]
    assert isinstance(changed, Changed)
    assert (changed.change, changed.noun, changed.id) == (Became.ADDED, "task", task)
    assert isinstance(changed.id, tamias.TaskId)
    assert changed.row is not None
    assert changed.row["name"] == "t"
    assert changed.seq > seen[0].seq


def test_one_waits_for_a_change(world: World) -> None:
    operator = world.kernel.operator()
    operator.watch(["agent"])
    assert world.kernel.wait([operator], timeout=0)
    operator.poll()
    assert not operator.wait(timeout=0)
    operator.deactivate_agent(world.agent)
    event = operator.next_event(timeout=0)
    assert isinstance(event, Changed)
    assert event.row is not None
    assert event.row["state"] == "deactivated"
    operator.unwatch()
    operator.reactivate_agent(world.agent)
    assert operator.poll() == []


def test_what_is_watched_is_checked(world: World) -> None:
    operator = world.kernel.operator()
    with pytest.raises(TypeError, match=r"nouns: expected a list of texts, such as \['task'\]"):
        operator.watch("task")
    with pytest.raises(tamias.InvalidArgumentError, match="leave `nouns` out"):
        operator.watch([])
    with pytest.raises(tamias.InvalidArgumentError, match=r"nouns\[1\]"):
        operator.watch(["task", "node"])


def test_quota_is_checked(world: World) -> None:
    operator = world.kernel.operator()
    with pytest.raises(TypeError, match=r"limits\.cpus: expected a number, got str"):
        operator.update_quota("dev", limits={"cpus": "two"})
    with pytest.raises(TypeError, match="guarantees: expected a mapping"):
        operator.update_quota("dev", guarantees=4)  # type: ignore[arg-type]
    with pytest.raises(tamias.TamiasError, match=r"quotas\[0\]"):
        operator.update_quota("dev", guarantees={"cpus": 3}, limits={"cpus": 2})
    operator.update_quota("dev", limits="cpus:2")
    [role] = world.kernel.query("get_roles", role="dev")["roles"]
    assert role["quota"] == {"limits": "cpus:2"}
    operator.update_quota("dev")
    [role] = world.kernel.query("get_roles", role="dev")["roles"]
    assert "quota" not in role


def test_reservations_and_volumes(kernel: tamias.Kernel) -> None:
    driver, operator = kernel.agent_driver(), kernel.operator()
    agent = driver.register("cpus:4;disk:100")
    operator.reserve_resources(agent, "cpus(+dev):1;disk(+dev):64")
    operator.create_volumes(agent, "disk(+dev)#data<path=data>:32")
    operator.grow_volume(agent, "disk(+dev)#data<path=data>:32", "disk(+dev):16")
    operator.shrink_volume(agent, "disk(+dev)#data<path=data>:48", 8)
    [kept] = driver.poll()[-1:]
    assert isinstance(kept, tamias.Checkpoint)
    expected = "cpus(+dev):1;disk(+dev):24;disk(+dev)#data<path=data>:40"
    assert kept.resources == tamias.Resources(expected)
    operator.destroy_volumes(agent, "disk(+dev)#data<path=data>:40")
    operator.unreserve_resources(agent, "cpus(+dev):1;disk(+dev):64")
    [row] = kernel.query("get_agents")["agents"]
    assert row["total"] == "cpus:4;disk:100"
    with pytest.raises(tamias.TamiasError, match="resources"):
        operator.reserve_resources(agent, "cpus:1")
    with pytest.raises(TypeError, match="subtract: expected a number of MiB"):
        operator.shrink_volume(agent, "disk(+dev)#data:40", "8")


def test_principals_keep_to_the_policy(kernel: tamias.Kernel) -> None:
    operator = kernel.operator()
    ci = [{"principals": ["ci"], "actions": ["subscribe"], "roles": ["build"], "allow": True}]
    rules: Any = [*ci, {"principals": ["ci"], "allow": False}]
    operator.set_policy(rules)
    assert kernel.query("get_policy")["rules"] == rules
    with pytest.raises(tamias.NotPermittedError, match='principal "ci" may not subscribe'):
        kernel.subscribe(roles=["web"], principal="ci")
    kernel.subscribe(roles=["build"], principal="ci")
    with pytest.raises(tamias.NotPermittedError, match="may not watch"):
        kernel.operator(principal="ci").watch()
    with pytest.raises(TypeError, match="principal: expected a text"):
        kernel.agent_driver(principal=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="rules: expected a list of rules"):
        operator.set_policy({"allow": True})  # type: ignore[dict-item]
    mistaken: Any = [{"principal": "ci", "allow": True}]
    with pytest.raises(tamias.InvalidArgumentError, match=r"rules\[0\]"):
        operator.set_policy(mistaken)
