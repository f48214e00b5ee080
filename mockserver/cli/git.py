"""``mockserver git-setup``: a cassette's change is readable in ``git diff``, ``git log -p`` and ``git show``."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click

from mockserver.errors import UsageError

ATTRIBUTES = "*.cassette -text -merge diff=mockserver"
"""``-text``: no line endings are changed in a binary file. ``-merge``: two recordings are not merged line by line."""

TEXTCONV = (
    'show() {{ {python} -P -m mockserver show --textconv "$1" 2>/dev/null'
    ' || mockserver show --textconv "$1" 2>/dev/null'
    " || echo 'cassette: the command mockserver was not found; install it, and run: mockserver git-setup'; }}; show"
)
"""What git runs, by its own shell: the environment that set it up; where that is gone, the command on the path; else a
line in place of the conversation. It never fails, since git then ends the whole of a log.
"""


@click.command("git-setup")
def git_setup_command() -> None:
    """Make git show cassettes as timelines, in the repository of this folder.

    Two things: a line in .gitattributes, to be committed, and the command behind it in this clone's git configuration,
    which git keeps out of commits for safety, so that each clone runs this once.
    """
    top = Path(_git("rev-parse", "--show-toplevel"))
    textconv = TEXTCONV.format(python=shlex.quote(sys.executable))
    _git("config", "diff.mockserver.textconv", textconv)
    # A kept text would outlive a newer form, or be the message of a time when there was no command.
    _git("config", "diff.mockserver.cachetextconv", "false")
    attributes = top / ".gitattributes"
    if with_attributes(attributes):
        click.echo(f"added to {attributes.name}, to be committed: {ATTRIBUTES}")
    else:
        click.echo(f"{attributes.name} has the line for cassettes already")
    click.echo(f"set in this clone's configuration: diff.mockserver.textconv, which runs {sys.executable}")


def with_attributes(path: Path) -> bool:
    """Give a .gitattributes the line for cassettes; False where it has one."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if any("diff=mockserver" in line and not line.startswith("#") for line in text.splitlines()):
        return False
    gap = "" if not text or text.endswith("\n") else "\n"
    path.write_text(f"{text}{gap}{ATTRIBUTES}\n", encoding="utf-8")
    return True


def check_repository(said: str, command: str) -> None:
    """UsageError where what git says means that this folder is in no repository."""
    if "not a git repository" in said:
        raise UsageError(f"{command}: this folder is in no git repository: go to your clone, or `git init`")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UsageError("git-setup: there is no git on this machine") from None
    if done.returncode != 0:
        check_repository(done.stderr, "git-setup")
        raise UsageError(f"git-setup: git {' '.join(words[:2])} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
