"""The command ``mockserver``: record, replay, simulate, and what one does with cassettes.

A subcommand's module is imported only when it runs, and the help texts of the list stand here, so ``--help`` and a
short command stay fast. What this package raises on purpose becomes one line on stderr and exit status 2; an
expectation that failed (a mismatch, a difference, drift) prints its report and is exit status 1. There is no traceback
for either.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NoReturn

import click

from mockserver.errors import ExpectationFailed, MockServerError
from mockserver.version import __version__

COMMANDS = {
    "record": (
        "mockserver.cli.record",
        "Stand between a client and the real service, and record what crosses the wire.",
    ),
    "replay": ("mockserver.cli.serve", "Answer clients from a cassette."),
    "simulate": ("mockserver.cli.serve", "Answer clients with a model of the provider's server."),
    "serve": ("mockserver.cli.scenarios", "Answer clients from a file of scenarios, each at an address of its own."),
    "script": ("mockserver.cli.script", "Answer clients as a script in a Python file says."),
    "show": ("mockserver.cli.files", "Print a cassette as a timeline."),
    "view": ("mockserver.cli.view", "Write a cassette, or two, as a page to look at."),
    "import": ("mockserver.cli.files", "Make a cassette of a capture in another form."),
    "diff": ("mockserver.cli.files", "Print how two cassettes differ."),
    "learn": (
        "mockserver.cli.learn",
        "Make match rules of what varies between recordings of one scenario.",
    ),
    "scrub": ("mockserver.cli.files", "Redact a cassette again, with today's rules."),
    "agree": ("mockserver.cli.agree", "Send a cassette's client side to the simulator and report how well it agrees."),
    "verify": ("mockserver.cli.verify", "Send a cassette's client side to the real service and report drift."),
    "call": ("mockserver.cli.call", "Play a cassette's client side to a gateway, and check what comes back."),
    "orphans": ("mockserver.cli.orphans", "List the cassettes that no test uses."),
    "check": (
        "mockserver.cli.check",
        "Look at the cassettes of a folder: whole, without secrets, used, as their text says.",
    ),
    "review": ("mockserver.cli.review", "Print what has happened to cassettes since a commit, for a reviewer."),
    "sweep": (
        "mockserver.cli.sweep",
        "Run a scenario under every fault that can fire in it.",
    ),
    "init": ("mockserver.cli.init", "Write first tests into a project, and what they need."),
    "faults": ("mockserver.cli.faults", "List the faults and explain their syntax."),
    "git-setup": ("mockserver.cli.git", "Make git show cassettes as timelines in diffs."),
}
"""Name -> (module, line of help). The module has the click command as ``<name>_command``, ``-`` as ``_``."""
GROUPS = {
    "Serve": ("record", "replay", "simulate", "script", "serve", "sweep"),
    "Look at cassettes": ("show", "view", "diff"),
    "Make and keep cassettes": ("import", "learn", "scrub", "verify", "agree", "call", "check", "orphans", "review"),
    "Set up and look up": ("init", "faults", "git-setup"),
}
"""The list of commands as --help prints it. What is in no group stands under "More"."""


class Commands(click.Group):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, or None, which click turns into a line with the nearest name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        for option in command.params:
            if isinstance(option, click.Option):
                option.envvar = variable(cmd_name, option)
                option.show_envvar = True  # also in the line about a wrong value
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with the nearest name where there is no such command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            meant = f"did you mean {near[0]!r}?" if near else "mockserver --help lists them."
            ctx.fail(f"No such command {args[0]!r}; {meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        grouped = {name for names in GROUPS.values() for name in names}
        more = tuple(name for name in COMMANDS if name not in grouped)
        width = max(map(len, COMMANDS))
        for title, names in {**GROUPS, "More": more}.items():
            if names:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), COMMANDS[name][1]) for name in names])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; what this package raises on purpose becomes a line and an exit status."""
        try:
            return super().invoke(ctx)
        except ExpectationFailed as error:
            _tell(str(error))
            ctx.exit(1)
        except MockServerError as error:
            # A command that could not be started has the status that a shell gives it.
            fail(str(error), getattr(error, "exit_status", 2))
        except KeyboardInterrupt:
            raise SystemExit(interrupted()) from None
        except BrokenPipeError:
            raise  # `mockserver show FILE | head`: the reader has seen enough, and click ends quietly
        except OSError as error:
            # Disk full, no permission: the system's words, without a traceback.
            where = f"{error.filename}: " if error.filename else ""
            then = "; check the path and its permissions" if error.filename else ""
            fail(f"{where}{error.strerror or error}{then}")


def variable(command: str, option: click.Option) -> str:
    """The environment variable that stands for an option: ``MOCKSERVER_SIMULATE_PORT`` for ``simulate --port``."""
    long = max(option.opts, key=len).lstrip("-")
    return f"MOCKSERVER_{command}_{long}".replace("-", "_").upper()


def interrupted() -> int:
    """Say that Ctrl-C ended the command. Returns a shell's status for it: 1 would say that an expectation failed."""
    click.echo("mockserver: stopped by Ctrl-C", err=True)
    return 130


def fail(message: str, status: int = 2) -> NoReturn:
    """One line on stderr, and an exit status."""
    _tell(" ".join(message.split()))
    raise SystemExit(status)


def _tell(message: str) -> None:
    from mockserver.cli.common import escaped

    click.echo(f"mockserver: {escaped(message)}", err=True)  # it may quote what a client sent


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command explains itself: mockserver COMMAND --help. "
    "Its options can be given by variables: MOCKSERVER_SIMULATE_PORT is simulate --port.",
)
@click.version_option(__version__, "-V", "--version", prog_name="mockserver", message="%(prog)s %(version)s")
def main() -> None:
    """A wire-level test double for realtime voice APIs: record, replay, simulate and break a session."""
