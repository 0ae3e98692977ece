"""The stubs say what the module has, and the package is typed throughout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
CHECKS = {
    "mypy": ["-m", "mypy", "--strict", "tamias", "tests"],
    "stubtest": ["-m", "mypy.stubtest", "tamias._native"],
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.timeout(300)
def test_the_package_passes(check: str) -> None:
    # Away from the sources, stubtest would find the installed module but not its neighbours.
    done = subprocess.run(
        [sys.executable, *CHECKS[check]], cwd=PACKAGE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
