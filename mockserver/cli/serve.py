"""``mockserver replay`` and ``mockserver simulate``: a server as a process, for any client in any language."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver.cli.common import announce, server_options, serving, stop_signals, until_done
from mockserver.errors import ExpectationFailed, UsageError

if TYPE_CHECKING:
    from mockserver.server.host import MockServer


async def serve(server: MockServer, what: str, *, as_json: bool, command: tuple[str, ...]) -> int:
    """Serve until the command ends or a signal comes. Status: the command's own, or 1 where a test would fail."""
    status = 0
    try:
        async with stop_signals() as stop, server:
            announce(server, what, as_json=as_json, command=command)
            status = await until_done(command, server.env(), stop)
            if command and not server.sessions and not server.problems():
                name = next(iter(server.env()), "the environment")
                hint = f"no client connected; does the command take its address from {name}?"
                click.echo(f"mockserver: {hint}", err=True)
    except ExpectationFailed as error:
        click.echo(f"mockserver: {error}", err=True)
        status = status or 1
    return status


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
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
    raise SystemExit(asyncio.run(serve(server, f"replaying {file}", as_json=as_json, command=command)))


def speed(text: str) -> str | float:
    """A pacing as ``replay`` takes it: a number is a speed factor, the rest are words it knows."""
    try:
        return float(text.removesuffix("x"))
    except ValueError:
        return text


@click.command("simulate")
@click.argument("provider", metavar="PROVIDER")
@click.option(
    "--replies", type=click.Path(path_type=Path), help="YAML file with what the model says (docs: simulator)."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting of the simulator.")
@serving
def simulate_command(
    provider: str,
    replies: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    command: tuple[str, ...],
    **options: Any,
) -> None:
    """Answer clients with a model of PROVIDER's server: openai, azure, xai ..."""
    from mockserver.engines.simulator import simulator
    from mockserver.server.host import MockServer

    source = simulator(provider, **_settings(settings), **_replier(replies))
    server = MockServer(source, **server_options(options))
    raise SystemExit(asyncio.run(serve(server, f"simulating {provider}", as_json=as_json, command=command)))


def _settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    """``--set`` arguments as keywords; values are written as in YAML (``true``, ``3``, ``[a, b]``)."""
    import yaml

    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {pair}: expected NAME=VALUE, for example --set pace=instant")
        try:
            settings[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {pair}: the value is not YAML: {' '.join(str(error).split())}") from None
    return settings


def _replier(file: Path | None) -> dict[str, Any]:
    """The replier of a file of replies, as a keyword."""
    if file is None:
        return {}
    from mockserver.engines.simulator import Rules

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not a text file; expected YAML with replies") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    return {"replier": Rules.from_yaml(text, source=str(file))}
