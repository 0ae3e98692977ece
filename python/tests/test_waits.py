"""Waiting: Ctrl-C, threads, closing, descriptors."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import World

import tamias
from tamias import Kernel, TaskSpec, TaskState

INTERRUPTED = """
import sys, time, tamias
kernel = tamias.Kernel()
framework = kernel.subscribe(roles=["dev"])
print("ready", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", time.monotonic_ns(), flush=True)
    with kernel:
        pass
    sys.exit(130)
"""


@pytest.mark.parametrize(
    "wait",
    ["framework.wait()", "framework.next_event()", "list(framework)", "framework.wait(3600)"],
)
def test_ctrl_c_ends_a_wait(wait: str) -> None:
    # 100 ms is the promise on an idle machine; tests share theirs, so the best of five counts.
    assert any(milliseconds_to_answer(wait) < 100 for _ in range(5))


def milliseconds_to_answer(wait: str) -> float:
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED.format(wait=wait)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.1)
        sent = time.monotonic_ns()
        child.send_signal(signal.SIGINT)
        word, noticed = child.stdout.readline().split()
        assert word == "interrupted"
        assert child.wait(10) == 130
    return (int(noticed) - sent) / 1e6


def test_a_wait_ends_with_its_timeout() -> None:
    with Kernel() as kernel:
        framework = kernel.subscribe(roles=["dev"])
        start = time.monotonic()
        assert framework.wait(0.12) is False
        assert time.monotonic() - start >= 0.12
        with pytest.raises(tamias.WaitTimeout) as error:
            framework.next_event(0)
        assert isinstance(error.value, TimeoutError)
        assert error.value.code is tamias.Code.WAIT_TIMEOUT
        assert framework.wait(-1) is False


def test_a_wait_lets_time_go_on() -> None:
    with Kernel({"offer_timeout_seconds": 0.05}) as kernel:
        kernel_agents = kernel.agent_driver()
        kernel_agents.register("cpus:1")
        framework = kernel.subscribe(roles=["dev"])
        assert isinstance(framework.next_event(10), tamias.OfferReceived)
        assert isinstance(framework.next_event(10), tamias.OfferRescinded)


def test_a_close_ends_waits_of_other_threads() -> None:
    with Kernel() as kernel, ThreadPoolExecutor() as pool:
        framework = kernel.subscribe(roles=["dev"])
        loops = [pool.submit(list, framework) for _ in range(2)]
        wait = pool.submit(framework.wait)
        time.sleep(0.1)
        kernel.close()
        assert [loop.result(10) for loop in loops] == [[], []]
        with pytest.raises(tamias.ClosedError):
            wait.result(10)


def test_the_end_of_a_subscription_ends_every_loop() -> None:
    with Kernel() as kernel, ThreadPoolExecutor() as pool:
        framework = kernel.subscribe(roles=["dev"])
        loops = [pool.submit(list, framework) for _ in range(3)]
        time.sleep(0.1)
        kernel.operator().teardown(framework.id)
        events = [event for loop in loops for event in loop.result(10)]
        assert events == [tamias.SubscriptionEnded(tamias.EndReason.TORN_DOWN)]
        with pytest.raises(tamias.ClosedError):
            framework.next_event(10)


def test_the_descriptor_is_readable_while_events_wait(world: World) -> None:
    poller = select.poll()
    poller.register(world.framework, select.POLLIN)
    assert poller.poll(0)
    assert world.framework.fileno() == world.framework.fileno()
    world.offer()
    assert not poller.poll(0)
    world.driver.register("cpus:1")
    world.kernel.advance(1)
    assert poller.poll(0)


def test_two_frameworks_in_threads_share_one_kernel() -> None:
    """Each runs 50 tasks over an agent that a third thread plays; nothing deadlocks or is lost."""
    with Kernel({"allocation_interval_seconds": 0.01}) as kernel:
        driver = kernel.agent_driver()
        driver.register("cpus:4")

        def play_agent() -> None:
            for event in driver:
                if isinstance(event, tamias.LaunchTask):
                    driver.update(event.task, TaskState.RUNNING)
                    driver.update(event.task, TaskState.FINISHED)

        def run(role: str) -> set[str]:
            finished: set[str] = set()
            waiting = [TaskSpec(f"{role}{n}", "cpus:1") for n in range(50)]
            with kernel.subscribe(roles=[role]) as framework:
                for event in framework:
                    match event:
                        case tamias.OfferReceived(offer):
                            count = int(offer.resources.cpus)
                            tasks, waiting = waiting[:count], waiting[count:]
                            framework.accept(offer, launch=tasks)
                        case tamias.TaskUpdated(status):
                            framework.acknowledge(status)
                            if status.state is TaskState.FINISHED:
                                finished.add(status.name)
                            if len(finished) == 50:
                                return finished
            raise AssertionError("the loop ended early")

        with ThreadPoolExecutor() as pool:
            agent = pool.submit(play_agent)
            roles = [pool.submit(run, role) for role in "ab"]
            assert [len(role.result(50)) for role in roles] == [50, 50]
            kernel.check_invariants()
            kernel.close()
            agent.result(10)


def test_many_threads_call_at_once() -> None:
    kernel = Kernel(clock=tamias.ManualClock())
    start = threading.Barrier(4)

    def register(_: int) -> None:
        start.wait()
        driver = kernel.agent_driver()
        for _ in range(100):
            driver.register("cpus:1")
            kernel.state_hash()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(register, range(4)))
    assert "agents=400" in repr(kernel)
    kernel.check_invariants()


def test_a_reader_that_falls_behind_is_resynced(kernel: Kernel) -> None:
    framework = kernel.subscribe(roles=["dev"])
    driver = kernel.agent_driver()
    for _ in range(5000):
        driver.register("cpus:1")
    seen: set[str] = set()
    resyncs = 0
    while events := framework.poll(max=1000):
        seen |= {event.offer.id for event in events if isinstance(event, tamias.OfferReceived)}
        resyncs += events.count(tamias.Resync())
    assert (len(seen), resyncs) == (5000, 1)


def test_descriptors_are_given_back() -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    def use() -> None:
        with Kernel() as kernel:
            framework = kernel.subscribe(roles=["dev"])
            framework.fileno()
            framework.wait(0.001)

    use()
    before = count()
    for _ in range(20):
        use()
    assert count() == before


def test_one_thread_waits_for_several_handles(world: World) -> None:
    handles: list[tamias.Framework | tamias.AgentDriver] = [world.framework, world.driver]
    assert world.kernel.wait(handles, 0)
    task = world.launch()
    assert world.kernel.wait(handles, 0), "the launch"
    world.driver.poll()
    assert not world.kernel.wait(handles, 0.01)
    world.driver.update(task, TaskState.RUNNING)
    assert world.kernel.wait([world.driver], 0) is False
    assert world.kernel.wait(handles, 0) is True
    with pytest.raises(TypeError, match=r"handles\[0\]: expected"):
        world.kernel.wait([world.kernel])  # type: ignore[list-item]
    other = Kernel()
    with pytest.raises(tamias.NotFoundError) as error:
        other.wait(handles)
    assert error.value.index == 0
