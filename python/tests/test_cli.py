"""The command line with real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

TAMIAS = [sys.executable, "-m", "tamias"]
LINE: dict[str, Any] = {"role": "a", "cpus": 1, "command": ["true"]}
MACHINE = "cpus:4;mem:1GiB"


def tamias(*arguments: str | Path, cwd: Path, status: int = 0) -> str:
    """Runs the command line; what it prints on both streams."""
    done = subprocess.run(
        [*TAMIAS, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(cwd), "COLUMNS": "120"},
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def write(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "list.jsonl"
    path.write_text("".join(json.dumps(LINE | line) + "\n" for line in lines))
    return path


def test_a_list_runs_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("some words\n")
    path = write(
        tmp_path,
        {"command": "cat > copy", "stdin": "data", "name": "copy"},
        {"command": ["wc", "-w", "copy"], "after": ["copy"], "role": "b", "name": "count"},
        {"command": "test $WORD = x", "env": {"WORD": "x"}, "mem": "16MiB"},
    )
    journal, report, work = tmp_path / "journal", tmp_path / "report.json", tmp_path / "work"
    out = tamias(
        "run", path, "--weights", "a=2", "--machine", MACHINE, "--journal", journal,
        "--report", report, "--work-dir", work, cwd=tmp_path,
    )  # fmt: skip
    assert "3 tasks in" in out
    assert f"Output of every task: {work}" in out
    [counted] = work.glob("sandboxes/count*/stdout")
    assert counted.read_text().split()[0] == "2"
    figures = json.loads(report.read_text())
    assert (figures["tasks"], figures["failed"]) == (3, [])
    assert figures["roles"]["a"]["finished"] == 2

    verified = tamias("journal", "verify", journal, cwd=tmp_path)
    seq, state_hash = re.findall(r"seq (\d+)\nhash ([0-9a-f]{64})", verified)[0]
    assert f"seq {seq}, state hash {state_hash}" in out
    assert figures["journal"] == {"seq": int(seq), "hash": state_hash}
    shown = tamias("journal", "show", "--events", journal, cwd=tmp_path)
    assert all(json.loads(line) for line in shown.splitlines())
    assert '"event":"launch"' in shown


def test_one_command(tmp_path: Path) -> None:
    run = ["run", "--role", "a", "--cpus", "0.5", "--mem", "64MiB", "--machine", MACHINE]
    tamias(*run, "--", "sh", "-c", "pwd > here", cwd=tmp_path)
    assert (tmp_path / "here").read_text().strip() == str(tmp_path)


def test_a_failure_is_shown_and_stops_the_rest(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"command": "seq 30; echo '[red]it hurts' >&2; exit 3", "name": "bad"},
        {"after": ["bad"], "command": "touch never"},
    )
    out = tamias("run", path, "--machine", MACHINE, cwd=tmp_path, status=1)
    assert "failed bad (line 1, role a): exit code 3" in out
    assert "stderr | [red]it hurts" in out
    assert "stdout | 30\n" in out
    assert "stdout | 20\n" not in out
    assert "output in" in out
    assert not (tmp_path / "never").exists()


def test_what_is_stopped_for_a_failure_has_not_failed(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    path = write(tmp_path, {"command": "sleep 60"}, {"command": "sleep 0.3; exit 3", "name": "bad"})
    out = tamias("run", path, "--machine", MACHINE, "--report", report, cwd=tmp_path, status=1)
    assert "failed line-1" not in out
    figures = json.loads(report.read_text())
    assert figures["failed"] == ["bad"]
    assert [figures["roles"]["a"][key] for key in ("failed", "skipped")] == [1, 1]


def test_keep_going_and_retries(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"command": "false", "name": "bad"},
        {"command": "test -e once || { touch once; exit 1; }", "retries": 1},
        {"command": "sleep 60", "timeout": 0.2, "name": "slow"},
        {"command": "touch done", "name": "good"},
    )
    out = tamias("run", path, "--keep-going", "--machine", MACHINE, cwd=tmp_path, status=1)
    assert "failed bad" in out
    assert "failed slow (line 3, role a): ran longer than its timeout of 0.2 s" in out
    assert (tmp_path / "done").exists()
    assert "failed line-2" not in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give one FILE.jsonl, or --role NAME"),
        (["gone.jsonl"], "gone.jsonl: No such file"),
        (["list.jsonl", "more"], "give one FILE.jsonl"),
        (["list.jsonl", "--cpus", "1"], "--cpus and --mem are for one COMMAND"),
        (["--role", "a"], "give a COMMAND after --"),
        (["--role", "a", "--mem", "lots", "--", "true"], "--cpus, --mem: mem"),
        (["list.jsonl", "--weights", "a"], "write role=weight"),
        (["list.jsonl", "--weights", "a=0"], "0.001 to 1000"),
        (["list.jsonl", "--weights", "a=nan"], "0.001 to 1000"),
        (["list.jsonl", "--weights", "a=1,a=2"], "is given twice"),
        (["list.jsonl", "--weights", "zz=1"], "no line has the role 'zz'"),
        (["list.jsonl", "--machine", "cpus"], "write name:value"),
        (["list.jsonl", "--machine", "cpus:-1"], "negative"),
        (["list.jsonl", "--machine", "cpus:0.5"], "list.jsonl:1: resources: cpus:1 is more than"),
        (["list.jsonl", "--journal", "list.jsonl"], "is there already"),
        (["bad.jsonl"], "bad.jsonl:2: cpus: "),
    ],
)
def test_a_mistake_is_a_usage_error(tmp_path: Path, arguments: list[str], text: str) -> None:
    write(tmp_path, {})
    (tmp_path / "bad.jsonl").write_text('\n{"role":"a","cpus":"x","command":["true"]}\n')
    out = tamias("run", *arguments, cwd=tmp_path, status=2)
    assert text in out
    assert not list(tmp_path.glob("tamias-run-*")), "nothing was started"


def test_a_damaged_journal(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"not a journal at all")
    assert "journal" in tamias("journal", "verify", "journal", cwd=tmp_path, status=1)
    assert "journal" in tamias("journal", "show", "journal", cwd=tmp_path, status=1)
    tamias("journal", "verify", "gone", cwd=tmp_path, status=2)


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    path = write(tmp_path, {"command": "echo $$ > pid; exec sleep 300"}, {"after": ["line-1"]})
    child = subprocess.Popen(
        [*TAMIAS, "run", path, "--machine", MACHINE],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    pid_file = tmp_path / "pid"
    while not pid_file.exists() or not pid_file.read_text().endswith("\n"):
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    assert "interrupted" in err
    assert "2 tasks in" in err
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()


def test_help_and_version(tmp_path: Path) -> None:
    assert "run" in tamias("--help", cwd=tmp_path)
    assert "--keep-going" in tamias("run", "-h", cwd=tmp_path)
    assert re.search(r"\d+\.\d+\.\d+", tamias("--version", cwd=tmp_path))
