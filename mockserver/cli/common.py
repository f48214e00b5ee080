"""What the commands that serve have in common: options, the ready line, signals, running a command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mockserver.cli.kinds import FILE
from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.server.host import MockServer

F = TypeVar("F", bound=Callable[..., Any])
STOPPING = (signal.SIGINT, signal.SIGTERM)
INTERRUPT_SECONDS = 2.0
"""What a command gets to end after Ctrl-C before it is asked with SIGTERM."""
JOURNAL_LIMIT = 10_000
"""A server as a process may run for days."""
GRACE_SECONDS = 5.0
"""What it gets after SIGTERM before it is killed. Ten seconds is all that `docker stop` gives."""


class Lines(click.types.StringParamType):
    """Text of an option that can be given again. In a variable each stands on a line of its own: a fault has spaces."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The lines of a variable, empty ones left out."""
        return [line.strip() for line in rv.splitlines() if line.strip()]


LINES = Lines()


def serving(command: F) -> F:
    """The options of every command that serves."""
    for option in reversed(
        (
            click.option(
                "--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0 takes a free one."
            ),
            click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
            click.option("--tls", is_flag=True, help="Serve https and wss with a certificate made on the spot."),
            click.option(
                "--fault",
                "faults",
                type=LINES,
                multiple=True,
                metavar="SPEC",
                help='A fault, such as "reset after 3s", or @FILE:SET; again for more (see: faults).',
            ),
            click.option("-v", "--verbose", is_flag=True, help="Print each frame on stderr."),
            click.option("-q", "--quiet", is_flag=True, help="Print nothing of sessions on stderr."),
            click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything random."),
            click.option(
                "--ice",
                multiple=True,
                default=("127.0.0.1",),
                metavar="ADDRESS",
                help="Address on which calls over WebRTC are answered; * for all of this machine.",
            ),
            click.option("--token", metavar="TOKEN", help="Token that the control API asks for."),
            click.option("--token-env", metavar="NAME", help="Variable with the token, which no process list shows."),
            click.option("--token-file", type=FILE, metavar="FILE", help="File with the token."),
            click.option(
                "--journal-limit",
                type=click.IntRange(16),
                default=JOURNAL_LIMIT,
                show_default=True,
                metavar="ENTRIES",
                help="Entries of the journal in memory; 512 MiB of older ones go to a temporary file.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready, for scripts."),
            click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND ...]"),
        )
    ):
        command = option(command)
    return command


def audio_option(command: F) -> F:
    """The option ``--audio`` of every command that writes a cassette."""
    option = click.option(
        "--audio",
        type=click.Choice(["keep", "silence", "digest"]),
        default="keep",
        show_default=True,
        help="What is kept of voices: all, silence of the same length, or a check sum.",
    )
    return option(command)


def server_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options above that ``MockServer`` takes."""
    from mockserver.server.tokens import token_from

    if options["verbose"] and options["quiet"]:
        raise UsageError("-v and -q: each frame or nothing; keep one of them")
    token = token_from(value=options["token"], env=options["token_env"], file=options["token_file"])
    as_given = ("host", "port", "tls", "faults", "seed", "journal_limit", "ice")
    return {**{name: options[name] for name in as_given}, "token": token}


def ready_line(server: MockServer) -> str:
    """The line of ``--json``: all that a script needs to use the server."""
    return json.dumps(
        {
            "ready": True,
            "base_url": server.base_url,
            "ws_url": server.ws_url,
            "port": server.port,
            "env": server.env(),
            "control": f"{server.url}/__mockserver__/",
        }
    )


@contextlib.contextmanager
def logged(server: MockServer, options: Mapping[str, Any]) -> Iterator[None]:
    """What goes on in the sessions, on stderr: turns and what goes wrong; ``-v`` each frame, ``-q`` nothing."""
    if options.get("quiet"):
        yield
        return
    from mockserver.cli.log import ServerLog, Stderr

    stderr = Stderr()
    forget = server.journal.listen(ServerLog(server.journal, level=2 if options.get("verbose") else 1, write=stderr))
    try:
        yield
    finally:
        forget()
        stderr.close()


def announce(server: MockServer, what: str, *, as_json: bool, command: Sequence[str]) -> None:
    """Say that the server is ready. With a command, stdout is the command's, so that a person's lines go to stderr."""
    announce_as(json.loads(ready_line(server)), what, as_json=as_json, command=command)


def announce_as(ready: Mapping[str, Any], what: str, *, as_json: bool, command: Sequence[str]) -> None:
    """The same from what a ready line says."""
    if as_json:
        click.echo(json.dumps(ready))
        sys.stdout.flush()
        return
    aside = bool(command)
    click.echo(f"mockserver: {what} on {ready['base_url']}", err=aside)
    if not command:
        for name, value in ready["env"].items():
            click.echo(f"  export {name}={shell_quoted(value)}")
        click.echo(f"  websocket {ready['ws_url']}")
        click.echo("  Ctrl-C ends.")
        sys.stdout.flush()


def shell_quoted(text: str) -> str:
    """``text`` as one word of a POSIX shell."""
    import shlex

    return shlex.quote(text)


def escaped(text: str) -> str:
    """Text from a file, safe to print: control characters cannot move the cursor or colour the terminal."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text
    )


class Stop(asyncio.Event):
    """Set by Ctrl-C or SIGTERM; ``number`` is the signal."""

    number: int | None = None


@contextlib.asynccontextmanager
async def stop_signals() -> AsyncIterator[Stop]:
    """An event that Ctrl-C and SIGTERM set. A second one is the system's again, so that nothing can hang for ever."""
    loop, stop = asyncio.get_running_loop(), Stop()

    def stopping(number: int) -> None:
        stop.number = number
        stop.set()
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.remove_signal_handler(number)

    for number in STOPPING:
        try:
            loop.add_signal_handler(number, stopping, number)
        except NotImplementedError:  # Windows: the plain handler, and the loop is woken for it
            signal.signal(number, lambda got, _: loop.call_soon_threadsafe(stopping, got))
    try:
        yield stop
    finally:
        for number in STOPPING:
            with contextlib.suppress(NotImplementedError, ValueError):
                loop.remove_signal_handler(number)


async def until_done(command: Sequence[str], env: Mapping[str, str], stop: Stop) -> int:
    """Run ``command`` with these variables set, or wait for a signal where there is none. Returns the exit status.

    A command that a signal ended returns 128 and the signal's number, as in a shell. SIGTERM goes on to the command. A
    terminal sends Ctrl-C to the command as well, so that is only helped along where the command does not end of itself.
    """
    if not command:
        await stop.wait()
        return 0
    process = await _started(command, env)
    stopped = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(process.wait())
    try:
        await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done() and stop.number == signal.SIGINT:
            await asyncio.wait({ended}, timeout=INTERRUPT_SECONDS)
        for end in (process.terminate, process.kill):
            if not ended.done():
                with contextlib.suppress(ProcessLookupError):
                    end()
                await asyncio.wait({ended}, timeout=GRACE_SECONDS)
        status = await ended
    finally:
        stopped.cancel()
    return shell_status(status)


async def _started(command: Sequence[str], env: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(*command, env={**os.environ, **env})
    except OSError as error:
        raise not_started(command[0], error) from None


def not_started(program: str, error: OSError) -> CommandFailed:
    """Why a command could not be started, with a shell's status for that."""
    match error:
        case FileNotFoundError():
            return CommandFailed(f"command not found: {program}", 127)
        case PermissionError():
            return CommandFailed(f"cannot be executed: {program}", 126)
        case _:
            return CommandFailed(f"{program}: {error.strerror or error}", 126)


def shell_status(status: int) -> int:
    """The exit status of a process as a shell gives it: 128 and the signal's number where a signal ended it."""
    return status if status >= 0 else 128 - status


class CommandFailed(UsageError):
    """The command could not be started. ``exit_status`` is what a shell returns for that."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.exit_status = status
