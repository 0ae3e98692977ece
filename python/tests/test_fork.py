"""A forked child can do nothing with its parent's kernel, and does it no harm."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from conftest import World

import tamias


def attempts(world: World) -> dict[str, Callable[[], Any]]:
    """Everything that touches the kernel."""
    kernel, framework, driver = world.kernel, world.framework, world.driver
    return {
        "state_hash": kernel.state_hash,
        "operator": kernel.operator,
        "subscribe": lambda: kernel.subscribe(roles=["a"]),
        "advance": lambda: kernel.advance(1),
        "drive": kernel.drive,
        "now_ns": lambda: kernel.now_ns,
        "next_deadline_ns": lambda: kernel.next_deadline_ns,
        "revive": framework.revive,
        "poll": framework.poll,
        "wait": framework.wait,
        "next_event": framework.next_event,
        "fileno": framework.fileno,
        "iterate": lambda: next(framework),
        "register": lambda: driver.register("cpus:1"),
    }


def in_child(world: World, answers: Any) -> None:
    codes = {}
    for name, call in attempts(world).items():
        try:
            call()
            codes[name] = "nothing happened"
        except tamias.ClosedError as error:
            codes[name] = error.code.name
    repr(world)
    world.framework.close()
    world.kernel.close()
    with tamias.Kernel() as own:
        codes["own"] = str(len(own.state_hash()))
    answers.put(codes)


def test_a_multiprocessing_child_is_refused(world: World) -> None:
    before = world.kernel.state_hash()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=in_child, args=(world, answers))
    child.start()
    codes = answers.get(timeout=20)
    child.join(20)
    assert child.exitcode == 0
    assert codes.pop("own") == "64"
    assert set(codes.values()) == {"FORKED"}, codes
    assert codes.keys() == attempts(world).keys()
    assert world.kernel.state_hash() == before
    world.offer()


def test_a_child_of_a_waiting_process_ends(world: World) -> None:
    """Locks that another thread held at the fork are held for ever in the child."""
    kernel = tamias.Kernel()
    framework = kernel.subscribe(roles=["dev"])
    waiting = threading.Thread(target=lambda: list(framework))
    waiting.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            status = 1
            try:
                kernel.state_hash()
            except tamias.ClosedError:
                del kernel, framework
                gc.collect()
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    finally:
        kernel.close()
        waiting.join(10)
    assert not waiting.is_alive()


def test_handles_are_not_pickled(world: World) -> None:
    import pickle

    for handle in (world.kernel, world.framework, world.driver, world.kernel.operator()):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(handle)
