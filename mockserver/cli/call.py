"""``mockserver call``: the client's half of a cassette, played to a service or a gateway."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver.cli.common import escaped
from mockserver.cli.kinds import FILE, Number
from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.cassette.model import Record
    from mockserver.load.outcome import CallReport


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header (RFC 9110 section 5.6.2)."""


@click.command("call")
@click.argument("file", type=FILE)
@click.option("--url", required=True, metavar="URL", help="The base URL that clients take, or the socket's own.")
@click.option("--connection", type=click.IntRange(0), default=0, show_default=True, help="Which one of the cassette.")
@click.option("--speed", type=Number(), default=1.0, show_default=True, help="2 waits half as long as recorded.")
@click.option(
    "--check",
    type=click.Choice(["shape", "exact", "none"]),
    default="shape",
    show_default=True,
    help="What is compared: events and fields; words and sound too; nothing.",
)
@click.option(
    "--wait", type=Number(), default=20.0, show_default=True, help="Seconds that something recorded is waited for."
)
@click.option("--key-env", metavar="NAME", help="Variable with the key that the client carries.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header on top; again for more.")
@click.option("--to", type=FILE, metavar="FILE", help="Write the call as a cassette.")
@click.option("-q", "--quiet", is_flag=True, help="No timeline.")
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON.")
def call_command(
    file: Path,
    url: str,
    connection: int,
    speed: float,
    check: Any,
    wait: float,
    key_env: str | None,
    headers: tuple[str, ...],
    to: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Play the client of cassette FILE to what answers at URL, and check what comes back.

    Frames go as they were recorded, when what the client had seen by then has come; ids are new ones. Exit status 1
    where something differs, comes much later than recorded, or would be heard as a gap.
    """
    from mockserver.cassette import render
    from mockserver.cassette.model import Record
    from mockserver.cassette.store import check_place, load, save
    from mockserver.dialects.registry import dialect_named
    from mockserver.load.caller import CallOptions
    from mockserver.load.socket import call
    from mockserver.server.sources import key_in

    cassette = load(file)
    if to is not None:
        check_place(to, overwrite=False)  # before the call: it would be lost behind it
    records: list[Record] = []
    work = call(
        cassette,
        url=url,
        connection=connection,
        options=CallOptions(speed=speed, wait_s=wait, check=check),
        key=None if key_env is None else key_in(key_env, "the key that the client carries"),
        headers=[_header(one) for one in headers],
        seed=_drawn(),
        seen=lambda at, sender, frame: records.append(Record(at, sender, frame)),
    )
    report = asyncio.run(work)
    made = replace(cassette, connections=(replace(cassette.connections[connection], records=tuple(records)),), path="")
    if to is not None:
        save(made, to)
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        if not quiet:
            for line in render.timeline(made):
                click.echo(escaped(line))
        for line in told(report):
            click.echo(escaped(line))
    bare = key_env is None and not headers and dialect_named(cassette.header.dialect).keys.any
    if bare and not report.sent and not report.good:
        click.echo("mockserver: no key went along, since a cassette holds none (--key-env NAME)", err=True)
    raise SystemExit(0 if report.good else 1)


def told(report: CallReport) -> list[str]:
    """The figures, then what is to be said against the call."""
    lines = [f"connected after {_ms(report.connected)}, first event after {_ms(report.opening)}"]
    for number, reply in enumerate(report.replies, 1):
        sound = "no audio" if reply.sound is None else f"first audio after {_ms(reply.sound - reply.asked)}"
        end = "not over" if reply.over is None else f"over after {_ms(reply.over - reply.asked)}"
        lines.append(f"reply {number}: begun after {_ms(reply.begun - reply.asked)}, {sound}, {end}")
    lines.append(f"{report.sent} frames sent, {report.received} received; {report.close or 'refused'}")
    return [*lines, *(report.faults() if not report.good else ["as recorded"])]


def _ms(micros: int | None) -> str:
    return "-" if micros is None else f"{micros / 1_000:.0f} ms"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name.strip()) or not text.isprintable():
        raise UsageError(f"--header {text!r:.80}: expected NAME:VALUE, as in X-Room:7")
    return name.strip(), value.strip()


def _drawn() -> int:
    """A seed for this call: two callers at once must not have the same ids."""
    import secrets

    return secrets.randbits(64)
