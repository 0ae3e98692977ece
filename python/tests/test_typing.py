"""The stubs say what the module has, and the package is typed throughout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tamias

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
    # Stubtest looks at the folder it runs in first: the sources have no built module, unless
    # `maturin develop` put it there; then the installed package is the sources.
    in_place = Path(tamias.__file__).is_relative_to(PACKAGE)
    folder = PACKAGE if in_place or check != "stubtest" else Path(__file__).parent
    done = subprocess.run(
        [sys.executable, *CHECKS[check]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
