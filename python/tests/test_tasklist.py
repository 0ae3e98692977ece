"""The list of commands: what is read, and that every mistake says file, line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tamias import Resources, TaskCommand
from tamias.cli.tasklist import Entry, TaskListError, parse, read

HERE = Path(__file__).parent
GOOD: dict[str, Any] = {"role": "a", "cpus": 1, "command": ["true"]}


def line(**fields: Any) -> str:
    return json.dumps({key: value for key, value in (GOOD | fields).items() if value is not None})


def mistakes(*lines: str | bytes) -> list[tuple[int, str, str]]:
    """Line, field and text of every mistake."""
    data = b"\n".join(part.encode() if isinstance(part, str) else part for part in lines)
    with pytest.raises(TaskListError) as error:
        parse(data, "list.jsonl", HERE)
    for mistake in error.value.mistakes:
        place = f"list.jsonl:{mistake.line}: "
        assert str(mistake).startswith(place + (f"{mistake.field}: " if mistake.field else ""))
        assert mistake.message
    return [(m.line, m.field, m.message) for m in error.value.mistakes]


def test_everything_that_a_line_can_say() -> None:
    full = {
        "role": "a",
        "mem": "1.5GiB",
        "cpus": 0.1,
        "command": ["echo", "é"],
        "name": "x",
        "env": {"A": "1"},
        "cwd": "/",
        "stdin": "/dev/null",
        "timeout": 1.5,
        "retries": 2,
        "after": ["line-4"],
    }
    text = f"# a comment\n\n{json.dumps(full)}\n{line(command='exit 0')}\n"
    first, second = parse(text.encode(), "list.jsonl", HERE)
    assert first == Entry(
        line=3,
        name="x",
        role="a",
        resources=Resources("cpus:0.1;mem:1536"),
        command=TaskCommand(["echo", "é"], env={"A": "1"}, cwd="/", stdin="/dev/null"),
        timeout=1.5,
        retries=2,
        after=("line-4",),
    )
    assert (second.name, second.command.shell) == ("line-4", "exit 0")
    assert second.command.cwd == str(HERE), "where it was started"


@pytest.mark.parametrize("given", ["cpus:1;mem:64", {"cpus": 1, "mem": "64MiB"}])
def test_resources_in_every_form(given: Any) -> None:
    [entry] = parse(line(cpus=None, resources=given).encode(), "x", HERE)
    assert entry.resources == Resources("cpus:1;mem:64")


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("{", "", "not JSON at column 2"),
        ("[1]", "", "expected an object such as"),
        ('"x"', "", "got a text"),
        ('{"role":NaN}', "", "NaN is not a number"),
        ('{"role":"a","role":"b"}', "role", "stands there twice"),
        ("[" * 100_000, "", "nested too deeply"),
        (line(role=None), "role", "is missing"),
        (line(role=1), "role", "expected a text, got a number"),
        (line(role="a b"), "role", "no blanks"),
        (line(role="a/b"), "role", "no '/'"),
        (line(rolle="a"), "rolle", "did you mean 'role'?"),
        (line(zzz=1), "zzz", "expected one of role, cpus"),
        (line(cpus=None), "cpus", "is missing"),
        (line(cpus=-1), "cpus", "negative"),
        (line(cpus=0), "cpus", "is nothing"),
        (line(cpus="much"), "cpus", "neither a number"),
        (line(cpus=1e99), "cpus", "too large"),
        (line(cpus=True), "cpus", "expected a number"),
        (line(mem="1 elephant"), "mem", "neither a number"),
        (line(resources="cpus:1"), "cpus", "give either resources, or cpus and mem"),
        (line(cpus=None, resources="cpus"), "resources", "there is no ':'"),
        (line(cpus=None, resources=[1]), "resources", "expected a text or an object, got a list"),
        (line(command=None), "command", "is missing"),
        (line(command=[]), "command", "names no program"),
        (line(command=" "), "command", "is empty"),
        (line(command=["a", 1]), "command[1]", "expected a text, got a number"),
        (line(command=["a\0"]), "command[0]", "NUL"),
        (line(command={"argv": []}), "command", "got an object"),
        (line(name=""), "name", "is no name"),
        (line(name="a/b"), "name", "no slashes"),
        (line(name="\ud800"), "name", "surrogate"),
        (line(name="x" * 300), "name", "1 to 255 bytes"),
        (line(env=[]), "env", "expected an object of texts"),
        (line(env={"A=": "1"}), "env", "no name of a variable"),
        (line(env={"A": 1}), "env.A", "expected a text, got a number"),
        (line(cwd="nowhere"), "cwd", "is no directory"),
        (line(stdin="nowhere"), "stdin", "cannot be read"),
        (line(timeout=0), "timeout", "out of range"),
        (line(timeout="1"), "timeout", "expected seconds, got a text"),
        (line(timeout=True), "timeout", "expected seconds, got a bool"),
        (line(retries=-1), "retries", "out of range"),
        (line(retries=1.5), "retries", "expected a whole number"),
        (line(after="x"), "after", "expected a list of names, got a text"),
        (line(after=[1]), "after[0]", "expected a text"),
        (line(after=["ok", "ok"]), "after[1]", "is listed twice"),
        (line(after=["okk"]), "after[0]", "no line has the name 'okk': did you mean 'ok'?"),
        (line(name="me", after=["me"]), "after", "waits for itself: me -> me"),
    ],
)
def test_a_mistake_says_where(text: str, field: str, message: str) -> None:
    [(number, where, said)] = mistakes(line(name="ok"), text)
    assert (number, where) == (2, field)
    assert message in said
    assert len(said) < 250


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes(line(cpus="x"), line(name="a"), line(role=None), line(name="a"), b"\xff{}")
    assert [(number, field) for number, field, _ in found] == [
        (1, "cpus"),
        (3, "role"),
        (4, "name"),
        (5, ""),
    ]
    assert "the name of line 2 already" in found[2][2]
    assert found[3][2] == "byte 1 of the line is not UTF-8"


def test_a_circle_is_shown() -> None:
    names = ["a", "b", "c"]
    lines = [line(name=name, after=[names[place - 1]]) for place, name in enumerate(names)]
    [(number, field, said)] = mistakes(line(name="free"), *lines)
    assert (number, field) == (2, "after")
    assert said == "waits for itself: a -> c -> b -> a"


def test_a_long_chain_is_no_circle() -> None:
    count = 30_000
    lines = [line(name=str(n), after=[str(n + 1)] if n + 1 < count else []) for n in range(count)]
    assert len(parse("\n".join(lines).encode(), "x", HERE)) == count


def test_each_name_that_is_missing_is_told() -> None:
    found = mistakes(line(name="a", after=["x"]), line(after=["y", "a"]))
    assert [(number, field) for number, field, _ in found] == [(1, "after[0]"), (2, "after[0]")]


def test_nothing_to_run_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes("# nothing", "")[0][2].startswith("there is nothing to run")
    with pytest.raises(TaskListError, match="No such file"):
        read(tmp_path / "gone.jsonl")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data, "x", HERE)
    except TaskListError as error:
        assert error.mistakes


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    st.sampled_from(["role", "cpus", "mem", "resources", "command", "name", "env"])
    | st.sampled_from(["cwd", "stdin", "timeout", "retries", "after"]),
    json_values,
)
@example("after", ["", "0"])
def test_any_value_is_read_or_refused(field: str, value: Any) -> None:
    try:
        parse(json.dumps(GOOD | {field: value}).encode(), "x", HERE)
    except TaskListError as error:
        # Of names in `after` that no line has, each is told.
        assert len(error.mistakes) == 1 or field == "after"
        assert {mistake.line for mistake in error.mistakes} == {1}
