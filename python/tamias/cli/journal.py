"""``tamias journal``: journals as files to look at."""

from __future__ import annotations

from pathlib import Path

import click

from tamias import TamiasError
from tamias import journal as journals

__all__ = ["journal"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(short_help="Look at journals.")
def journal() -> None:
    """Look at journals; they are neither locked nor changed."""


@journal.command(short_help="Replay a journal and print its state hash.")
@click.argument("file", type=FILE)
def verify(file: Path) -> None:
    """Replay FILE with every check and print its last command and its state hash.

    Ends with 1 if it is damaged; the message names the offset.
    """
    try:
        replayed = journals.replay(file)
    except TamiasError as error:
        raise click.ClickException(str(error)) from error
    for warning in replayed.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"seq {replayed.seq}")
    click.echo(f"hash {replayed.state_hash}")


@journal.command(short_help="Print a journal as JSON lines.")
@click.argument("file", type=FILE)
@click.option("--events", is_flag=True, help="Also print what each command gave.")
def show(file: Path, events: bool) -> None:
    """Print the records of FILE as JSON lines, in order."""
    try:
        for line in journals.lines(file, events=events):
            click.echo(line)
    except TamiasError as error:
        raise click.ClickException(str(error)) from error
