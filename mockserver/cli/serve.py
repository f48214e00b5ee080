"""``mockserver replay`` and ``mockserver simulate``: a server as a process, for any client in any language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver.cli import turns
from mockserver.cli.collecting import steady
from mockserver.cli.common import (
    LINES,
    announce,
    escaped,
    logged,
    server_options,
    serving,
    stop_signals,
    until_done,
)
from mockserver.cli.kinds import FILE
from mockserver.errors import ExpectationFailed, SpecError, UsageError

if TYPE_CHECKING:
    from mockserver.server.host import MockServer


async def serve(
    server: MockServer, what: str, *, as_json: bool, command: tuple[str, ...], options: Mapping[str, Any]
) -> int:
    """Serve until the command ends or a signal comes. Status: the command's own, or 1 where a test would fail."""
    status = 0
    try:
        async with stop_signals() as stop, server:
            announce(server, what, as_json=as_json, command=command)
            with steady(server), logged(server, options):
                status = await until_done(command, server.env(), stop)
            if command and not server.sessions and not server.plain_calls and not server.problems():
                click.echo(f"mockserver: no client connected; {_pointing(server)}", err=True)
    except ExpectationFailed as error:
        click.echo(f"mockserver: {escaped(str(error))}", err=True)
        status = status or 1
    return status


def _pointing(server: MockServer) -> str:
    """How a client of this provider finds the server."""
    name = server.dialect.pointed_by
    if name is not None:
        return f"does the command take its address from {name}?"
    return (
        f"clients of {server.dialect.title} take their address as an argument alone: give them the value of "
        "MOCKSERVER_BASE_URL as the base URL (or MOCKSERVER_WS_URL as the socket's)"
    )


@click.command("replay")
@click.argument("file", type=FILE)
@click.option(
    "--pacing",
    default="recorded",
    show_default=True,
    metavar="PACE",
    help='"recorded", "instant", a speed factor such as "2", or a cap on each delay such as "<=250ms".',
)
@click.option("--allow-unplayed", is_flag=True, help="Frames that were never played are no failure.")
@serving
def replay_command(
    file: Path, pacing: str, allow_unplayed: bool, as_json: bool, command: tuple[str, ...], **options: Any
) -> None:
    """Answer clients from the cassette FILE.

    With a COMMAND, it runs with the variables set that point clients here, and its exit status is returned. Where the
    client departs from the cassette, the report goes to stderr and the exit status is 1.
    """
    from mockserver.server.config import find
    from mockserver.server.host import MockServer
    from mockserver.server.sources import replay

    config = find(Path.cwd())
    source = replay(file, pacing=speed(pacing), allow_unplayed=allow_unplayed, rules=config.rules, redact=config.redact)
    server = MockServer(source, **server_options(options))
    raise SystemExit(turns.run(serve(server, f"replaying {file}", as_json=as_json, command=command, options=options)))


def speed(text: str) -> str | float:
    """A pacing as ``replay`` takes it: a number is a speed factor, the rest are words it knows."""
    try:
        return float(text.removesuffix("x"))
    except ValueError:
        return text


class Dashed(click.Command):
    """A command whose words before ``--`` are all its own; what stands behind it is the command to run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split at ``--``, which click would drop."""
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_COMMAND] = tuple(args[place + 1 :])
        return super().parse_args(ctx, args[:place])


_COMMAND = "mockserver.command"


@click.command("simulate", cls=Dashed)
@click.argument("provider", metavar="PROVIDER")
@click.option("--replies", type=FILE, help="YAML file with what the model says (docs: simulator).")
@click.option(
    "--set",
    "settings",
    type=LINES,
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the simulator; PROVIDER.NAME=VALUE is of that one alone.",
)
@click.option(
    "--at",
    type=LINES,
    multiple=True,
    metavar="PREFIX",
    help="A prefix before all paths, as a gateway has it; of several providers PROVIDER=PREFIX.",
)
@serving
def simulate_command(
    provider: str,
    replies: Path | None,
    settings: tuple[str, ...],
    at: tuple[str, ...],
    as_json: bool,
    command: tuple[str, ...],
    **options: Any,
) -> None:
    """Answer clients with a model of PROVIDER's server: openai, azure, xai ...

    Several providers are served on one port, each at its own paths.
    """
    from mockserver.engines.simulator import simulator, together
    from mockserver.providers import installed
    from mockserver.server.host import MockServer
    from mockserver.server.reply_files import replier_of

    names = (provider, *command)
    installed(*names)
    if len(set(names)) < len(names):
        raise UsageError(f"simulate {' '.join(names)}: a provider is named twice")
    given, prefixes = _settings(settings, names), _prefixes(at, names)
    replier = replier_of(replies)
    sources = [simulator(name, **replier, **given[name], **prefixes[name]) for name in names]
    server = MockServer(sources[0] if len(sources) == 1 else together(*sources), **server_options(options))
    to_run = click.get_current_context().meta[_COMMAND]
    what = f"simulating {' and '.join(names)}"
    raise SystemExit(turns.run(serve(server, what, as_json=as_json, command=to_run, options=options)))


def _prefixes(given: tuple[str, ...], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """``--at`` arguments as keywords of each provider."""
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for one in given:
        name, equals, prefix = one.partition("=")
        if not equals:
            name, prefix = names[0], one
            if len(names) > 1:
                raise UsageError(f"--at {one}: say of which provider it is: --at {names[-1]}={one}")
        if name not in found:
            raise UsageError(f"--at {one}: {name} is not simulated here; expected one of {', '.join(names)}")
        if found[name]:
            raise UsageError(f"--at {one}: {name} has the prefix {found[name]['at']!r} already; give it once")
        found[name] = {"at": prefix}
    return found


def _settings(pairs: tuple[str, ...], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """``--set`` arguments as keywords of each provider. A name given again adds to a list that it has already."""
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for pair in pairs:
        owner, dot, rest = pair.partition(".")
        alone = bool(dot) and owner in found
        key, value = _parsed(rest if alone else pair)
        for name in [owner] if alone else names:
            before = found[name].get(key)
            found[name][key] = value if before is None else [*_listed(before), *_listed(value)]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parsed(pair: str) -> tuple[str, Any]:
    """``NAME=VALUE``; the value is written as in YAML (``true``, ``3``, ``[a, b]``)."""
    from mockserver.bounded_yaml import load

    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise UsageError(f"--set {pair}: expected NAME=VALUE, for example --set pace=instant")
    if not value.strip():
        raise UsageError(f"--set {pair}: the value is empty (an unset variable?); '' is the empty text, null is none")
    try:
        return name, load(value, source=f"--set {name:.60}")
    except SpecError as error:
        raise UsageError(str(error)) from None
