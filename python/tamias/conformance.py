"""Runs conformance scripts: ``python -m tamias.conformance PATH``; see docs/conformance.md.

Prints what each line gave and, at the end of a script, the state hash: the same bytes in every
language.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tamias import Kernel, TamiasError


def run(path: Path) -> bool:
    """Runs one script with a kernel of its own; returns whether it went through."""
    kernel: Kernel | None = None
    # Split at newlines only: other line breaks of Unicode may stand inside a JSON text.
    for number, line in enumerate(path.read_bytes().decode().split("\n"), 1):
        try:
            if kernel is not None:
                if out := kernel.command(line):
                    print(out)
            elif line.strip() and not line.lstrip().startswith("#"):
                kernel = Kernel.from_json(line)
        except TamiasError as error:
            print(f"{path}:{number}: {error}", file=sys.stderr)
            return False
    if kernel is None:
        print(f"{path}: no line opens a kernel", file=sys.stderr)
        return False
    print(f"hash {kernel.state_hash()}")
    return True


def main(path: Path) -> int:
    """Runs a script, or all of a folder in the order of their names."""
    scripts = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    results = [run(script) for script in scripts]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tamias.conformance PATH")
    sys.exit(main(Path(sys.argv[1])))
