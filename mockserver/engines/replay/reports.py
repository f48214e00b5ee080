"""What a test is told when a client departs from a recording. Plain text; the first line says it
all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mockserver.cassette.normal import dumps as printable
from mockserver.cassette.varies import Vary, Which, event_word, kind_of, plain
from mockserver.core.frames import Close, Lost, Sender, Text
from mockserver.core.json_text import dumps
from mockserver.core.view import Kind, Lens
from mockserver.dialects.base import shorten
from mockserver.engines.replay.departures import Departure
from mockserver.engines.replay.live_lines import DepartureLine
from mockserver.engines.replay.matching import AUDIO_BEFORE, Mismatch
from mockserver.engines.replay.steps import Step


@dataclass(frozen=True, slots=True)
class ReportedPlace:
    """Which session of which cassette, and the command that records it again."""

    session: int
    cassette: str
    rerecord: str
    lens: Lens

    def __str__(self) -> str:
        return f"session {self.session}, {self.cassette}"


def departed(where: ReportedPlace, departure: Departure) -> str:
    """A live client frame that matches no recorded one."""
    view = departure.view
    told = [f"{where}: {view.name} at {departure.at / 1e6:.3f} s does not match the recording"]
    if departure.why:
        told[0] += f": {departure.why}"
    told.append(f"  live: {_frame(where.lens, departure.frame, 300)}")
    if departure.nearest:
        told.append("  nearest recorded client frames:")
        for step, differences in departure.nearest:
            told.append(f"    {_step(step, where.lens)}")
            told += [f"      {difference}" for difference in differences] or ["      the same"]
    told += proposals(departure)
    return "\n".join([*told, *_timeline(where.lens, departure.lines), *_again(where)])


MANY = 3
"""So many fields may differ before a rule that lets them all differ hides more than it helps."""
LONGEST = 2_000
"""A line that is longer is none to paste."""
WHAT_IT_IS = ("type", "role")
"""Fields that say what a frame is. Another value makes another frame of it."""


def proposals(departure: Departure) -> list[str]:
    """The rule that would have let the frame pass, as a line to paste, and when that would be unwise."""
    name = event_word(departure.view.name)
    if not departure.nearest:
        return _one_more(departure, name) if departure.view.kind is Kind.EVENT else []
    step, differences = departure.nearest[0]
    if departure.passed is not None:
        left = departure.passed
        line = str(Which(event_word(left.view.name), left.which))
        missing = f"client frame {left.number} ({left.view.name}) never comes, and nobody sees that it is missing"
        return [f"{PASSES}: {_pasted('optional', [line])}", f"  it would be unwise if it were needed: {missing}"]
    if step.view.name != departure.view.name:
        names = f"{departure.view.name} of {step.view.name}"
        return [f"  a rule cannot make {names}", *_one_more(departure, name)]
    if not differences:
        return _one_more(departure, name)
    if differences[0].path == AUDIO_BEFORE:
        unwise = "  it would be unwise: the length of no utterance is compared then"
        return [f"{PASSES}: audio = 'ignore'", unwise]
    if any(not one.path or one.why for one in differences):
        return []
    told = [f"{PASSES}: {_pasted('varies', [str(_varying(step, one, name)) for one in differences])}"]
    kinds = [one.path for one in differences if one.path.split(".")[-1] in WHAT_IT_IS]
    if len(differences) > MANY or kinds:
        fields = ", ".join(one.path for one in differences)
        count = f"{len(differences)} field{'s differ' if len(differences) > 1 else ' differs'}"
        return [
            *told,
            f"  it would be unwise: {count} ({fields}), so this is another frame",
            *_one_more(departure, name),
        ]
    return [*told, "  or let `mockserver learn` find out: record the scenario twice or more"]


PASSES = "  a rule that lets it pass (mockserver.toml, under [rules])"


def _one_more(departure: Departure, name: str) -> list[str]:
    """The rule for a frame that the recording does not hold."""
    if isinstance(departure.view.body, dict):
        line = f"{name} = {printable(departure.view.body)}"
        if len(line) <= LONGEST:
            return [f"  as a frame more it passes once with: {_pasted('added', [line])}"]
    return [f"  as a frame more it passes with `optional = ['{name}']`, which hides a client that says too much"]


def _pasted(key: str, lines: Sequence[str]) -> str:
    """A line of TOML."""
    quoted = ("'" + one + "'" if _plain(one) else dumps(one) for one in lines)
    return f"{key} = [{', '.join(quoted)}]"


def _plain(line: str) -> bool:
    """Whether it may stand between single quotes: nothing in it is read as anything else there (toml.io, strings)."""
    return "'" not in line and line.isprintable()


def _varying(step: Step, one: Mismatch, name: str) -> Vary:
    path = tuple(map(plain, one.path.split(".")))
    kinds = kind_of(one.recorded), kind_of(one.live)
    words = kinds[0] == kinds[1] and kinds[0] in ("string", "number")
    which = Which(name, step.which)
    if words:
        return Vary(which, path, kinds[1])
    return Vary(which, path, "missing" if kinds[1] == "missing" else "=", None if kinds[1] == "missing" else one.live)


def stalled(where: ReportedPlace, waits_for: str, silence_us: int, lines: Iterable[DepartureLine]) -> str:
    """Replay waits for a client that does nothing."""
    told = f"{where}: replay has waited {silence_us / 1e6:.1f} s or longer for {waits_for}"
    return "\n".join([told, *_timeline(where.lens, lines), *_again(where)])


def unfinished(where: ReportedPlace, steps: Iterable[Step], lines: Iterable[DepartureLine]) -> str:
    """Recorded client frames that never came."""
    missing = [f"    {_step(step, where.lens)}" for step in steps]
    ends = [step for step in steps if isinstance(step.frame, Close | Lost)]
    if len(ends) == len(missing):
        told = f"{where}: the client never closed the connection"
    else:
        frames = "frames" if len(missing) > 1 else "frame"
        told = f"{where}: {len(missing)} recorded client {frames} never came"
    return "\n".join([told, *missing, *_timeline(where.lens, lines), *_again(where)])


def surplus(cassette: str, asked: str, why: str, rerecord: str) -> str:
    """A connection that the cassette does not hold."""
    return f"{cassette}: no recorded connection for {asked}: {why}{again(rerecord)}"


def unused(cassette: str) -> str:
    """No client has connected."""
    return (
        f"{cassette}: no client connected, so nothing of it was played; give the client the server's base_url, "
        "or set the variables it reads (marker: env=True; command line: -- COMMAND)"
    )


def _step(step: Step, lens: Lens) -> str:
    told = shorten(lens.summary(step.view), 80)
    return f"#{step.number} {step.view.name}, recorded at {step.at / 1e6:.3f} s  {told}".rstrip()


def _frame(lens: Lens, frame: object, width: int) -> str:
    return shorten(frame.data, width) if isinstance(frame, Text) else shorten(repr(frame), width)


def _timeline(lens: Lens, lines: Iterable[DepartureLine]) -> list[str]:
    told = []
    for line in lines:
        arrow = "-->" if line.sender is Sender.CLIENT else "<--"
        view = lens.view(line.frame, line.sender)
        told.append(f"    {line.at / 1e6:9.3f}  {arrow}  {view.name}  {shorten(lens.summary(view), 80)}".rstrip())
    return ["  up to there:", *told] if told else []


def _again(where: ReportedPlace) -> list[str]:
    return again(where.rerecord).split("\n")[1:]


def again(rerecord: str) -> str:
    """The line that says how the cassette is recorded again, behind a line before it; "" where there is no way."""
    return f"\n  to record it again: {rerecord}" if rerecord else ""
