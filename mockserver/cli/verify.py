"""``mockserver verify``: has the real service drifted from a cassette?"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click

from mockserver.cli.common import escaped
from mockserver.cli.kinds import FILE, Number
from mockserver.dialects.registry import FAMILIAR


@click.command("verify")
@click.argument("file", type=FILE)
@click.option(
    "--upstream",
    required=True,
    metavar="NAME|URL",
    help=f"The real service: a provider's name ({FAMILIAR.name}) or a URL.",
)
@click.option("--key-env", metavar="NAME", help="Variable with the key (default: the provider's own, where it is set).")
@click.option(
    "--wait",
    type=Number(min=0.1),
    default=20.0,
    show_default=True,
    help="Seconds that a recorded event is waited for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON.")
def verify_command(file: Path, upstream: str, key_env: str | None, wait: float, as_json: bool) -> None:
    """Send the client side of cassette FILE to the real service and report drift in the server's shape.

    Compared are which events come, in what order, with which fields of which types. Values, ids, the number of deltas
    and the place of floating events are not. Exit status 1 where there is drift.
    """
    from mockserver.cassette.store import load
    from mockserver.server.verify import failure, key_variable, verify

    cassette = load(file)
    key_env = key_env or key_variable(upstream, dialect=cassette.header.dialect)
    reports = asyncio.run(verify(cassette, upstream=upstream, key_env=key_env, wait_seconds=wait))
    drifted = failure(cassette, reports)
    if as_json:
        connections = [
            {"connection": one.connection, "events": one.events, "drifts": [asdict(each) for each in one.drifts]}
            for one in reports
        ]
        click.echo(json.dumps({"drifted": drifted is not None, "connections": connections}))
        raise SystemExit(1 if drifted is not None else 0)
    if drifted is not None:
        click.echo(escaped(str(drifted)))
        raise SystemExit(1)
    events = sum(report.events for report in reports)
    click.echo(f"{file}: no drift in {len(reports)} connection(s), {events} events")
