"""``mockserver faults``: the faults there are, and their syntax."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from mockserver.cli.common import escaped

WHERE = """\
A fault is what, then where:

    delay 11s on {begin}
    drop on 2nd {audio}

It goes into --fault (again for more, in order), into the marker's faults=[...], into YAML files and to the control API.
Event names may be globs. `mockserver faults NAME` explains one.
"""


@click.command("faults")
@click.argument("name", nargs=-1)
@click.option("--check", metavar="SPEC", help="Say how a spec is understood, or where it is wrong.")
@click.option("--provider", metavar="NAME", help="Whose events: in the examples, and for --check.")
@click.option("--json", "as_json", is_flag=True, help="The whole list for a program: where each applies, what to try.")
def faults_command(name: tuple[str, ...], check: str | None, provider: str | None, as_json: bool) -> None:
    """List the faults and explain their syntax, or explain the fault NAME."""
    from mockserver import faults
    from mockserver.dialects.registry import FAMILIAR, dialect_named
    from mockserver.faults.listing import catalogue, clauses, describe, strangers
    from mockserver.faults.names import check_names

    if provider is not None:
        from mockserver.providers import installed

        installed()
    dialect = FAMILIAR if provider is None else dialect_named(provider)
    if check is not None:
        fault = faults.parse(check)
        check_names(fault, None if provider is None else dialect)
        click.echo(escaped(fault.spec))
        return
    if as_json:
        wanted = " ".join(name)
        if name:
            describe(wanted, dialect)
        found = [asdict(entry) for entry in catalogue(dialect) if wanted in ("", entry.name)]
        click.echo(json.dumps({"provider": dialect.name, "faults": found}, indent=1))
        return
    if name:
        click.echo(describe(" ".join(name), dialect))
        return
    click.echo(WHERE.format_map(dialect.example_events()))
    click.echo("where\n")
    for said, means in clauses(dialect):
        click.echo(f"  {said:34}{means}")
    group = ""
    absent = strangers(dialect)
    for entry in catalogue(dialect):
        if entry.name in absent:
            continue
        if entry.group != group:
            group = entry.group
            click.echo(f"\n{group}\n")
        click.echo(f"  {entry.syntax}\n      {entry.about}\n      example: {entry.example}")
    if absent:
        click.echo(f"\nnot of {dialect.title}\n")
        for missing, why in absent.items():
            click.echo(f"  {missing:22}{why}")
