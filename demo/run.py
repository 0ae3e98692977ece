"""The demo: real commands of two roles with weights 2 and 1 share this machine's cpus.

    python demo/run.py

Runs the commands of `jobs.py` with `tamias run`, checks that the roles shared 2:1 within 10 % while
both had a backlog, then replays the journal and checks that it gives the same state hash.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "demo"
WEIGHTS = {"heavy": 2, "light": 1}
TOLERANCE = 0.1


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    tasks, journal, report = OUT / "tasks.jsonl", OUT / "journal", OUT / "report.json"
    for old in OUT.glob("journal*"):
        old.unlink()
    listed = subprocess.run(
        [sys.executable, "demo/jobs.py", "."],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    tasks.write_bytes(listed.stdout)
    tamias = [sys.executable, "-m", "tamias"]
    weights = ",".join(f"{role}={weight}" for role, weight in WEIGHTS.items())
    run = [*tamias, "run", str(tasks.relative_to(ROOT)), "--weights", weights]
    run += ["--journal", str(journal.relative_to(ROOT)), "--report", str(report.relative_to(ROOT))]
    count = len(listed.stdout.splitlines())
    print(f"{count} commands over the files of this checkout, a minute or two of work:")
    print(f"$ tamias {shlex.join(run[3:])}", flush=True)
    ended = subprocess.run(run, cwd=ROOT, check=False)
    if ended.returncode != 0:
        return ended.returncode

    figures = json.loads(report.read_text())
    is_shared = check_shares(figures["roles"])

    verify = [*tamias, "journal", "verify", str(journal)]
    replayed = subprocess.run(verify, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    again, live = dict(zip(replayed[::2], replayed[1::2], strict=True)), figures["journal"]
    print(f"kernel   seq {live['seq']} hash {live['hash']}")
    print(f"replayed seq {again['seq']} hash {again['hash']}")
    is_same = again["hash"] == live["hash"] and int(again["seq"]) == live["seq"]
    if not is_same:
        print("the replay came to another state", file=sys.stderr)
    return 0 if is_same and is_shared else 1


def check_shares(roles: dict[str, Any]) -> bool:
    """Whether the roles held the machine by weight while both had a backlog.

    Beside it stands the processor time of their tasks in that time, which also depends on how many
    processes a command starts and is therefore shown, not judged.
    """
    wanted = WEIGHTS["heavy"] / WEIGHTS["light"]
    held = ratio(roles, "contended_seconds")
    cpu_time = ratio(roles, "contended_cpu_seconds")
    print("\nheavy : light while both had a backlog: ", end="")
    print(f"held {held:.2f} : 1, cpu time {cpu_time:.2f} : 1")
    is_shared = abs(held - wanted) <= TOLERANCE * wanted
    if not is_shared:
        print(
            f"by weight it is {wanted:.0f} : 1: off by more than {TOLERANCE:.0%}", file=sys.stderr
        )
    return is_shared


def ratio(roles: dict[str, Any], figure: str) -> float:
    heavy, light = (roles[role][figure] for role in WEIGHTS)
    return float(heavy / light) if light else 0.0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
