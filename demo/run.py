"""The demo: real commands of two roles with weights 2 and 1 share this machine's cpus.

    python demo/run.py

Runs the commands of `jobs.py` with `tamias run`, checks that the roles shared 2:1 within 10 % while
both had a backlog, then replays the journal and checks that it gives the same state hash.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
    run = [*tamias, "run", str(tasks), "--weights", weights]
    run += ["--journal", str(journal), "--report", str(report)]
    ended = subprocess.run(run, cwd=ROOT, check=False)
    if ended.returncode != 0:
        return ended.returncode

    figures = json.loads(report.read_text())
    heavy, light = (figures["roles"][role]["contended_seconds"] for role in WEIGHTS)
    wanted = WEIGHTS["heavy"] / WEIGHTS["light"]
    ratio = heavy / light if light else 0.0
    print(
        f"\nheavy : light = {ratio:.2f} : 1 while both had a backlog (by weight {wanted:.0f} : 1)"
    )

    verify = [*tamias, "journal", "verify", str(journal)]
    replayed = subprocess.run(
        verify, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    again, live = (
        dict(zip(replayed[::2], replayed[1::2], strict=True)),
        figures["journal"],
    )
    print(f"kernel   seq {live['seq']} hash {live['hash']}")
    print(f"replayed seq {again['seq']} hash {again['hash']}")
    is_same = again["hash"] == live["hash"] and int(again["seq"]) == live["seq"]
    if not is_same:
        print("the replay came to another state", file=sys.stderr)
    is_shared = abs(ratio - wanted) <= TOLERANCE * wanted
    if not is_shared:
        print(f"the shares are off by more than {TOLERANCE:.0%}", file=sys.stderr)
    return 0 if is_same and is_shared else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
