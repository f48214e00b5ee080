"""What one does with cassettes: ``show``, ``import``, ``diff``, ``scrub``."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from mockserver.cli.common import LINES, audio_option, escaped
from mockserver.cli.kinds import FILE, Number, check_apart
from mockserver.errors import CassetteError, UsageError


@click.command("show")
@click.argument("file", type=FILE)
@click.option("--connection", type=click.IntRange(0), metavar="N", help="Only this connection.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many lines of each connection.")
@click.option("--every-frame", is_flag=True, help="A line for each piece of audio, too.")
@click.option("--partial", is_flag=True, help="Read a damaged file up to the damage.")
@click.option("--textconv", is_flag=True, help="The form for git diff: no times, no ids of one recording.")
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON: the header, each connection, each frame.")
@click.option("--wav", "wavs", type=FILE, metavar="DIR", help="Write each side's audio as a WAV file into this folder.")
def show_command(
    file: Path,
    connection: int | None,
    limit: int | None,
    every_frame: bool,
    partial: bool,
    textconv: bool,
    as_json: bool,
    wavs: Path | None,
) -> None:
    """Print cassette FILE as a timeline: time, direction, event, the few fields that matter, audio as duration."""
    from mockserver.cassette import render
    from mockserver.cassette.store import load
    from mockserver.cli import forms

    forms_asked = {"--textconv": textconv, "--json": as_json, "--wav": wavs is not None}
    asked = [name for name, given in forms_asked.items() if given]
    if len(asked) > 1:
        raise UsageError(f"show: say one of {' and '.join(asked)}")
    fixed = {"--connection": connection is not None, "--limit": limit is not None, "--every-frame": every_frame}
    extra = [name for name, given in fixed.items() if given]
    if textconv and extra:
        raise UsageError(f"show: --textconv is of the whole cassette; leave {' and '.join(extra)} out")
    if textconv:
        try:
            for line in render.textconv(load(file)):
                click.echo(escaped(line))
        except CassetteError as error:
            # git takes a failing textconv as its own failure and shows nothing at all of the whole diff.
            click.echo(escaped(str(error).replace(str(file), "cassette")))
        return
    cassette = load(file, partial=partial)
    known = [one.number for one in cassette.connections]
    if connection is not None and connection not in known:
        raise UsageError(f"{file}: no connection {connection}; it has {', '.join(map(str, known)) or 'none'}")
    if wavs is not None:
        for line in forms.write_wavs(cassette, wavs, connection=connection):
            click.echo(escaped(line))
        return
    if as_json:
        for line in forms.json_lines(cassette, connection=connection, limit=limit):
            click.echo(line)
        return
    for line in render.timeline(cassette, connection=connection, merge=not every_frame, limit=limit):
        click.echo(escaped(line))


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--to", "target", required=True, type=FILE, metavar="FILE", help="The cassette to write.")
@click.option("--provider", metavar="NAME", help="Whose session it is, where the file does not say.")
@click.option(
    "--audio-piece-ms",
    "piece_ms",
    type=Number(min=0, min_open=True),
    metavar="MS",
    help="How long each piece of the client's audio is, where the source has cut it.",
)
@click.option(
    "--in-step", is_flag=True, help="In replay each server frame waits for all client audio recorded before it."
)
@click.option("--force", is_flag=True, help="Overwrite the cassette.")
@audio_option
def import_command(
    file: Path,
    target: Path,
    provider: str | None,
    piece_ms: float | None,
    in_step: bool,
    force: bool,
    audio: Any,
) -> None:
    """Make a cassette of FILE.

    Its form is found by looking into it: the neutral capture form (JSON lines), a cassette of pydantic-ai, cassetter,
    nimax or litellm, a fixture of aimock, HAR with websocket messages, a flow file of mitmproxy, a log of test-server,
    a log of events (JSON lines, LiveKit, the websockets package), or an unfinished recording. It is redacted like
    a recording. What is not imported as it stands there is said in a line on the standard error output.
    """
    from mockserver.cassette.files.foreign import detect_and_import
    from mockserver.cassette.render import lens_of
    from mockserver.cassette.store import redactor_for, save
    from mockserver.server.config import find

    check_apart(target, file)
    cassette = detect_and_import(
        file,
        provider=provider,
        tell=lambda line: click.echo(f"mockserver: {escaped(line)}", err=True),
        piece_ms=piece_ms,
    )
    if in_step:
        cassette = replace(cassette, header=replace(cassette.header, rules={**cassette.header.rules, "in_step": True}))
    redactor = redactor_for(lens_of(cassette), rules=find(Path.cwd()).redact)
    save(cassette, target, overwrite=force, redactor=redactor, audio=audio)
    frames = sum(len(connection.records) for connection in cassette.connections)
    click.echo(f"imported {frames} frames of {cassette.header.dialect} to {target}")


@click.command("diff")
@click.argument("first", type=FILE)
@click.argument("second", type=FILE)
@click.option("--markdown", is_flag=True, help="For a comment or a job's summary: both sides of each change, in full.")
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON.")
def diff_command(first: Path, second: Path, markdown: bool, as_json: bool) -> None:
    """Print how two cassettes differ: steps that only one has, fields that changed.

    Ids, times and the chunking of audio do not count; waits that have changed much, and what the headers say otherwise
    (another server, other match rules), are listed behind the rest. Exit status 1 where they differ. With --markdown
    one of the two may be /dev/null: a cassette that is new, or was removed.
    """
    from mockserver.cassette import markdown as form
    from mockserver.cassette.diff import diff, headers, waits
    from mockserver.cassette.store import load

    if markdown and as_json:
        raise UsageError("diff: say either --markdown or --json")
    if markdown and "/dev/null" in (str(first), str(second)):
        added = str(first) == "/dev/null"
        for line in form.alone(load(second if added else first), added=added):
            click.echo(line)
        raise SystemExit(1)
    left, right = load(first), load(second)
    differences, slow, about = diff(left, right), waits(left, right), headers(left, right)
    if markdown:
        for line in form.changed(right, differences, slow, about):
            click.echo(line)
    elif as_json:
        listed = {"differences": differences, "waits": slow, "headers": about}
        told = {name: [asdict(one) for one in found] for name, found in listed.items()}
        click.echo(json.dumps({"same": not differences, **told}))
    else:
        for difference in differences:
            click.echo(escaped(str(difference)))
        if not differences:
            click.echo("the same conversation")
        for wait in slow:
            click.echo(escaped(f"time: {wait}"))
        for one in about:
            click.echo(escaped(f"header: {one.what}"))
    if differences:
        raise SystemExit(1)


@click.command("scrub")
@click.argument("file", type=FILE)
@click.option("--to", "target", type=FILE, metavar="FILE", help="Write the result there.")
@click.option("--in-place", is_flag=True, help="Replace FILE.")
@click.option("--force", is_flag=True, help="Overwrite what stands at --to.")
@click.option("--rule", "rules", type=LINES, multiple=True, metavar="REGEX", help="Take out what matches this, too.")
@click.option(
    "--value-env", "names", type=LINES, multiple=True, metavar="NAME", help="Take out the value of this variable, too."
)
@click.option("--explain", is_flag=True, help="Write nothing: list what was taken out, where and why; what nearly was.")
@audio_option
def scrub_command(
    file: Path,
    target: Path | None,
    in_place: bool,
    force: bool,
    rules: tuple[str, ...],
    names: tuple[str, ...],
    explain: bool,
    audio: Any,
) -> None:
    """Redact cassette FILE again: with today's rules, today's key variables, and the rules given here."""
    from mockserver.cassette.render import lens_of
    from mockserver.cassette.store import load, redactor_for, save
    from mockserver.server.config import find

    if explain and (in_place or target is not None):
        raise UsageError("scrub: --explain writes nothing; leave --in-place and --to FILE out")
    if not explain and in_place == (target is not None):
        raise UsageError("scrub: say either --in-place or --to FILE")
    cassette = load(file)
    config = find(Path.cwd())
    redactor = redactor_for(lens_of(cassette), rules=(*config.redact, *rules), values=values_of(names))
    if explain:
        _explain(cassette, redactor)
        return
    save(cassette, target or file, overwrite=in_place or force, redactor=redactor, audio=audio)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(redactor.counts.items()))
    told = f"taken out: {counts}" if counts else "nothing more to take out"
    if audio not in ("keep", cassette.header.audio):
        told = f"{told}; audio: {audio}"
    click.echo(f"{target or file}: {told}")


def _explain(cassette: Any, redactor: Any) -> None:
    from collections import Counter

    from mockserver.cassette.explain import explain

    counts: Counter[str] = Counter()
    for line in explain(cassette, redactor):
        counts[line.what] += 1
        click.echo(escaped(str(line)))
    told = ", ".join(f"{counts[what]} {what}" for what in ("taken out", "to take out", "nearly"))
    click.echo(f"{cassette.path}: {told}")


def values_of(names: tuple[str, ...]) -> list[str]:
    """The values of variables; secrets do not belong on a command line."""
    import os

    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise UsageError(f"the environment variable {missing[0]} is not set, so its value cannot be looked for")
    return [os.environ[name] for name in names]
