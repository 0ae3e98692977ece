"""Values: equal to the kernel's vocabulary, immutable, picklable; errors as a hierarchy."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import enum
import gc
import pickle
import re
import tracemalloc
import weakref
from typing import Any

import pytest
from conftest import World, statuses

import tamias
from tamias import _native, errors
from tamias import types as types_module


def values(world: World) -> list[Any]:
    """One of every class."""
    offer = world.offer()
    command = tamias.TaskCommand(["a"], env={"B": "c"}, cwd="/", stdin="x")
    spec = tamias.TaskSpec(
        "t", "cpus:1", command, kill_grace_seconds=1, labels={"a": "b"}, ext=tamias.Ext("m", b"x")
    )
    outcomes = world.framework.launch(offer, spec)
    assert outcomes[0].task is not None
    world.driver.update(outcomes[0].task, tamias.TaskState.RUNNING)
    [status] = statuses(world.framework)
    task, agent = outcomes[0].task, world.agent
    assert status.uuid is not None
    return [
        offer,
        command,
        spec,
        *outcomes,
        status,
        task,
        agent,
        world.framework.session,
        tamias.ManualClock(5),
        tamias.TaskState.LOST,
        tamias.OfferReceived(offer, seq=3, ordinal=1),
        tamias.OfferRescinded(offer.id, tamias.RescindReason.TIMEOUT),
        tamias.TaskUpdated(status),
        tamias.AgentLost(agent),
        tamias.SubscriptionEnded(tamias.EndReason.TORN_DOWN),
        tamias.LaunchTask(agent, task, world.framework.id, "dev", spec),
        tamias.KillTask(agent, task, 1.0),
        tamias.UpdateAcknowledged(agent, task, status.uuid),
        tamias.AgentRemoved(agent),
        tamias.Resync(),
        tamias.OfferGoneError(tamias.Code.OFFER_GONE, "gone", "offers[1]", 1),
    ]


def test_values_are_pickled_and_copied(world: World) -> None:
    for value in values(world):
        for again in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value), copy.copy(value)):
            assert type(again) is type(value)
            if isinstance(value, tamias.TamiasError):
                assert (again.code, again.field, again.index) == (0x401, "offers[1]", 1)
                assert str(again) == str(value)
            else:
                assert again == value
                assert repr(again) == repr(value)
                assert hash(again) == hash(value)


def test_values_are_frozen_and_show_no_address(world: World) -> None:
    for value in values(world):
        assert " at 0x" not in repr(value)
        if dataclasses.is_dataclass(value):
            fields = dataclasses.fields(value)
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, fields[0].name, None)
    for handle in (world.kernel, world.framework, world.driver, world.kernel.operator()):
        assert re.fullmatch(r"<\w+ [^@]*>", repr(handle))
        assert " at 0x" not in repr(handle)


def test_a_spec_can_be_changed_into_another() -> None:
    spec = tamias.TaskSpec("a", "cpus:1", "echo hi")
    other = dataclasses.replace(spec, name="b")
    assert (other.name, other.command) == ("b", tamias.TaskCommand(shell="echo hi"))
    assert spec.resources.cpus == 1


def test_classes_are_final(world: World) -> None:
    for name in ("Kernel", "Framework", "AgentDriver", "Operator", "Resources"):
        with pytest.raises(TypeError, match="not an acceptable base type"):
            type("Own", (getattr(tamias, name),), {})
    for name in ("Framework", "AgentDriver", "Operator"):
        with pytest.raises(TypeError, match=r"No constructor|cannot create"):
            getattr(tamias, name)()


def test_codes_are_those_of_the_kernel() -> None:
    native = dict(_native.codes())
    own = {code.name.title().replace("_", ""): int(code) for code in tamias.Code}
    assert own == native


def test_every_code_has_its_exception() -> None:
    for code in tamias.Code:
        error = errors._from_native(int(code), "text", "field", 3)
        assert error.code is code
        assert type(error).__name__ in tamias.__all__
        assert str(error) == "field: text"
    assert issubclass(tamias.OfferGoneError, tamias.PreconditionError)
    assert issubclass(tamias.InvalidArgumentError, ValueError)
    assert issubclass(tamias.NotFoundError, LookupError)
    assert issubclass(tamias.WaitTimeout, TimeoutError)
    assert issubclass(tamias.PoisonedError, RuntimeError)


def test_vocabularies_are_those_of_the_kernel(world: World) -> None:
    """Every member is understood, and the kernel knows no other: it names them when asked."""
    task = world.launch()
    for reason in tamias.Reason:
        world.driver.update(task, tamias.TaskState.RUNNING, reason=reason)
    told = []
    while update := statuses(world.framework):
        told.append(update[0].reason)
        world.framework.acknowledge(update[0])
    assert told == list(tamias.Reason)
    numbers = [state.number for state in tamias.TaskState]
    assert numbers == list(range(14))
    classes = [getattr(types_module, name) for name in ("TaskState", "Source", "Reason")]
    assert all(issubclass(kind, enum.StrEnum) for kind in classes)


def test_everything_public_is_documented() -> None:
    for name in tamias.__all__:
        found = getattr(tamias, name)
        if isinstance(found, type):
            assert found.__doc__, name
            for part in vars(found):
                if not part.startswith("_") and callable(getattr(found, part)):
                    assert getattr(found, part).__doc__, f"{name}.{part}"


def test_nothing_leaks() -> None:
    handles: list[weakref.ref[Any]] = []

    def live_one_life() -> None:
        with tamias.Kernel(clock=tamias.ManualClock()) as kernel:
            driver = kernel.agent_driver()
            driver.register("cpus:4", attributes="a:b")
            framework = kernel.subscribe(roles=["dev"])
            for event in framework.poll():
                if isinstance(event, tamias.OfferReceived):
                    framework.launch(event.offer, tamias.TaskSpec("t", "cpus:1", ["x"]))
            for launch in driver.poll():
                if isinstance(launch, tamias.LaunchTask):
                    driver.update(launch.task, tamias.TaskState.FINISHED)
            with contextlib.suppress(tamias.InvalidArgumentError):
                framework.acknowledge("t", "0" * 32)
            framework.poll()
            handles.extend(weakref.ref(handle) for handle in (kernel, driver, framework))

    def live(count: int) -> int:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            live_one_life()
        assert {handle() for handle in handles} == {None}
        handles.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    live(200)
    grown = min(live(200) for _ in range(3))
    tracemalloc.stop()
    # One object of 56 bytes a life would be 11 kB; free lists of the interpreter breathe a little.
    assert grown < 8_000, f"{grown} bytes for 200 lives"


def test_native_memory_does_not_grow() -> None:
    """What the interpreter does not trace: the kernel's own memory."""

    def resident() -> int:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    def live_one_life() -> None:
        with tamias.Kernel(clock=tamias.ManualClock()) as kernel:
            driver = kernel.agent_driver()
            for _ in range(50):
                driver.register("cpus:4", attributes="a:b")
            kernel.subscribe(roles=["dev"]).poll()

    for _ in range(20):
        live_one_life()
    before = resident()
    for _ in range(100):
        live_one_life()
    assert resident() - before < 8 << 20
