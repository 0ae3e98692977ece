"""What a person sees of a run: progress while it goes on, tables at its end."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tamias import Reason, TaskState

from .scheduler import Attempt, Outcome, RoleReport, Scheduler

__all__ = ["as_json", "progress", "show"]

#: How much of a failed task's output is shown.
TAIL_LINES = 10
TAIL_BYTES = 8192


class Watcher:
    """Draws the progress of a scheduler; one bar for each role."""

    def __init__(self, bars: Progress, totals: dict[str, int]) -> None:
        self._bars = bars
        self._ids = {
            role: bars.add_task(escape(role), total=total, running=0)
            for role, total in totals.items()
        }
        self.scheduler: Scheduler | None = None

    def __call__(self, attempt: Attempt | None) -> None:
        """Called after every change."""
        scheduler = self.scheduler
        if scheduler is None:
            return
        if attempt is not None and attempt.is_done and has_failed(attempt):
            self._bars.console.print(f"[red]failed[/] {escape(describe(attempt))}")
        running = scheduler.running
        for report in scheduler.reports:
            done = report.finished + report.failed + report.skipped
            task = self._ids[report.role]
            self._bars.update(task, completed=done, running=running[report.role])


@contextmanager
def progress(console: Console, totals: dict[str, int]) -> Iterator[Watcher]:
    """Draws progress as long as the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[running]} running"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=not console.is_terminal) as bars:
        yield Watcher(bars, totals)


def has_failed(attempt: Attempt) -> bool:
    """Whether it ended badly by itself."""
    return attempt.state is not TaskState.FINISHED and not attempt.is_skipped


def describe(attempt: Attempt) -> str:
    """One line about an attempt that failed."""
    status, entry = attempt.status, attempt.entry
    why = "" if status is None else status.message or status.reason or status.state.value
    if status is not None and status.reason is Reason.MAX_COMPLETION_TIME_REACHED:
        why = f"ran longer than its timeout of {entry.timeout:g} s"
    tries = f" in {attempt.tries} tries" if attempt.tries > 1 else ""
    return f"{entry.name} (line {entry.line}, role {entry.role}){tries}: {why}"


def show(console: Console, outcome: Outcome, work_dir: Path) -> None:
    """The closing report: what failed and why, the table of roles, where the output lies."""
    for attempt in outcome.failures:
        console.print()
        console.print(f"[red]failed[/] {escape(describe(attempt))}", soft_wrap=True)
        if attempt.sandbox is not None:
            console.print(f"output in {attempt.sandbox}", soft_wrap=True, markup=False)
            for stream in ("stdout", "stderr"):
                for line in tail(attempt.sandbox / stream):
                    console.print(f"  {stream} | {line}", markup=False, soft_wrap=True)
    console.print()
    console.print(_table(outcome))
    console.print(f"Output of every task: {work_dir}", soft_wrap=True, markup=False)


def tail(path: Path) -> list[str]:
    """The last lines of a file; nothing if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = text.splitlines()[-TAIL_LINES:]
    return ["".join(c if c.isprintable() or c == "\t" else "?" for c in line) for line in lines]


def _table(outcome: Outcome) -> Table:
    count = len(outcome.attempts)
    tasks = "task" if count == 1 else "tasks"
    table = Table(title=f"{count} {tasks} in {outcome.seconds:.1f} s", caption_justify="left")
    table.add_column("role")
    heads = ("weight", "tasks", "failed", "skipped", "cpu-s", "task-s", "share", "due", "wait")
    for head in (*heads, "p95"):
        table.add_column(head, justify="right", no_wrap=True)
    for report in outcome.roles:
        share, due = _share(report, outcome.roles)
        table.add_row(
            escape(report.role),
            f"{report.weight:f}",
            str(report.finished + report.failed + report.skipped),
            str(report.failed),
            str(report.skipped),
            f"{report.cpu_seconds:.1f}",
            f"{report.task_seconds:.1f}",
            "-" if share is None else f"{share:.1%}",
            f"{due:.1%}",
            _seconds(_quantile(report.waits, 0.5)),
            _seconds(_quantile(report.waits, 0.95)),
        )
    table.caption = (
        "share: what the role held while every role had a backlog; due: what its weight gives it; "
        "wait: median from ready to launched"
    )
    return table


def _share(report: RoleReport, roles: list[RoleReport]) -> tuple[float | None, float]:
    """What a role had while all had a backlog, and what its weight gives it."""
    total = sum(role.contended_seconds for role in roles)
    due = float(report.weight / sum(role.weight for role in roles))
    return (report.contended_seconds / total if total else None), due


def _quantile(values: list[float], part: float) -> float | None:
    if not values:
        return None
    if part == 0.5:
        return statistics.median(values)
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The same for programs."""
    roles = {}
    for report in outcome.roles:
        share, due = _share(report, outcome.roles)
        roles[report.role] = {
            "weight": float(report.weight),
            "finished": report.finished,
            "failed": report.failed,
            "skipped": report.skipped,
            "cpu_seconds": report.cpu_seconds,
            "task_seconds": report.task_seconds,
            "contended_seconds": report.contended_seconds,
            "contended_cpu_seconds": report.contended_cpu_seconds,
            "share": share,
            "share_by_weight": due,
            "wait_median_seconds": _quantile(report.waits, 0.5),
            "wait_p95_seconds": _quantile(report.waits, 0.95),
        }
    return {
        "seconds": outcome.seconds,
        "tasks": len(outcome.attempts),
        "failed": [attempt.name for attempt in outcome.failures],
        "is_interrupted": outcome.is_interrupted,
        "roles": roles,
    }
