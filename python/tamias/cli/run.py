"""``tamias run``: real commands on this machine, shared between roles by weight."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tamias import (
    InvalidArgumentError,
    Kernel,
    LocalAgent,
    Options,
    Resources,
    TamiasError,
    TaskCommand,
    machine_resources,
)

from . import report
from .scheduler import Outcome, Scheduler
from .tasklist import Entry, TaskListError, read

__all__ = ["run"]

INTERRUPTED = 130
#: What is recovered is offered at once; this is how long the rest of an offer stays refused.
OPTIONS: Options = {"allocation_interval_seconds": 0.05}


@dataclass
class Settings:
    """What the command line says about a run."""

    weights: dict[str, Decimal]
    machine: Resources
    keep_going: bool
    journal: Path | None
    work_dir: Path
    report: Path | None


def _weights(_: click.Context, __: click.Parameter, text: str | None) -> dict[str, Decimal]:
    weights: dict[str, Decimal] = {}
    for part in (text or "").split(","):
        role, equals, number = part.strip().partition("=")
        if not part.strip():
            continue
        try:
            weight = Decimal(number)
        except InvalidOperation:
            weight = Decimal(0)
        # A NaN can be read but not compared.
        in_range = weight.is_finite() and Decimal("0.001") <= weight <= 1000
        if not equals or not role or not in_range:
            message = f"{part.strip()!r}: write role=weight,..., each weight 0.001 to 1000"
            raise click.BadParameter(message)
        if role in weights:
            raise click.BadParameter(f"the role {role!r} is given twice")
        weights[role] = weight
    return weights


def _resources(_: click.Context, parameter: click.Parameter, text: str | None) -> Resources | None:
    if text is None:
        return None
    try:
        # Units are for mappings; a text of the kernel has plain numbers.
        return Resources(dict(part.split(":", 1) for part in text.split(";") if part.strip()))
    except InvalidArgumentError as error:
        raise click.BadParameter(error.message) from error
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: write name:value;name:value") from error


@click.command(short_help="Run real commands on this machine, shared by weight.")
@click.argument("words", nargs=-1, metavar="FILE.jsonl | -- COMMAND...")
@click.option("--role", help="Run the one COMMAND after -- on account of this role.")
@click.option("--cpus", metavar="AMOUNT", help="What COMMAND takes of the cpus.  [default: 1]")
@click.option("--mem", metavar="AMOUNT", help="And of the memory, such as 256MiB.")
@click.option(
    "--weights", callback=_weights, metavar="A=2,B=1", help="Weights of roles; 1 if not named."
)
@click.option(
    "--machine",
    callback=_resources,
    metavar="RESOURCES",
    help="What this machine offers, such as 'cpus:4;mem:8GiB'.  [default: what is detected]",
)
@click.option(
    "--keep-going/--fail-fast",
    default=False,
    help="Go on when a task failed, or (default) stop everything.",
)
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep every command of the kernel in this new file.",
)
@click.option(
    "--work-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the output of tasks goes.  [default: a new directory for temporary files]",
)
@click.option(
    "--report",
    "report_to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures of the closing table to this file as JSON.",
)
@click.pass_context
def run(
    context: click.Context,
    words: tuple[str, ...],
    role: str | None,
    cpus: str | None,
    mem: str | None,
    weights: dict[str, Decimal],
    machine: Resources | None,
    keep_going: bool,
    journal: Path | None,
    work_dir: Path | None,
    report_to: Path | None,
) -> None:
    """Run the commands of FILE.jsonl, or one COMMAND, on this machine.

    Each line of the file is an object with "role", "command" (a list or a shell line), and "cpus",
    "mem" or "resources"; and if wanted "name", "env", "cwd", "stdin", "timeout", "retries" and
    "after" (names of lines that must finish first).

    Ends with 0, with 1 if a task failed, with 2 for a mistake in what was given, with 130 on
    Ctrl-C.
    """
    try:
        entries = _entries(words, role, cpus, mem)
    except TaskListError as error:
        raise click.UsageError(_mistakes(error)) from error
    offered = machine_resources() if machine is None else machine_resources_with(machine)
    for name in weights:
        if all(entry.role != name for entry in entries):
            raise click.BadParameter(f"no line has the role {name!r}", param_hint="--weights")
    _check_fit(entries, offered, words)
    if journal is not None and journal.exists():
        raise click.BadParameter(f"{str(journal)!r} is there already", param_hint="--journal")
    settings = Settings(
        weights, offered, keep_going, journal, work_dir or _fresh_directory(), report_to
    )
    try:
        status = _run(entries, settings)
    except TamiasError as error:
        raise click.ClickException(str(error)) from error
    context.exit(status)


def machine_resources_with(given: Resources) -> Resources:
    """What was detected, with what was given in its place."""
    detected = machine_resources()
    left = {name: detected[name] for name in detected if name not in given}
    return given + left


def _entries(
    words: tuple[str, ...], role: str | None, cpus: str | None, mem: str | None
) -> list[Entry]:
    if role is None:
        if cpus is not None or mem is not None:
            raise click.UsageError("--cpus and --mem are for one COMMAND: give --role as well")
        if len(words) != 1:
            raise click.UsageError("give one FILE.jsonl, or --role NAME -- COMMAND...")
        return read(Path(words[0]))
    if not words:
        raise click.UsageError("give a COMMAND after --")
    try:
        parts = {"cpus": cpus or "1"} | ({} if mem is None else {"mem": mem})
        resources = Resources(parts)
    except InvalidArgumentError as error:
        raise click.UsageError(f"--cpus, --mem: {error.message}") from error
    return [Entry(1, Path(words[0]).name or "task", role, resources, _here(words))]


def _here(argv: tuple[str, ...]) -> TaskCommand:
    return TaskCommand(argv, cwd=str(Path.cwd()))


def _mistakes(error: TaskListError, most: int = 20) -> str:
    lines = [str(mistake) for mistake in error.mistakes[:most]]
    if len(error.mistakes) > most:
        lines.append(f"... and {len(error.mistakes) - most} more")
    return "\n".join(lines)


def _check_fit(entries: list[Entry], machine: Resources, words: tuple[str, ...]) -> None:
    """A task that asks for more than the machine has would wait for ever."""
    too_big = [
        f"{words[0]}:{entry.line}: resources: {entry.resources} is more than this machine offers, "
        f"{machine}"
        for entry in entries
        if not machine >= entry.resources
    ]
    if too_big:
        raise click.UsageError("\n".join(too_big[:20]))


def _fresh_directory() -> Path:
    stamp = time.strftime("tamias-run-%Y%m%d-%H%M%S-")
    return Path(tempfile.mkdtemp(prefix=stamp))


def _run(entries: list[Entry], settings: Settings) -> int:
    terminal = Console(stderr=True)
    console = terminal if terminal.is_terminal else Console(stderr=True, width=100)
    totals: dict[str, int] = {}
    for entry in entries:
        totals[entry.role] = totals.get(entry.role, 0) + 1
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    with (
        Kernel(OPTIONS, journal=settings.journal) as kernel,
        LocalAgent(kernel, settings.work_dir, resources=settings.machine) as agent,
    ):
        with report.progress(console, totals) as watcher:
            scheduler = Scheduler(
                kernel,
                entries,
                settings.machine,
                weights=settings.weights,
                keep_going=settings.keep_going,
                watch=watcher,
            )
            watcher.scheduler = scheduler
            outcome = scheduler.run()
        if outcome.is_interrupted:
            console.print("interrupted: ending what runs")
        agent.close()
        record = {} if settings.journal is None else _end_of_journal(kernel)
    report.show(console, outcome, settings.work_dir)
    if record:
        console.print(
            f"Journal {settings.journal}: seq {record['seq']}, state hash {record['hash']}",
            soft_wrap=True,
            markup=False,
        )
    if settings.report is not None:
        figures = report.as_json(outcome) | {"journal": record, "work_dir": str(settings.work_dir)}
        settings.report.write_text(json.dumps(figures, indent=2) + "\n")
    return _status(outcome)


def _end_of_journal(kernel: Kernel) -> dict[str, Any]:
    return {"seq": kernel.seq, "hash": kernel.state_hash()}


def _status(outcome: Outcome) -> int:
    if outcome.is_interrupted:
        return INTERRUPTED
    return 0 if outcome.is_success else 1
