"""The list of commands that ``tamias run`` reads: one JSON object a line, checked before anything
runs.

Every mistake is reported with file, line and field, all of them at once.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NoReturn

from tamias import InvalidArgumentError, Resources, TaskCommand

__all__ = ["Entry", "Mistake", "TaskListError", "parse", "read"]

KEYS = (
    "role", "cpus", "mem", "resources", "command", "name", "env", "cwd", "stdin",
    "timeout", "retries", "after",
)  # fmt: skip
RETRIES_MAX = 1000
#: A hundred years, as everywhere in the kernel.
TIMEOUT_MAX = 100 * 365 * 24 * 3600
_BAD_IN_NAMES = frozenset("/\\")


@dataclass(frozen=True, slots=True)
class Entry:
    """One command to run."""

    line: int
    """Where it stands, counted from 1."""
    name: str
    """Unique in the list."""
    role: str
    """On whose account."""
    resources: Resources
    """What it takes."""
    command: TaskCommand
    """What to run."""
    timeout: float | None = None
    """Seconds after its start at which it is killed and fails."""
    retries: int = 0
    """How often it is tried again when it fails."""
    after: tuple[str, ...] = ()
    """What must have finished well before it starts."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and where."""

    source: str
    line: int
    """Counted from 1; 0 for the file as a whole."""
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return ": ".join(part for part in (place, self.field, self.message) if part)


class TaskListError(Exception):
    """A list that cannot be run; ``mistakes`` has all of them in the order of lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class _FieldError(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass
class _Mistakes:
    source: str
    found: list[Mistake] = field(default_factory=list)

    def add(self, line: int, where: str, message: str) -> None:
        self.found.append(Mistake(self.source, line, where, message))


def read(path: Path, base: Path | None = None) -> list[Entry]:
    """Reads and checks a file. Relative directories start at ``base``, the current one if left
    out; ``TaskListError`` has every mistake.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TaskListError([Mistake(str(path), 0, "", error.strerror or str(error))]) from error
    return parse(data, str(path), base or Path.cwd())


def parse(data: bytes, source: str, base: Path) -> list[Entry]:
    """Checks the text of a list."""
    mistakes = _Mistakes(source)
    entries: list[Entry] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            mistakes.add(number, "", f"byte {error.start + 1} of the line is not UTF-8")
            continue
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        try:
            entries.append(_entry(number, _object(text), base))
        except _FieldError as error:
            mistakes.add(number, error.field, str(error))
    _check_names(entries, mistakes)
    _check_order(entries, mistakes)
    if not entries and not mistakes.found:
        mistakes.add(1, "", "there is nothing to run: write one JSON object a line")
    if mistakes.found:
        raise TaskListError(sorted(mistakes.found, key=lambda mistake: mistake.line))
    return entries


def _object(text: str) -> dict[str, Any]:
    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in pairs:
            if key in result:
                raise _FieldError(_short(key), "stands there twice: write it once")
            result[key] = value
        return result

    def no_number(word: str) -> NoReturn:
        raise _FieldError("", f"{word} is not a number")

    try:
        value = json.loads(
            text,
            object_pairs_hook=without_duplicates,
            parse_constant=no_number,
            parse_float=Decimal,
        )
    except json.JSONDecodeError as error:
        raise _FieldError("", f"not JSON at column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise _FieldError("", "nested too deeply") from error
    if not isinstance(value, dict):
        raise _FieldError("", f'expected an object such as {{"role": ...}}, got {_kind(value)}')
    return value


def _entry(number: int, fields: dict[str, Any], base: Path) -> Entry:
    for key in fields:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(KEYS)}"
            raise _FieldError(_short(key), f"there is no such field: {hint}")
    if "role" not in fields:
        raise _FieldError("role", "is missing: on whose account does it run?")
    return Entry(
        line=number,
        name=_name(fields.get("name", f"line-{number}")),
        role=_role(fields["role"]),
        resources=_resources(fields),
        command=_command(fields, base),
        timeout=_timeout(fields.get("timeout")),
        retries=_retries(fields.get("retries", 0)),
        after=_after(fields.get("after", [])),
    )


def _name(value: Any) -> str:
    name = _text("name", value)
    if not name or name in (".", "..") or len(name.encode()) > 255:
        raise _FieldError("name", f"{_short(name)!r} is no name: 1 to 255 bytes, not '.' or '..'")
    bad = next((c for c in name if c in _BAD_IN_NAMES or not c.isprintable()), None)
    if bad is not None:
        raise _FieldError("name", f"{_short(name)!r} holds {bad!r}: no slashes, no controls")
    return name


def _role(value: Any) -> str:
    role = _text("role", value)
    blank = any(c.isspace() or not c.isprintable() for c in role)
    if not role or role in (".", "..") or role.startswith("-") or "/" in role or blank:
        message = f"{_short(role)!r} is no role: no blanks, no '/', no '-' in front"
        raise _FieldError("role", message)
    return role


def _resources(fields: dict[str, Any]) -> Resources:
    given = [key for key in ("cpus", "mem", "resources") if key in fields]
    if not given:
        raise _FieldError("cpus", "is missing: what does it take? Give cpus, mem or resources")
    if "resources" in given and len(given) > 1:
        raise _FieldError(given[0], "give either resources, or cpus and mem")
    if "resources" in given:
        return _some("resources", fields["resources"])
    parts = {key: _some(key, {key: fields[key]}) for key in given}
    return sum(parts.values(), Resources())


def _some(field: str, value: Any) -> Resources:
    if not isinstance(value, (str, dict)):
        raise _FieldError(field, f"expected a text or an object, got {_kind(value)}")
    try:
        read = Resources(value)
    except InvalidArgumentError as error:
        message = error.message.removeprefix(f"{field}: ")
        raise _FieldError(field, message) from error
    except TypeError as error:
        raise _FieldError(field, str(error).partition(": ")[2]) from error
    if not len(read):
        raise _FieldError(field, "is nothing: a task takes something")
    return read


def _command(fields: dict[str, Any], base: Path) -> TaskCommand:
    if "command" not in fields:
        raise _FieldError("command", "is missing: a list (program, arguments) or a shell line")
    given = fields["command"]
    argv: list[str] = []
    shell: str | None = None
    if isinstance(given, str):
        shell = _text("command", given)
        if not shell.strip():
            raise _FieldError("command", "is empty")
    elif isinstance(given, list):
        argv = [_text(f"command[{place}]", part) for place, part in enumerate(given)]
        if not argv or not argv[0]:
            raise _FieldError("command", "names no program")
    else:
        message = f"expected a list of texts or a shell line, got {_kind(given)}"
        raise _FieldError("command", message)
    stdin = _text("stdin", fields["stdin"]) if "stdin" in fields else None
    cwd = base / _text("cwd", fields["cwd"]) if "cwd" in fields else base
    if not cwd.is_dir():
        raise _FieldError("cwd", f"{_short(str(cwd))!r} is no directory")
    if stdin is not None and not os.access(cwd / stdin, os.R_OK):
        raise _FieldError("stdin", f"{_short(str(cwd / stdin))!r} cannot be read")
    return TaskCommand(
        argv, shell=shell, env=_env(fields.get("env", {})), cwd=str(cwd), stdin=stdin
    )


def _env(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise _FieldError("env", f"expected an object of texts, got {_kind(value)}")
    for name, text in value.items():
        if not name or "=" in name or "\0" in name:
            raise _FieldError("env", f"{_short(name)!r} is no name of a variable")
        _text(f"env.{_short(name)}", text)
    return value


def _timeout(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise _FieldError("timeout", f"expected seconds, got {_kind(value)}")
    if not 0 < value <= TIMEOUT_MAX:
        raise _FieldError("timeout", f"{_short(str(value))} is out of range: above 0 seconds")
    return float(value)


def _retries(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _FieldError("retries", f"expected a whole number, got {_kind(value)}")
    if not 0 <= value <= RETRIES_MAX:
        raise _FieldError("retries", f"{_short(str(value))} is out of range: 0 to {RETRIES_MAX}")
    return value


def _after(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _FieldError("after", f"expected a list of names, got {_kind(value)}")
    names = tuple(_text(f"after[{place}]", name) for place, name in enumerate(value))
    for place, name in enumerate(names):
        if name in names[:place]:
            raise _FieldError(f"after[{place}]", f"{_short(name)!r} is listed twice")
    return names


def _check_names(entries: Iterable[Entry], mistakes: _Mistakes) -> None:
    lines: dict[str, int] = {}
    for entry in entries:
        first = lines.setdefault(entry.name, entry.line)
        if first != entry.line:
            message = f"{_short(entry.name)!r} is the name of line {first} already"
            mistakes.add(entry.line, "name", message)


def _check_order(entries: list[Entry], mistakes: _Mistakes) -> None:
    """Everything named in ``after`` is there, and nothing waits for itself."""
    by_name = {entry.name: entry for entry in entries}
    # A line that could not be read has no name: those that wait for it are no further mistake.
    is_complete = not mistakes.found
    for entry in entries:
        for place, name in enumerate(entry.after):
            if name not in by_name and is_complete:
                near = difflib.get_close_matches(name, by_name, 1)
                hint = f": did you mean {near[0]!r}?" if near else ""
                message = f"no line has the name {_short(name)!r}{hint}"
                mistakes.add(entry.line, f"after[{place}]", message)
    order = TopologicalSorter({entry.name: entry.after for entry in entries})
    try:
        order.prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]  # Each before the next, the first again at the end.
        waits = " -> ".join(_short(name) for name in reversed(circle))
        mistakes.add(by_name[circle[-1]].line, "after", f"waits for itself: {waits}")


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _FieldError(field, f"expected a text, got {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _FieldError(field, "holds half of a surrogate pair, which is no character") from error
    if "\0" in value:
        raise _FieldError(field, "holds a NUL character, which no program can receive")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a bool"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:28]}...{text[-28:]}"
