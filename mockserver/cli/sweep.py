"""``mockserver sweep MODULE:FUNCTION``: run a scenario under every fault that can fire in it."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

import click

from mockserver.cli.common import LINES
from mockserver.cli.kinds import FOLDER, NO_FOLDER
from mockserver.dialects.registry import FAMILIAR
from mockserver.errors import UsageError


@click.command("sweep")
@click.argument("what", metavar="MODULE:FUNCTION | --merge FILE...", nargs=-1, required=True)
@click.option("--provider", default=FAMILIAR.name, show_default=True, metavar="NAME", help="Whose simulator answers.")
@click.option("--replies", type=NO_FOLDER, help="YAML file with what the model says, as of simulate.")
@click.option("--tls", is_flag=True, help="The server has a certificate of its own; --env makes clients trust it.")
@click.option("--env", is_flag=True, help="Set the variables that point clients at the server.")
@click.option("--level", type=click.Choice(["quick", "full"]), default="quick", show_default=True)
@click.option("--runs", type=click.IntRange(1), help="How many runs the level quick makes (200).")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--hang", "hang_s", type=float, default=60, show_default=True, help="Seconds that a turn may take.")
@click.option("--report-within", "within_s", type=float, default=30, show_default=True, help="Seconds for an error.")
@click.option(
    "--allow",
    type=LINES,
    multiple=True,
    metavar="PATTERN",
    help="A fault line or verdict that is accepted; may repeat.",
)
@click.option("--shard", default="", metavar="K/N", help="Only the k-th of n parts.")
@click.option("--processes", type=click.IntRange(1), help="Workers; by default one a processor.")
@click.option(
    "--fault", "faults", type=LINES, multiple=True, metavar="SPEC", help="Make one run under this (these) and show it."
)
@click.option("--turns", type=click.IntRange(1), help="With --fault: end the test after so many turns.")
@click.option("--real-time", is_flag=True, help="With --fault: by the clock on the wall, not in virtual time.")
@click.option("--merge", is_flag=True, help="The arguments are the JSON reports of shards: put them together.")
@click.option("--json", "json_to", type=NO_FOLDER, help="Write the report as JSON.")
@click.option("--markdown", "markdown_to", type=NO_FOLDER, help="Write the report as Markdown.")
@click.option("--junit", "junit_to", type=NO_FOLDER, help="Write the report as JUnit XML.")
@click.option("--pages", type=FOLDER, help="Write a page for each finding.")
@click.option("--baseline", type=NO_FOLDER, help="Fail only for what is worse than this file says.")
@click.option("--update", is_flag=True, help="Write the baseline instead of comparing with it.")
@click.pass_context
def sweep_command(
    ctx: click.Context,
    /,
    what: tuple[str, ...],
    merge: bool,
    baseline: Path | None,
    update: bool,
    pages: Path | None,
    faults: tuple[str, ...],
    json_to: Path | None,
    markdown_to: Path | None,
    junit_to: Path | None,
    **asked: Any,
) -> None:
    """Run the scenario FUNCTION(server, sweep) of MODULE once as it is, then under every fault that can fire in it.

    Exit status 1 where something is found that is neither allowed nor in the baseline.
    """
    from mockserver.sweeping.files import put, write_pages

    if update and baseline is None:
        raise UsageError("--update writes the baseline: say which with --baseline FILE")
    if asked["turns"] and not faults:
        raise UsageError("--turns: it is for single runs, with --fault")
    if merge and faults:
        raise UsageError("--merge puts reports together; it makes no run with a --fault")
    _look_first(baseline, update=update, places=(json_to, markdown_to, junit_to))
    if merge:
        report = _merged(what)
    else:
        if len(what) > 1:
            raise UsageError(f"expected one MODULE:FUNCTION, got {len(what)}")
        sweeping = _sweeping(what[0], asked)
        if asked["real_time"] and not faults:
            raise UsageError("--real-time: a whole sweep would take days; it is for single runs, with --fault")
        if faults:
            _one(sweeping, faults, asked["turns"])
            return
        report = _report(sweeping, what[0], asked)
        if pages is not None and not report.stopped:
            write_pages(pages, "sweep", sweeping, report)
    click.echo(report.text())  # first: a file that cannot be written loses nothing of it
    for path, text in ((json_to, report.json), (markdown_to, report.markdown), (junit_to, report.junit)):
        if path is not None:
            put(path, text())
    if report.stopped:
        ctx.exit(130)
    ctx.exit(1 if _failed(report, baseline, update) else 0)


def _look_first(baseline: Path | None, *, update: bool, places: tuple[Path | None, ...]) -> None:
    """UsageError for what would be found wrong only behind the sweep, which may take hours."""
    from mockserver.sweeping.baseline import loaded
    from mockserver.sweeping.files import text_of

    for place in (*places, baseline if update else None):
        if place is not None and not (place.absolute().parent.is_dir() and os.access(place.absolute().parent, os.W_OK)):
            raise UsageError(f"{place}: there is no folder {place.parent} that can be written to")
    if baseline is not None and not update:
        text = text_of(baseline)
        if text is None:
            raise UsageError(f"{baseline}: there is no baseline yet; --update writes it")
        loaded(text, source=str(baseline))


def _sweeping(name: str, asked: dict[str, Any]) -> Any:
    from mockserver.sweeping.driver import Sweeping, positive, setting_of

    positive("--hang", asked["hang_s"])
    positive("--report-within", asked["within_s"])
    taken = {key: asked[key] for key in ("hang_s", "seed", "env", "tls", "real_time")}
    setting = setting_of(_scenario(name), source=_source(asked["provider"], asked["replies"]), **taken)
    return Sweeping(setting, round(asked["within_s"] * 1_000_000))


def _source(provider: str, replies: Path | None) -> Any:
    """What answers, in a form that makes it anew for each run."""
    if replies is None:
        return provider
    from mockserver.engines.simulator import simulator
    from mockserver.server.reply_files import replier_of

    replier = replier_of(replies)
    return lambda: simulator(provider, **replier)


def _report(sweeping: Any, name: str, asked: dict[str, Any]) -> Any:
    from mockserver.sweeping.driver import swept
    from mockserver.sweeping.progress import ProgressBar

    taken = {key: asked[key] for key in ("level", "runs", "seed", "allow", "shard", "processes")}
    return swept(sweeping, name=name, progress=ProgressBar(sys.stderr) if sys.stderr.isatty() else None, **taken)


def _one(sweeping: Any, faults: tuple[str, ...], turns: int | None) -> None:
    from mockserver.sweeping.driver import timeline

    sweeping.begin()
    record = sweeping.once(faults, turns=turns)
    for one in sweeping.said(record):
        click.echo(f"{one.verdict}: {one.how}")
    click.echo(timeline(record))


def _merged(names: tuple[str, ...]) -> Any:
    from mockserver.sweeping.files import text_of
    from mockserver.sweeping.report import merged

    texts = [text_of(Path(name)) for name in names]
    missing = [name for name, text in zip(names, texts, strict=True) if text is None]
    if missing:
        raise UsageError(f"--merge: there is no file {missing[0]}")
    try:
        return merged(text for text in texts if text is not None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"--merge: expected reports that `mockserver sweep --json` wrote: {error}") from None


def _failed(report: Any, baseline: Path | None, update: bool) -> bool:
    from mockserver.sweeping.baseline import against, loaded, updated
    from mockserver.sweeping.files import put, text_of

    if baseline is None:
        return bool(report.open)
    text = text_of(baseline)
    if update:
        put(baseline, updated(report, text, source=str(baseline)))
        return False
    if text is None:
        raise UsageError(f"{baseline}: there is no baseline yet; --update writes it")
    compared = against(report, loaded(text, source=str(baseline)))
    for title, lines in (("worse", compared.worse), ("new", compared.new), ("better", compared.better)):
        for line in lines:
            click.echo(f"{title} than the baseline: {line}")
    return compared.failed


def _scenario(name: str) -> Any:
    module, colon, function = name.partition(":")
    if not colon or not module or not function:
        raise UsageError(f"{name!r}: expected MODULE:FUNCTION, such as tests.sweeps:three_turns")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(f"{name}: {error}; it is looked for from this folder on") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever the user's module raises is told in one line)
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"{name}: the module {module} cannot be imported: {told}{_place(error)}") from None
    if not hasattr(found, function):
        raise UsageError(f"{name}: the module has no {function!r}")
    return getattr(found, function)


def _place(error: BaseException) -> str:
    """Where in the user's code it was raised."""
    last = extract_tb(error.__traceback__)[-1:]
    return "".join(f" ({one.filename}, line {one.lineno})" for one in last if "importlib" not in one.filename)
