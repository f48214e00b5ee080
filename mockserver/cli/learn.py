"""``mockserver learn``: what varies between recordings of one scenario, as match rules in the header of a cassette."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mockserver.cli.common import escaped
from mockserver.cli.kinds import FILE


@click.command("learn")
@click.argument("first", type=FILE)
@click.argument("others", type=FILE, nargs=-1, required=True)
@click.option("--to", "target", type=FILE, required=True, metavar="FILE", help="The cassette to write.")
@click.option("--force", is_flag=True, help="Overwrite what stands at --to.")
def learn_command(first: Path, others: tuple[Path, ...], target: Path, force: bool) -> None:
    """Make one cassette of several recordings of one scenario, FIRST and OTHERS.

    It holds the first recording, whose replies are played, and in its header rules for what varied: a field, a frame
    that not all recordings have, two frames that came in either order. A rule is as narrow as what was seen; replay and
    diff go by it, show prints it.
    """
    learned((first, *others), target, overwrite=force)


def learned(
    files: Sequence[Path], target: Path, *, overwrite: bool, audio: Any = "keep", rules: Sequence[str] = ()
) -> None:
    """Learn from these files and write the cassette; say what was found."""
    from mockserver.cassette.learn import learn
    from mockserver.cassette.render import lens_of, rule_lines
    from mockserver.cassette.store import load, redactor_for, save
    from mockserver.server.config import find

    cassette, found = learn([load(file) for file in files])
    redactor = redactor_for(lens_of(cassette), rules=(*find(Path.cwd()).redact, *rules))
    save(cassette, target, overwrite=overwrite, redactor=redactor, audio=audio)
    lines = list(rule_lines(found.rules()))
    counted = f"{len(lines)} rule{'' if len(lines) == 1 else 's'}" if lines else "nothing varied"
    click.echo(f"learned from {len(files)} recordings, written to {target}: {counted}")
    for line in lines:
        click.echo(f"  {escaped(line)}")
    for told in found.told:
        click.echo(f"mockserver: {escaped(told)}", err=True)
