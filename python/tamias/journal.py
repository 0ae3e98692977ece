"""Journals as files to look at: neither locked nor changed.

A kernel that is to go on from a journal is opened with ``Kernel(journal=PATH)``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

from tamias import _native

__all__ = ["ReplayedJournal", "lines", "query", "replay"]


@final
@dataclass(frozen=True, slots=True)
class ReplayedJournal:
    """What a replay came to."""

    seq: int
    """The last command."""
    state_hash: str
    """The hash of the state after it."""
    epoch: int
    """How often the journal was opened for writing."""
    records: int
    """Records read, of every kind."""
    hashes: int
    """Hashes in the journal that were compared and found equal."""
    agents: int
    """Agents in the state."""
    frameworks: int
    """Frameworks in the state."""
    tasks: int
    """Tasks in the state."""
    warnings: tuple[str, ...] = ()
    """What a person should know, such as a torn end, one line each."""


def replay(path: str | os.PathLike[str]) -> ReplayedJournal:
    """Replays a journal with every check; ``CorruptError`` names the offset of damage."""
    return _native.replay_journal(path)


def query(path: str | os.PathLike[str], name: str, **fields: str) -> dict[str, Any]:
    """Answers a query from the end of a journal, as ``Kernel.query`` does from a kernel."""
    return _native.query_journal(path, name, fields)


def lines(path: str | os.PathLike[str], *, events: bool = False) -> Iterator[str]:
    """The records of a journal as JSON lines; with ``events`` also what each command gave."""
    return _native.JournalLines(path, events=events)
