"""``mockserver view``: a cassette, or two side by side, as a page to look at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver.cli.collecting import uncollected
from mockserver.cli.common import escaped
from mockserver.cli.kinds import FILE, check_apart

if TYPE_CHECKING:
    from mockserver.cassette.model import Cassette
    from mockserver.view.page import ViewedFile


@click.command("view")
@click.argument("file", type=FILE)
@click.argument("second", type=FILE, required=False, metavar="[FILE2]")
@click.option("--to", "target", type=FILE, metavar="PAGE", help="Where the page goes; by default FILE.html.")
@click.option("--force", is_flag=True, help="Overwrite a file that is no such page.")
@click.option("--open", "shown", is_flag=True, help="Open it in the browser.")
@click.option("--partial", is_flag=True, help="Read a damaged file up to the damage.")
def view_command(file: Path, second: Path | None, target: Path | None, force: bool, shown: bool, partial: bool) -> None:
    """Write cassette FILE as a page to look at; with FILE2, both side by side and what differs.

    The page needs nothing but a browser: no network, no server. It has lanes for client, server and faults, waveforms
    that can be played, the replies, and every frame's JSON.
    """
    from mockserver.cassette.diff import diff, waits
    from mockserver.cassette.store import load
    from mockserver.view.files import assets, write
    from mockserver.view.page import page

    goes = target or file.with_suffix(".html")
    check_apart(goes, file, second or file)
    read = [load(one, partial=partial) for one in (file, second) if one is not None]
    differences: list[dict[str, Any]] = []
    if len(read) == 2:
        differences = [_difference(one) for one in diff(*read)]
        differences += [{**_difference(one), "wait": True} for one in waits(*read)]
    with uncollected():
        made = page([source_of(one) for one in read], assets(), name=goes.stem, differences=differences)
    write(made, goes, force=force)
    click.echo(f"{goes}: open it in a browser")
    if shown:
        click.launch(str(goes))


def source_of(cassette: Cassette) -> ViewedFile:
    """A cassette for the page: its facts are the lines of ``show``."""
    from mockserver.cassette import render
    from mockserver.view.page import ViewedFile
    from mockserver.view.scene import of_cassette

    facts = [escaped(line.strip()) for line in render.summary(cassette)]
    return ViewedFile(Path(cassette.path).name, facts, list(of_cassette(cassette)))


def _difference(one: Any) -> dict[str, Any]:
    numbered = re.match(r"connection (\d+)", one.where)
    return {
        "where": one.where,
        "what": one.what,
        "frames": list(one.frames),
        "connection": int(numbered[1]) if numbered else None,
    }
