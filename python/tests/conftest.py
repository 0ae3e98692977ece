"""What the tests share: a small world with one agent and one framework."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import tamias

AGENT = "cpus:4;mem:1024;ports:[1-9]"


@dataclass
class World:
    """A kernel whose time stands still, an agent that runs nothing, a framework in role dev."""

    kernel: tamias.Kernel
    driver: tamias.AgentDriver
    agent: tamias.AgentId
    framework: tamias.Framework

    def offer(self) -> tamias.Offer:
        """The offers that came since the last look must be one."""
        [offer] = offers(self.framework)
        return offer

    def launch(self, name: str = "t", resources: Any = "cpus:1") -> tamias.TaskId:
        """Launches a task on the only offer."""
        [outcome] = self.framework.launch(self.offer(), tamias.TaskSpec(name, resources))
        assert outcome.task is not None
        return outcome.task


def offers(framework: tamias.Framework) -> list[tamias.Offer]:
    """The offers that came since the last look; other events are dropped."""
    events = framework.poll()
    return [event.offer for event in events if isinstance(event, tamias.OfferReceived)]


def statuses(framework: tamias.Framework) -> list[tamias.TaskStatus]:
    """The status updates that came since the last look; other events are dropped."""
    events = framework.poll()
    return [event.status for event in events if isinstance(event, tamias.TaskUpdated)]


@pytest.fixture
def kernel() -> Iterator[tamias.Kernel]:
    with tamias.Kernel(clock=tamias.ManualClock()) as kernel:
        yield kernel
        if not kernel.closed:
            kernel.check_invariants()


@pytest.fixture
def world(kernel: tamias.Kernel) -> World:
    driver = kernel.agent_driver()
    agent = driver.register(AGENT, name="m1", attributes={"rack": "r1"})
    return World(kernel, driver, agent, kernel.subscribe(roles=["dev"], name="f"))
