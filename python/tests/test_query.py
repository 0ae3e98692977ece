"""Queries, explanations, and ``tamias doctor``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import offers

from tamias import (
    AgentDriver,
    Framework,
    InvalidArgumentError,
    Kernel,
    NotFoundError,
    TaskSpec,
    journal,
)
from tamias.cli import main


def hoard(kernel: Kernel) -> tuple[AgentDriver, Framework, Framework]:
    """One framework has every agent, another gets none; they live as long as their handles."""
    driver = kernel.agent_driver()
    driver.register("cpus:4", name="m1")
    hoarder = kernel.subscribe(roles=["build"], name="hoarder")
    hoarder.launch(offers(hoarder), TaskSpec("t", "cpus:4"))
    poor = kernel.subscribe(roles=["web"], name="poor")
    kernel.drive()
    return driver, hoarder, poor


def test_an_explanation_names_reason_example_and_remedy(tmp_path: Path) -> None:
    with Kernel() as kernel:
        _kept = hoard(kernel)
        [agent] = kernel.query("get_agents")["agents"]
        [part] = kernel.explain(framework="poor")["roles"]
        [obstacle] = part["obstacles"]
        assert (obstacle["reason"], obstacle["count"]) == ("nothing_free", 1)
        assert obstacle["examples"] == [agent["agent"]]
        assert "weight" in obstacle["remedy"]
        assert kernel.explain(agent=agent["agent"])["offers"] == 0
        assert kernel.explain(role="web")["parts"][0]["framework"] == part["framework"]
        [task] = kernel.query("get_tasks", framework="hoarder")["tasks"]
        assert (task["name"], task["resources"]) == ("t", "cpus:4")
        assert kernel.query("get_tasks", framework="poor")["tasks"] == []


def test_a_query_changes_nothing() -> None:
    with Kernel() as kernel:
        _kept = hoard(kernel)
        before = kernel.seq, kernel.state_hash()
        kernel.query("get_state")
        kernel.query("diagnose")
        assert (kernel.seq, kernel.state_hash()) == before


def test_wrong_queries_say_what_is_wrong() -> None:
    with Kernel() as kernel:
        with pytest.raises(InvalidArgumentError, match="did you mean `get_tasks`"):
            kernel.query("get-tasks")
        with pytest.raises(InvalidArgumentError, match="agnet"):
            kernel.query("get_tasks", agnet="m1")
        with pytest.raises(InvalidArgumentError, match="exactly one of"):
            kernel.explain()
        with pytest.raises(TypeError, match="agent"):
            kernel.query("get_tasks", agent=3)  # type: ignore[arg-type]
        with pytest.raises(NotFoundError, match="nobody"):
            kernel.explain(framework="nobody")


def test_doctor_reads_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Kernel(journal=path) as kernel:
        _kept = hoard(kernel)
        kernel.flush()
        found = journal.query(path, "diagnose")["findings"]
        assert [finding["finding"] for finding in found] == ["starving"]
        run = CliRunner().invoke
        doctor = run(main, ["doctor", str(path)])
        assert doctor.exit_code == 1
        assert doctor.output.startswith('starving: framework f1.1 gets no offers in role "web"')
        assert "what helps: wait for tasks" in doctor.output
        why = run(main, ["doctor", str(path), "--framework", "poor"])
        assert why.exit_code == 0
        assert "nothing_free: 1 agent (a0.1)" in why.output
        agent = run(main, ["doctor", str(path), "--agent", "m1"])
        assert "agent a0.1: active, nothing free" in agent.output
        role = run(main, ["doctor", str(path), "--role", "web"])
        assert "agents it could be offered: 0 of 1" in role.output
        assert run(main, ["doctor", str(path), "--role", "none"]).exit_code == 1
        both = run(main, ["doctor", str(path), "--role", "web", "--agent", "m1"])
        assert both.exit_code == 2


def test_doctor_finds_nothing_in_good_order(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Kernel(journal=path) as kernel:
        driver = kernel.agent_driver()
        driver.register("cpus:4", name="m1")
        kernel.flush()
        result = CliRunner().invoke(main, ["doctor", str(path)])
        assert (result.exit_code, result.output) == (0, "nothing deserves a look\n")
