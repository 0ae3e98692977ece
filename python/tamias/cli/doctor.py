"""``tamias doctor``: what in a journal deserves a look, and why somebody gets no offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamias import TamiasError
from tamias import journal as journals

__all__ = ["doctor"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Say what in a journal deserves a look.")
@click.argument("file", type=FILE)
@click.option("--framework", metavar="ID", help="Why this framework gets no offers (id or name).")
@click.option("--role", metavar="NAME", help="Why the frameworks of this role get no offers.")
@click.option("--agent", metavar="ID", help="Why this agent is not offered (id or name).")
def doctor(file: Path, framework: str | None, role: str | None, agent: str | None) -> None:
    """Replay FILE and say what deserves a look at its end, the most pressing first.

    With one of the options, explain one framework, role or agent instead. Ends with 1 if
    something was found. FILE is neither locked nor changed.
    """
    picked = {"framework": framework, "role": role, "agent": agent}
    given = {key: value for key, value in picked.items() if value is not None}
    if len(given) > 1:
        raise click.UsageError("give at most one of --framework, --role and --agent")
    try:
        if given:
            _explain(journals.query(file, "explain", **given))
            return
        findings = journals.query(file, "diagnose")["findings"]
    except TamiasError as error:
        raise click.ClickException(str(error)) from error
    for finding in findings:
        click.echo(f"{finding['finding']}: {finding['text']}")
        if finding["about"]:
            click.echo(f"  about: {', '.join(finding['about'])}")
        click.echo(f"  what helps: {finding['remedy']}")
    if findings:
        raise click.exceptions.Exit(1)
    click.echo("nothing deserves a look")


def _explain(answer: dict[str, Any]) -> None:
    if answer["reply"] == "agent_explained":
        free = answer["free"] or "nothing"
        click.echo(f"agent {answer['agent']}: {answer['state']}, {free} free")
        click.echo(f"  offers that have not ended: {answer['offers']}")
        click.echo(f"  could be offered to: {answer['open']} frameworks in their roles")
        if "next" in answer:
            click.echo(f"  next in the order of shares: {answer['next']}")
        _obstacles(answer["obstacles"], "framework")
        return
    if "framework" in answer:
        click.echo(f"framework {answer['framework']}: {answer['state']}")
    for part in answer.get("roles") or answer.get("parts") or []:
        click.echo(f"framework {part['framework']} in role {part['role']!r}:")
        click.echo(f"  offers that have not ended: {part['offers']}")
        click.echo(f"  agents it could be offered: {part['open']} of {part['agents']}")
        if standing := part.get("standing"):
            click.echo(
                "  order of shares: role {role_place} of {roles}, "
                "framework {framework_place} of {frameworks}".format(**standing)
            )
        _obstacles(part["obstacles"], "agent")


def _obstacles(obstacles: list[dict[str, Any]], noun: str) -> None:
    for obstacle in obstacles:
        examples = ", ".join(obstacle["examples"])
        count = f"{obstacle['count']} {noun}" + ("" if obstacle["count"] == 1 else "s")
        click.echo(f"  {obstacle['reason']}: {count} ({examples})")
        click.echo(f"    what helps: {obstacle['remedy']}")
