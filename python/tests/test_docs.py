"""The examples of docs/python.md run, and every public name that it mentions exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tamias

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
EXAMPLES = re.findall(r"^## ([^\n]*)\n(?:(?!^## ).*?)^```python\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize(("heading", "example"), EXAMPLES, ids=[head for head, _ in EXAMPLES])
def test_an_example_runs(heading: str, example: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_example_is_missed() -> None:
    assert len(EXAMPLES) == PAGE.count("```python\n") > 5


def test_every_exception_is_listed() -> None:
    for name in tamias.__all__:
        found = getattr(tamias, name)
        if isinstance(found, type) and issubclass(found, tamias.TamiasError):
            assert f"`{name}`" in PAGE, name
