"""``mockserver serve``: named scenarios on one port, for many clients at once, and for balancers and orchestrators."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver.cli import turns
from mockserver.cli.collecting import steady
from mockserver.cli.common import (
    Stop,
    announce,
    announce_as,
    escaped,
    logged,
    ready_line,
    server_options,
    serving,
    stop_signals,
    until_done,
)
from mockserver.cli.kinds import FILE, Number
from mockserver.cli.workers import check_system
from mockserver.errors import ExpectationFailed, MockServerError, UsageError

if TYPE_CHECKING:
    from mockserver.engines.base import ProcessPlace
    from mockserver.server.entrance import SharedPort
    from mockserver.server.host import MockServer
    from mockserver.server.scenarios.source import Scenarios
    from mockserver.server.workers.crew import Crew

DRAIN_SECONDS = 8.0
"""Ten seconds is all that `docker stop` gives."""


@click.command("serve")
@click.argument("file", type=FILE)
@click.option(
    "--drain",
    type=Number(0),
    default=DRAIN_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="On SIGTERM: sessions that run get so long to end; no new ones are taken.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes on the port; one a core. The control API answers for all of them.",
)
@click.option(
    "--replica",
    default="1/1",
    show_default=True,
    metavar="K/N",
    help="Which of N equal servers behind a balancer this is: ids that clients bring back say whose they are.",
)
@serving
def serve_command(
    file: Path, drain: float, workers: int, replica: str, as_json: bool, command: tuple[str, ...], **options: Any
) -> None:
    """Answer clients from the scenarios in FILE (YAML), each under /s/NAME and the provider's own path.

    The whole FILE is checked at the start. SIGHUP reads it again for sessions that come; a wrong one changes nothing.
    """
    from mockserver.server.scenarios.reading import programme
    from mockserver.server.scenarios.source import Programme, Scenarios

    if workers > 1:
        check_system()
        if options["tls"]:
            raise UsageError("--workers with --tls: each would have another certificate; let a balancer speak TLS")
    options["replica"] = replica_of(replica)
    seed = options["seed"] = seed_of(options)

    def read() -> Programme:
        return programme(file, seed=seed)

    source = Scenarios(read(), reread=read)
    if workers > 1:
        raise SystemExit(shared(source, file, workers, drain=drain, as_json=as_json, command=command, options=options))
    work = serve_scenarios(source, file, drain=drain, as_json=as_json, command=command, options=options)
    raise SystemExit(turns.run(work))


def replica_of(text: str) -> tuple[int, int]:
    """``2/3`` as a number from 0 and how many there are."""
    number, slash, count = text.partition("/")
    digits = all(part.isascii() and part.isdigit() and len(part) <= 4 for part in (number, count))
    if not slash or not digits or not 1 <= int(number) <= int(count):
        raise UsageError(f"--replica {text!r:.40}: expected K/N, such as 1/3 for the first of three")
    return int(number) - 1, int(count)


def place_of(options: Mapping[str, Any], worker: int = 0, workers: int = 1) -> ProcessPlace:
    """Which of all equal processes one is."""
    from mockserver.engines.base import ProcessPlace

    replica, replicas = options["replica"]
    return ProcessPlace(replica * workers + worker, replicas * workers)


def shared(
    source: Scenarios,
    file: Path,
    workers: int,
    *,
    drain: float,
    as_json: bool,
    command: tuple[str, ...],
    options: Mapping[str, Any],
) -> int:
    """Several processes on one port. The exit status."""
    from mockserver.cli.workers import Foreman

    seed = options["seed"]
    taken = server_options(options)

    def work(crew: Crew, listening: SharedPort, ready: Callable[[str], None]) -> int:
        source.alone = False
        own = {**taken, "seed": f"{seed}/worker/{crew.index}"}
        return turns.run(worker(source, file, crew, listening, ready, drain=drain, own=own, options=options))

    def tell(started: Mapping[str, Any]) -> None:
        what = f"serving {len(source.scenarios)} scenarios of {file} with {workers} workers"
        announce_as(started, what, as_json=as_json, command=command)

    foreman = Foreman(
        workers, options["host"], options["port"], work, lambda: told_of(source.reload, file), tell, command
    )
    return foreman.run()


async def worker(
    source: Scenarios,
    file: Path,
    crew: Crew,
    listening: SharedPort,
    ready: Callable[[str], None],
    *,
    drain: float,
    own: Mapping[str, Any],
    options: Mapping[str, Any],
) -> int:
    """One of several processes."""
    from mockserver.server.host import MockServer

    inside = replace(listening, inside=str(crew.socket(crew.index)))
    place = place_of(options, crew.index, crew.count)
    server = MockServer(source, **own, metrics=True, probes=True, crew=crew, listening=inside, place=place)
    status = 0
    try:
        async with stop_signals() as stop, server:
            with reloading(source, file, told=False), logged(server, options):
                ready(ready_line(server))
                with steady(server):
                    await stop.wait()
            await drained(server, stop, drain)
    except ExpectationFailed as error:
        click.echo(f"mockserver: worker {crew.index}: {escaped(str(error))}", err=True)
        status = 1
    (crew.folder / f"{crew.index}.unfired").write_text(json.dumps(server.unfired()), encoding="utf-8")
    return status


def seed_of(options: Mapping[str, Any]) -> int:
    """The seed that was asked for, or one that no other copy of this server has: their ids must differ."""
    import secrets

    given = click.get_current_context().get_parameter_source("seed")
    drawn = given is None or given is click.core.ParameterSource.DEFAULT
    return secrets.randbits(48) if drawn else int(options["seed"])


async def serve_scenarios(
    source: Scenarios,
    file: Path,
    *,
    drain: float,
    as_json: bool,
    command: tuple[str, ...],
    options: Mapping[str, Any],
) -> int:
    """Serve until the command ends or a signal comes. The exit status."""
    from mockserver.server.host import MockServer

    server = MockServer(source, **server_options(options), metrics=True, probes=True, place=place_of(options))
    status = 0
    try:
        async with stop_signals() as stop, server:
            with reloading(source, file), logged(server, options):
                what = f"serving {len(source.scenarios)} scenarios of {file}"
                announce(server, what, as_json=as_json, command=command)
                with steady(server):
                    status = await until_done(command, server.env(), stop)
            await drained(server, stop, drain)
    except ExpectationFailed as error:
        click.echo(f"mockserver: {escaped(str(error))}", err=True)
        status = status or 1
    return status


async def drained(server: MockServer, stop: Stop, seconds: float) -> None:
    """After SIGTERM: sessions that run may end, for so long."""
    if stop.number != signal.SIGTERM or not seconds or not server.running:
        return
    click.echo(f"mockserver: draining: {server.running} sessions get {seconds:g} s to end", err=True)
    await server.drain(seconds)


@contextlib.contextmanager
def reloading(source: Scenarios, file: Path, *, told: bool = True) -> Iterator[None]:
    """SIGHUP reads the file again. ``told`` False: another process has looked at it, and says what came of it."""

    def reload() -> None:
        if told:
            told_of(source.reload, file)
        else:
            with contextlib.suppress(MockServerError):  # changed again since
                source.reload()

    hup = getattr(signal, "SIGHUP", None)  # Windows has none
    loop = asyncio.get_running_loop()
    if hup is not None:
        loop.add_signal_handler(hup, reload)
    try:
        yield
    finally:
        if hup is not None:
            loop.remove_signal_handler(hup)


def told_of(reload: Callable[[], int], file: Path) -> bool:
    """Read the file again and say what came of it; whether there is something new."""
    try:
        count = reload()
    except MockServerError as error:
        click.echo(f"mockserver: {' '.join(str(error).split())}; the scenarios stay as they were", err=True)
        return False
    click.echo(f"mockserver: {file} read again: {count} scenarios for sessions that come", err=True)
    return True
