"""The command line, ``tamias``: real commands through the kernel, and journals to look at.

- ``tasklist``: the list of commands, checked
- ``scheduler``: the loop that runs it, a framework per role
- ``report``: progress and tables
- ``run``, ``journal``, ``doctor``: the commands
"""

from __future__ import annotations

import click

import tamias

from .doctor import doctor
from .journal import journal
from .run import run

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tamias.__version__, prog_name="tamias")
def main() -> None:
    """Tamias: an embedded scheduling kernel."""


main.add_command(run)
main.add_command(journal)
main.add_command(doctor)
