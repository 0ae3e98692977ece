"""What a call from Python costs: ``python python/benches/border.py [ROUNDS]``.

Prints nanoseconds per item as median [min .. max] over the rounds. ``core/benches/border.rs`` does
the same without the border.
"""

from __future__ import annotations

import statistics
import sys
import time

import tamias

BATCH = 256


def offered(kernel: tamias.Kernel, framework: tamias.Framework) -> tamias.Offer:
    """The next offer; lets time go on until there is one."""
    while True:
        for event in framework.poll():
            if isinstance(event, tamias.OfferReceived):
                return event.offer
        kernel.advance(1)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 101
    figures: dict[str, list[float]] = {}
    kernel = tamias.Kernel(clock=tamias.ManualClock())
    driver = kernel.agent_driver()
    driver.register(resources="cpus:256;mem:65536")
    framework = kernel.subscribe(roles=["dev"])
    tasks = [tamias.TaskSpec(f"t{i}", resources="cpus:1;mem:64") for i in range(BATCH)]
    for _ in range(rounds):
        offer = offered(kernel, framework)

        def record(name: str, start: int) -> None:
            figures.setdefault(name, []).append((time.perf_counter_ns() - start) / BATCH)

        start = time.perf_counter_ns()
        for _ in range(BATCH):
            _now = kernel.now_ns
        record("empty", start)

        start = time.perf_counter_ns()
        outcomes = framework.launch([offer], tasks)
        record("launch_256", start)
        while driver.poll():
            pass

        framework.suppress()  # Else every task that ends would be offered by itself.
        start = time.perf_counter_ns()
        for outcome in outcomes:
            assert outcome.task is not None
            driver.update(outcome.task, tamias.TaskState.FINISHED)
        record("update_1", start)

        start = time.perf_counter_ns()
        events = framework.poll()
        record("event_256", start)

        start = time.perf_counter_ns()
        for event in events:
            if isinstance(event, tamias.TaskUpdated):
                framework.acknowledge(event.status)
        record("acknowledge_1", start)
        framework.revive()
    for name, values in figures.items():
        middle = statistics.median(values)
        print(f"border/python/{name} {middle:.1f} [{min(values):.1f} .. {max(values):.1f}] ns")


if __name__ == "__main__":
    main()
