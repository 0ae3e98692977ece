"""Writes the demo's job file: real commands over real files of this checkout, from two roles.

    python demo/jobs.py ROOT > jobs.jsonl

Each line is a command that hashes, compresses or counts some of the files. Every command asks for
a twelfth of the machine's cpus, so that twelve run at a time: weighted fair sharing needs enough
slots to show (docs/concepts.md, "Who is next").
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import tamias

SLOTS = 12
#: How many commands each role has. The heavier one works through its list twice as fast, so both
#: lists end at about the same time and both roles have a backlog nearly to the end.
TASKS = {"heavy": 220, "light": 120}
#: Bytes of files per command, and how often they are read: a few tenths of a second of work each.
PORTION_BYTES = 100_000
TEXT = {".rs", ".py", ".md", ".toml", ".jsonl", ".c", ".h", ".go", ".java", ".lock", ".yml", ""}
SKIP = {".git", "target", ".venv", "build", "node_modules"}


def text_files(root: Path) -> list[Path]:
    """All text files below root, sorted, without what a build left there."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIP)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in TEXT and path.is_file() and path.stat().st_size > 0:
                found.append(path.relative_to(root))
    return found


def portions(root: Path, files: list[Path]) -> Iterator[list[Path]]:
    """Endless portions of about PORTION_BYTES, going round and round through the files."""
    position = 0
    while True:
        portion: list[Path] = []
        size = 0
        while size < PORTION_BYTES:
            path = files[position % len(files)]
            position += 1
            portion.append(path)
            size += (root / path).stat().st_size
        yield portion


def commands() -> Iterator[tuple[str, int, str]]:
    """What is done with a portion, in turn: a word for it, how often, the end of a pipeline."""
    while True:
        yield "hash", 150, "sha256sum"
        yield "compress", 40, "gzip -6 -c | wc -c"
        yield "count", 30, "tr -cs A-Za-z '\\n' | sort | uniq -c | sort -rn | head -n 20"


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = text_files(root)
    if not files:
        sys.exit(f"no text files below {root}")
    cpus = tamias.machine_resources().cpus
    # Thousandths, rounded down: twelve must fit.
    share = float((cpus / SLOTS).quantize(Decimal("0.001"), ROUND_DOWN))
    portion, command = portions(root, files), commands()
    for role, count in TASKS.items():
        for number in range(count):
            what, times, pipeline = next(command)
            names = " ".join(shlex.quote(str(path)) for path in next(portion))
            line = {
                "name": f"{role}-{what}-{number}",
                "role": role,
                "cpus": share,
                "mem": "256MiB",
                "command": f"for i in $(seq {times}); do cat {names}; done | {pipeline}",
                "cwd": str(root),
            }
            print(json.dumps(line))


if __name__ == "__main__":
    main()
