"""Resources: exact in, exact out, and the algebra."""

from __future__ import annotations

import pickle
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamias import InvalidArgumentError, Resources

amounts = st.decimals("0.001", "1000000", places=3)
points = st.integers(0, 1000)


@st.composite
def resources(draw: st.DrawFn) -> Resources:
    parts: dict[str, Any] = {}
    for name in draw(st.sets(st.sampled_from(["cpus", "mem", "gpus", "licences"]))):
        parts[name] = draw(amounts)
    if draw(st.booleans()):
        begin, length = draw(points), draw(points)
        parts["ports"] = [(begin, begin + length)]
    if draw(st.booleans()):
        parts["disks"] = draw(st.sets(st.sampled_from("abcd"), min_size=1))
    return Resources(parts)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("cpus:4;mem:8192;ports:[31000-32000];disks:{a,b}", None),
        ({"mem": 1, "cpus": 0.1}, "cpus:0.1;mem:1"),
        ({"cpus": Decimal("1.5")}, "cpus:1.5"),
        ({"cpus": Decimal("1E+3")}, "cpus:1000"),
        ({"cpus": 1e-3}, "cpus:0.001"),
        ({"cpus": 0.0005}, "cpus:0.001"),
        ({"cpus": "2.5"}, "cpus:2.5"),
        ({"cpus": 0}, ""),
        ({"mem": "512MiB"}, "mem:512"),
        ({"mem": "1.5 GiB"}, "mem:1536"),
        ({"mem": "1TiB", "disk": "1PiB"}, "mem:1048576;disk:1073741824"),
        ({"mem": "1GB"}, "mem:953.674"),
        ({"mem": "512KiB"}, "mem:0.5"),
        ({"mem": "100"}, "mem:100"),
        ({"ports": [(31000, 32000), (1, 2)]}, "ports:[1-2,31000-32000]"),
        ({"ports": range(31000, 32000)}, "ports:[31000-31999]"),
        ({"ports": range(0)}, ""),
        ({"ports": "[1-3]"}, "ports:[1-3]"),
        ({"disks": {"b", "a"}}, "disks:{a,b}"),
        ({"disks": ["a"]}, "disks:{a}"),
        ({}, ""),
        (None, ""),
        ('{"cpus": 4, "ports": [[1, 2]]}', "cpus:4;ports:[1-2]"),
    ],
)
def test_every_form_is_read(given: Any, text: str | None) -> None:
    assert str(Resources(given)) == (given if text is None else text)


def test_keywords_add_to_the_value() -> None:
    assert Resources("cpus:1", cpus=0.5, mem="1GiB") == Resources("cpus:1.5;mem:1024")


def test_values_come_back_as_python() -> None:
    mixed = Resources("cpus:1.5;mem:64;ports:[1-3,7-9];disks:{a,b}")
    assert mixed.cpus == Decimal("1.5")
    assert isinstance(mixed["cpus"], Decimal)
    assert [mixed.mem, mixed.disk, mixed.gpus] == [Decimal(n) for n in (64, 0, 0)]
    assert mixed["ports"] == ((1, 3), (7, 9))
    assert mixed["disks"] == frozenset({"a", "b"})
    assert (list(mixed), len(mixed)) == (["cpus", "mem", "ports", "disks"], 4)
    assert mixed.names() == list(mixed)
    assert "cpus" in mixed
    assert "gpus" not in mixed
    assert mixed.get("gpus") is None
    assert mixed.get("gpus", 7) == 7
    assert mixed.get("not a name") is None
    with pytest.raises(KeyError, match="gpus"):
        mixed["gpus"]


def test_arithmetic_takes_every_form() -> None:
    four = Resources("cpus:4")
    assert four + {"cpus": 1} == Resources("cpus:5")
    assert {"cpus": 1} + four == Resources("cpus:5")
    assert "cpus:5" - four == Resources("cpus:1")
    assert four - "cpus:9" == Resources(), "never below nothing"
    assert Resources("ports:[1-5]").overlaps(Resources("ports:[5-9]"))
    with pytest.raises(InvalidArgumentError, match="one name has one kind"):
        four + "cpus:[1-2]"
    with pytest.raises(TypeError):
        four + 1  # type: ignore[operator]
    assert four != 4
    with pytest.raises(TypeError):
        four >= 4  # type: ignore[operator]  # noqa: B015


@given(resources(), resources())
def test_the_algebra_holds(a: Resources, b: Resources) -> None:
    total = a + b
    assert total >= a
    assert total >= b
    assert a <= total
    assert b + a == total
    assert (total > a) == (total != a)
    assert not a < a
    if not a.overlaps(b):
        assert total - b == a
    assert hash(b + a) == hash(total)


@given(resources())
def test_text_and_pickle_read_back(value: Resources) -> None:
    assert Resources(str(value)) == value
    assert eval(repr(value)) == value
    assert pickle.loads(pickle.dumps(value)) == value


@given(st.decimals("0", "1000000000000", allow_nan=False, places=6))
def test_amounts_round_half_away_from_zero_once(amount: Decimal) -> None:
    expected = amount.quantize(Decimal("0.001"), ROUND_HALF_UP)
    try:
        read = Resources({"cpus": amount}).cpus
    except InvalidArgumentError as error:
        assert "rounds to 0" in error.message
        assert 0 < amount < Decimal("0.0005")
    else:
        assert read == expected


@given(st.floats(0.001, 1e9))
def test_a_float_counts_as_what_it_prints(amount: float) -> None:
    assert Resources({"cpus": amount}) == Resources({"cpus": repr(amount)})


@given(st.integers(1, 10**9), st.sampled_from(["KiB", "MiB", "GiB", "kB", "MB", "GB"]))
def test_units_are_exact(number: int, unit: str) -> None:
    size = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
    mebibytes = Decimal(number) * size[unit] / 2**20
    expected = mebibytes.quantize(Decimal("0.001"), ROUND_HALF_UP)
    if expected > 10**12:
        with pytest.raises(InvalidArgumentError, match="too large"):
            Resources({"mem": f"{number}{unit}"})
    elif expected:
        assert Resources({"mem": f"{number}{unit}"}).mem == expected


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for value in (text, {"cpus": text}, {text: 1}, {"mem": text}, {"disks": [text]}):
        try:
            read = Resources(value)
        except InvalidArgumentError as error:
            assert error.field.startswith("resources")
            assert error.message
        else:
            assert Resources(str(read)) == read
