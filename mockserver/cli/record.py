"""``mockserver record``: stand between a client and the real service, and write what crosses the wire."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver.cli import turns
from mockserver.cli.collecting import steady
from mockserver.cli.common import (
    LINES,
    announce,
    audio_option,
    escaped,
    logged,
    server_options,
    serving,
    stop_signals,
    until_done,
)
from mockserver.cli.kinds import FILE, Number
from mockserver.dialects.registry import FAMILIAR
from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.server.record import Recording

PROGRESS_SECONDS = 0.25


@click.command("record")
@click.option(
    "--upstream",
    required=True,
    metavar="NAME|URL",
    help=f"The real service: a provider's name ({FAMILIAR.name}) or a URL.",
)
@click.option("--to", "file", required=True, type=FILE, metavar="FILE", help="The cassette to write.")
@click.option("--dialect", metavar="NAME", help="What the upstream speaks, where its URL does not say.")
@click.option(
    "--key-env",
    metavar="NAME",
    help="Variable with the key for the upstream. The client needs none then; web pages are refused.",
)
@click.option(
    "--upstream-timeout",
    type=Number(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="What the upstream gets to answer a handshake or a request.",
)
@click.option(
    "--outlast",
    type=Number(min=0),
    metavar="SECONDS",
    help="What the upstream gets to end its response after a --fault has ended the client's connection (default: 30).",
)
@click.option(
    "--allow-origin",
    "origins",
    type=LINES,
    multiple=True,
    metavar="ORIGIN",
    help="A web page that may spend the key of --key-env, named exactly (http://localhost:3000); again for more.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 100),
    default=1,
    metavar="N",
    help="Run COMMAND so often, and learn from the recordings what may vary (see: learn).",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--redact", "rules", type=LINES, multiple=True, metavar="REGEX", help="Take out what matches this, too.")
@audio_option
@serving
def record_command(
    upstream: str,
    file: Path,
    dialect: str | None,
    key_env: str | None,
    upstream_timeout: float,
    outlast: float | None,
    origins: tuple[str, ...],
    runs: int,
    force: bool,
    rules: tuple[str, ...],
    audio: Any,
    as_json: bool,
    command: tuple[str, ...],
    **options: Any,
) -> None:
    """Relay clients to the real service and record what crosses the wire into FILE.

    With a COMMAND, it runs with the variables set that point clients here, and its exit status is returned. Secrets are
    taken out before anything is written. Several connections go into one cassette.
    """
    from mockserver.cassette.store import check_place, redactor_for
    from mockserver.cli.learn import learned
    from mockserver.engines.relay.source import shown
    from mockserver.providers import installed
    from mockserver.server.config import find
    from mockserver.server.record import Recording
    from mockserver.server.sources import key_in, relay, spoken_at

    installed()
    if runs > 1 and not command:
        raise UsageError("record: --runs needs a command to run (-- COMMAND ...)")
    config = find(Path.cwd())
    rules = (*config.redact, *rules)
    named = shown(upstream) if "://" in upstream else upstream
    # The upstream's key never crosses the client's wire, unless the upstream says it back.
    values = [key_in(key_env, f"the key for {named}")] if key_env else []
    dialect = spoken_at(upstream, dialect)
    if origins and key_env is None:
        raise UsageError("--allow-origin: without --key-env no key is added, and any page may connect; leave it out")
    if origins:
        warn = f"every page of {' and '.join(origins)} that this machine's browser opens may spend the key in {key_env}"
        click.echo(f"mockserver: {warn}", err=True)

    def recorded(target: Path, *, overwrite: bool) -> int:
        source = relay(upstream, dialect=dialect, key_env=key_env)
        recording = Recording(
            source,
            target,
            origin=f"mockserver record --upstream {named}",
            audio=audio,
            overwrite=overwrite,
            redactor=redactor_for(source.dialect, rules=rules, values=values),
            dial_timeout=upstream_timeout,
            outlast=config.outlast if outlast is None else outlast,
            allow_origins=origins,
            **server_options(options),
        )
        what = f"recording {source.dialect.title} to {target}"
        return turns.run(_record(recording, what, target, as_json=as_json, command=command, options=options))

    if runs == 1:
        raise SystemExit(recorded(file, overwrite=force))
    check_place(file, force)
    made = [file.with_name(f"{file.name}.run{number}") for number in range(1, runs + 1)]
    for number, target in enumerate(made):
        status = recorded(target, overwrite=True)
        if status:
            kept = f"; {number} recordings stay beside {file.name} (*.run1 ...)" if number else ""
            click.echo(f"mockserver: run {number + 1} of {runs} failed, nothing was learned{kept}", err=True)
            raise SystemExit(status)
    learned(made, file, overwrite=force, audio=audio, rules=rules)
    for target in made:
        target.unlink()


async def _record(
    recording: Recording, what: str, file: Path, *, as_json: bool, command: tuple[str, ...], options: Mapping[str, Any]
) -> int:
    """Serve, save, sum up. Status: the command's; else 2 where the upstream failed, 1 where a test would fail."""
    status = 0
    async with stop_signals() as stop, recording:
        announce(recording.server, what, as_json=as_json, command=command)
        shower = asyncio.create_task(_progress(recording))
        try:
            with steady(recording.server), logged(recording.server, options):
                status = await until_done(command, recording.server.env(), stop)
        finally:
            recording.hurry = stop.is_set()
            shower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await shower
    for failed in dict.fromkeys(str(one) for one in recording.failures):
        click.echo(f"mockserver: {escaped(failed)}", err=True)
    for problem in recording.problems:
        click.echo(f"mockserver: {escaped(str(problem))}", err=True)
    if recording.recorder.told:
        click.echo(f"mockserver: {recording.recorder.told}", err=True)
    if recording.left is not None:
        click.echo(
            f"mockserver: recorded {recording.figures()}; stopped before {file} was finished: all of it is in "
            f"{recording.left}, and the next command that opens {file} finishes it",
            err=True,
        )
        return status
    if recording.saved is None:
        why = "the upstream never answered" if recording.failures else "no client connected"
        click.echo(f"mockserver: nothing was recorded, because {why}; {file} was not written", err=True)
        return status or 2
    click.echo(f"mockserver: recorded {recording.figures()} to {file}", err=True)
    return status or (2 if recording.failures else 1 if recording.problems else 0)


async def _progress(recording: Recording) -> None:
    """One line on the terminal, renewed until cancelled. Where stderr is no terminal, nothing."""
    if not sys.stderr.isatty():
        return
    try:
        while True:
            sys.stderr.write(f"\r\x1b[K{recording.figures()}")
            sys.stderr.flush()
            await asyncio.sleep(PROGRESS_SECONDS)
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
