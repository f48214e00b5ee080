"""``mockserver agree``: does the simulator behave as a recorded service did?"""

from __future__ import annotations

from pathlib import Path

import click

from mockserver.cli.common import escaped
from mockserver.cli.kinds import FILE


@click.command("agree")
@click.argument("files", metavar="FILE ...", nargs=-1, required=True, type=FILE)
def agree_command(files: tuple[Path, ...]) -> None:
    """Send the client side of cassette FILE to the simulator of its provider, and print how well the two agree.

    FILE may also be a capture that `mockserver import` reads. Compared are which events come, in what order, with which
    fields of which types; what is left out is listed with its reason. Exit status 1 where anything differs.
    """
    from mockserver.cassette.files.foreign import detect_and_import
    from mockserver.engines.simulator.agree import agree

    differs = False
    for file in files:
        for one in agree(detect_and_import(file)):
            click.echo(escaped(f"{file}: {one}"))
            for name, reason in one.exceptions.items():
                click.echo(escaped(f"  left out {name}: {reason}"))
            for difference in one.differences:
                click.echo(escaped(f"  {difference}"))
            differs = differs or bool(one.differences)
    if differs:
        raise SystemExit(1)
