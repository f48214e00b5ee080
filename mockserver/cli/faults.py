"""``mockserver faults``: the faults there are, and their syntax."""

from __future__ import annotations

import click

WHERE = """\
A fault is what, then where:

    delay 11s on response.created
    drop on 2nd response.output_audio.delta

It goes into --fault (again for more, in order), into the marker's faults=[...], into YAML files and to the control API.
Event names may be globs. `mockserver faults NAME` explains one.
"""


@click.command("faults")
@click.argument("name", nargs=-1)
@click.option("--check", metavar="SPEC", help="Say how a spec is understood, or where it is wrong.")
def faults_command(name: tuple[str, ...], check: str | None) -> None:
    """List the faults and explain their syntax, or explain the fault NAME."""
    from mockserver import faults
    from mockserver.faults.listing import CLAUSES, catalogue, describe

    if check is not None:
        click.echo(faults.parse(check).spec)
        return
    if name:
        click.echo(describe(" ".join(name)))
        return
    click.echo(WHERE)
    click.echo("where\n")
    for said, means in CLAUSES:
        click.echo(f"  {said:34}{means}")
    group = ""
    for entry in catalogue():
        if entry.group != group:
            group = entry.group
            click.echo(f"\n{group}\n")
        click.echo(f"  {entry.syntax}\n      {entry.about}\n      example: {entry.example}")
