"""Real processes through the kernel."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tamias
from tamias import Kernel, LocalAgent, TaskSpec, TaskState

FAST: tamias.Options = {"allocation_interval_seconds": 0.02}


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with Kernel(FAST) as kernel:
        yield kernel
        if not kernel.closed:
            kernel.check_invariants()


def run(kernel: Kernel, *specs: TaskSpec) -> dict[str, tamias.TaskStatus]:
    """Runs tasks to their ends."""
    waiting, ended = list(specs), dict[str, tamias.TaskStatus]()
    with kernel.subscribe(roles=["test"], failover_timeout_seconds=0) as framework:
        for event in framework:
            match event:
                case tamias.OfferReceived(offer):
                    framework.accept(offer, launch=waiting)
                    waiting = []
                case tamias.TaskUpdated(status):
                    framework.acknowledge(status)
                    if status.state.is_terminal:
                        ended[status.name] = status
                    if len(ended) == len(specs):
                        return ended
    raise AssertionError("the loop ended early")


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_processes_end_as_they_do(kernel: Kernel, tmp_path: Path) -> None:
    with LocalAgent(kernel, tmp_path / "work", resources={"cpus": 4}) as agent:
        assert agent.supervisor_pid is not None
        assert agent.limits
        assert agent.id == "a0.1"
        assert agent.work_dir == tmp_path / "work"
        stdin = tmp_path / "in"
        stdin.write_text("from a file")
        command = tamias.TaskCommand(
            shell="cat; echo $WORD >&2; pwd", env={"WORD": "hi"}, cwd="/", stdin=str(stdin)
        )
        ended = run(
            kernel,
            TaskSpec("good", "cpus:1", command),
            TaskSpec("bad", "cpus:1", "exit 7"),
            TaskSpec("none", "cpus:1", ["/no/such/program"]),
            TaskSpec("killed", "cpus:1", ["sleep", "60"], max_completion_seconds=0.2),
        )
        states = {name: status.state for name, status in ended.items()}
        assert states.pop("good") is TaskState.FINISHED
        assert set(states.values()) == {TaskState.FAILED}
        assert ended["bad"].message == "exit code 7"
        assert ended["none"].reason is tamias.Reason.CONTAINER_LAUNCH_FAILED
        assert ended["killed"].reason is tamias.Reason.MAX_COMPLETION_TIME_REACHED
        data = json.loads(ended["good"].data or b"")
        sandbox = Path(data["sandbox"])
        assert sandbox.is_relative_to(tmp_path / "work")
        assert (sandbox / "stdout").read_text() == "from a file/\n"
        assert (sandbox / "stderr").read_text() == "hi\n"
        pid = agent.supervisor_pid
    assert gone(pid)
    assert agent.supervisor_pid is None


def test_what_a_machine_offers() -> None:
    machine = tamias.machine_resources()
    assert machine.cpus == len(os.sched_getaffinity(0)) or machine.cpus > 0
    assert machine.mem > 0


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"resources": {"cpus": 0}}, None, ""),
        ({"resources": "cpus:x"}, tamias.InvalidArgumentError, "resources: item 0"),
        ({"on_owner_exit": "maybe"}, tamias.InvalidArgumentError, 'neither "kill" nor "keep"'),
        ({"supervisor": "/no/such"}, tamias.SystemCallError, "/no/such"),
        ({"name": "a/b"}, tamias.InvalidArgumentError, "name"),
    ],
)
def test_what_cannot_be_started(
    kernel: Kernel, tmp_path: Path, options: Any, error: Any, text: str
) -> None:
    before = kernel.state_hash()
    if error is None:
        # Nothing of cpus given is nothing replaced.
        with LocalAgent(kernel, tmp_path, **options):
            return
    with pytest.raises(error, match=text):
        LocalAgent(kernel, tmp_path, **options)
    if error is tamias.InvalidArgumentError and "name" not in options:
        assert kernel.state_hash() == before


def test_two_agents_of_one_name(kernel: Kernel, tmp_path: Path) -> None:
    with LocalAgent(kernel, tmp_path / "a"), pytest.raises(tamias.PreconditionError) as error:
        LocalAgent(kernel, tmp_path / "b")
    assert error.value.code is tamias.Code.AGENT_CONNECTED


OWNER = """
import json, sys, tamias
kernel = tamias.Kernel()
agent = tamias.LocalAgent(kernel, sys.argv[1], resources={"cpus": 1}, kill_grace_seconds=0.2)
framework = kernel.subscribe(roles=["x"])
waiting = [tamias.TaskSpec("t", "cpus:1", "trap '' TERM; sleep 300 & echo $$ $!; wait; sleep 300")]
for event in framework:
    match event:
        case tamias.OfferReceived(offer):
            framework.accept(offer, launch=waiting)
            waiting = []
        case tamias.TaskUpdated(status):
            framework.acknowledge(status)
            if status.state == "TASK_RUNNING":
                print(agent.supervisor_pid, json.loads(status.data)["sandbox"], flush=True)
"""


def test_nothing_outlives_a_killed_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "work")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout is not None
        supervisor, sandbox = owner.stdout.readline().split()
        output = Path(sandbox, "stdout")
        while not output.read_text().endswith("\n"):
            time.sleep(0.01)
        pids = [int(supervisor), *map(int, output.read_text().split())]
        assert all(is_alive(pid) for pid in pids)
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
    assert [pid for pid in pids if not gone(pid)] == []


def in_child(kernel: Kernel, agent: LocalAgent, answers: Any) -> None:
    try:
        kernel.agent_driver()
    except tamias.ClosedError as error:
        answers.put(error.code.name)
    agent.close()
    del agent


def test_a_multiprocessing_child_leaves_tasks_alone(kernel: Kernel, tmp_path: Path) -> None:
    with LocalAgent(kernel, tmp_path, resources={"cpus": 2}) as agent:
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        child = context.Process(target=in_child, args=(kernel, agent, answers))
        child.start()
        assert answers.get(timeout=20) == "FORKED"
        child.join(20)
        assert child.exitcode == 0
        assert agent.supervisor_pid is not None
        assert is_alive(agent.supervisor_pid)
        assert run(kernel, TaskSpec("t", "cpus:1", "true"))["t"].state is TaskState.FINISHED


def test_asyncio_keeps_its_child_watcher(kernel: Kernel, tmp_path: Path) -> None:
    """Hosts own SIGCHLD: processes of asyncio and tasks of the agent do not disturb each other."""

    async def both() -> tuple[int | None, TaskState]:
        loop = asyncio.get_running_loop()
        task = loop.run_in_executor(None, run, kernel, TaskSpec("t", "cpus:1", "sleep 0.2"))
        process = await asyncio.create_subprocess_exec("sh", "-c", "sleep 0.1; exit 5")
        return await process.wait(), (await task)["t"].state

    with LocalAgent(kernel, tmp_path, resources={"cpus": 2}):
        assert asyncio.run(both()) == (5, TaskState.FINISHED)


def test_an_event_loop_serves_the_agent(kernel: Kernel, tmp_path: Path) -> None:
    """Without a wait: asyncio watches the framework's descriptor and drives the kernel."""

    async def drive() -> TaskState:
        ended = asyncio.get_running_loop().create_future()
        waiting = [TaskSpec("t", "cpus:1", "true")]

        def read() -> None:
            for event in framework.poll():
                match event:
                    case tamias.OfferReceived(offer):
                        framework.accept(offer, launch=waiting)
                        waiting.clear()
                    case tamias.TaskUpdated(status):
                        framework.acknowledge(status)
                        if status.state.is_terminal and not ended.done():
                            ended.set_result(status.state)

        asyncio.get_running_loop().add_reader(framework, read)
        while not ended.done():
            kernel.drive()
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().remove_reader(framework)
        state: TaskState = ended.result()
        return state

    with (
        LocalAgent(kernel, tmp_path, resources={"cpus": 1}),
        kernel.subscribe(roles=["x"]) as framework,
    ):
        assert asyncio.run(drive()) is TaskState.FINISHED


def test_kept_tasks_come_back_to_the_next_owner(tmp_path: Path) -> None:
    """With a journal and `keep`: the kernel is opened again and hears how the task ended."""
    journal, work = tmp_path / "journal", tmp_path / "work"
    with Kernel(FAST, journal=journal) as kernel:
        agent = LocalAgent(kernel, work, resources={"cpus": 1}, on_owner_exit="keep")
        framework = kernel.subscribe(roles=["x"], name="f")
        spec = TaskSpec("t", "cpus:1", "sleep 0.5; echo done")
        while True:
            event = framework.next_event(20)
            if isinstance(event, tamias.OfferReceived):
                framework.launch(event.offer, spec)
            if isinstance(event, tamias.TaskUpdated):
                framework.acknowledge(event.status)
                if event.status.state is TaskState.RUNNING:
                    break
        kernel.close()
        agent.close()
    with Kernel(FAST, journal=journal) as kernel:
        framework = kernel.subscribe(roles=["x"], name="f")
        assert framework.is_resubscribed
        with LocalAgent(kernel, work, resources={"cpus": 1}, on_owner_exit="kill"):
            while True:
                event = framework.next_event(20)
                if isinstance(event, tamias.TaskUpdated) and event.status.state.is_terminal:
                    break
            assert event.status.state is TaskState.FINISHED
            sandbox = Path(json.loads(event.status.data or b"")["sandbox"])
            assert (sandbox / "stdout").read_text() == "done\n"
