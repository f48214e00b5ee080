"""What a run says about the client: exactly defined verdicts, from a record of the run. The worst one counts.

A *later turn works* where one after the first that went wrong was ok; turns that the fault struck too do not count.
``told`` is an error that a turn raised or that
the test gave to ``sweep.reported()``, at or after the fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mockserver.core.frames import SECOND, Micros
from mockserver.sweeping.record import TOLD_US, RunRecord, TurnRecord

STORM, STORM_US = 8, 10 * SECOND
"""So many handshakes in so much time are a storm."""
FINAL = (401, 403, 404)
"""Statuses after which another attempt with the same key and address is in vain."""


class Verdict(StrEnum):
    """From best to worst."""

    NOT_FIRED = "not fired"
    RECOVERED = "recovered"
    REPORTED = "reported"
    TEST_ENDS = "the test ends before the client can answer"
    TROUBLE = "the test itself is in trouble"
    DEGRADED_TOLD = "degraded, told"
    REPORTED_LATE = "reported late"
    DEGRADED_SILENT = "degraded, silent"
    WRONG_CONTENT = "wrong content"
    RETRIED_IN_VAIN = "retried in vain"
    RECONNECT_STORM = "reconnect storm"
    NEXT_TURN_BROKEN = "next turn broken"
    SESSION_LOST = "session lost"
    HUNG = "hung"
    LEAK = "leak"
    CRASHED = "crashed"

    @property
    def rank(self) -> int:
        """Its place, 0 the best."""
        return list(Verdict).index(self)

    @property
    def letter(self) -> str:
        """One letter for the matrix."""
        return _LETTERS[self]

    @property
    def fine(self) -> bool:
        """Whether nothing has to be mended in the client for it."""
        return self in (Verdict.NOT_FIRED, Verdict.RECOVERED, Verdict.REPORTED, Verdict.TEST_ENDS, Verdict.TROUBLE)

    @property
    def severe(self) -> bool:
        """Whether a new one of it fails a run in CI."""
        return self.rank >= Verdict.WRONG_CONTENT.rank


_LETTERS = dict(zip(Verdict, "-.r~?dlDWVSNXHLC", strict=True))


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and how it showed."""

    verdict: Verdict
    how: str


def judge(run: RunRecord, *, report_within_us: Micros = 30 * SECOND, after: int = 0) -> list[Judged]:
    """Everything that a run says, the worst first. ``after``: how many strikes of faults are not looked at; what went
    wrong before the next one is not held against it.
    """
    if run.trouble:
        return [Judged(Verdict.TROUBLE, run.trouble)]
    if run.died:
        return [Judged(Verdict.CRASHED, run.died)]
    if len(run.fired) <= after:
        return [Judged(Verdict.NOT_FIRED, "the fault met nothing")]
    run = _from(run, after)
    found = [
        *(Judged(Verdict.CRASHED, text) for text in run.crashes[:1]),
        *(Judged(Verdict.LEAK, text) for text in run.leaks[:1]),
        *_connecting(run),
        *_turns(run, report_within_us),
    ]
    if not found or all(one.verdict.fine for one in found):
        if run.turns and run.turns[-1].outcome == "ok" and run.fired[0] >= run.turns[-1].ended:
            return [Judged(Verdict.TEST_ENDS, "the fault struck after the last turn")]
        found = found or [Judged(Verdict.RECOVERED, "every turn was as without the fault")]
    return sorted(found, key=lambda one: -one.verdict.rank)


def _from(run: RunRecord, after: int) -> RunRecord:
    """The run from the strike that counts on. A turn that went wrong before is passed over."""
    if not after:
        return run
    began = run.fired[after]
    turns = [replace(turn, outcome="ok") if turn.ended < began else turn for turn in run.turns]
    return replace(run, fired=run.fired[after:], turns=turns)


def _connecting(run: RunRecord) -> list[Judged]:
    found = []
    times = [at for at, _ in run.handshakes if at >= run.fired[0]]
    if any(times[place + STORM - 1] - times[place] <= STORM_US for place in range(len(times) - STORM + 1)):
        found.append(Judged(Verdict.RECONNECT_STORM, f"{STORM} or more handshakes in {STORM_US // SECOND} s"))
    # The next turn may ask again: by then somebody can have mended the key.
    refused = Counter(
        (status, sum(turn.asked <= place for turn in run.turns))
        for place, (_, status) in enumerate(run.handshakes)
        if status in FINAL
    )
    if refused and (most := refused.most_common(1)[0])[1] > 1:
        found.append(Judged(Verdict.RETRIED_IN_VAIN, f"connected {most[1]} times to be answered {most[0][0]}"))
    return found


def _turns(run: RunRecord, within: Micros) -> list[Judged]:
    first = run.fired[0]
    hit = [place for place, turn in enumerate(run.turns) if turn.outcome != "ok"]
    told = [(at, text) for at, text in run.reports if at >= first]
    found = [Judged(Verdict.WRONG_CONTENT, f"{name}: called more often than once") for name in run.calls_over]
    if run.raised is not None:
        at, text = run.raised
        if text.startswith("AssertionError"):
            found.append(Judged(Verdict.WRONG_CONTENT, f"the test's own check failed: {text}"))
        else:
            told.append((at, text))
            found.append(_reported(at, text, first, run, within))
    if not hit:
        return found
    bad = run.turns[hit[0]]
    since = max(first, bad.began)
    for place in hit:
        found += _turn(run.turns[place], told)
    raised = [turn for turn in (run.turns[place] for place in hit) if turn.outcome == "raised"]
    if raised or told:
        at, text = min([*((turn.ended, turn.error) for turn in raised), *told])
        found.append(_reported(at, text, since, run, within))
    return [*found, *_afterwards(run, hit)]


def _turn(turn: TurnRecord, told: Sequence[tuple[Micros, str]]) -> list[Judged]:
    match turn.outcome:
        case "hung":
            return [Judged(Verdict.HUNG, f"turn {turn.name!r} waits for what does not come; released {turn.released}")]
        case "wrong":
            return [Judged(Verdict.WRONG_CONTENT, f"turn {turn.name!r} gave {turn.heard!r:.80}")]
        case "partial" if any(at <= turn.ended + TOLD_US for at, _ in told):
            return [Judged(Verdict.DEGRADED_TOLD, f"turn {turn.name!r} gave {turn.heard!r:.80}, and said so")]
        case "partial":
            return [Judged(Verdict.DEGRADED_SILENT, f"turn {turn.name!r} gave {turn.heard!r:.80} as if it were all")]
        case _:
            return []


def _reported(at: Micros, text: str, since: Micros, run: RunRecord, within: Micros) -> Judged:
    late = at - since - run.own_us
    if late > within:
        return Judged(Verdict.REPORTED_LATE, f"{late // SECOND} s after the fault: {text}")
    return Judged(Verdict.REPORTED, text)


def _afterwards(run: RunRecord, hit: Sequence[int]) -> list[Judged]:
    """The turns after the first that went wrong: one has to work. Not asked for is what a fault struck again, what
    began while the fault still held back what it had to, and the closing of the client.
    """
    over = max(run.fired) + run.own_us if run.own_us else 0
    later = [turn for turn in run.turns[hit[0] + 1 :] if turn.own and not turn.struck and turn.began >= over]
    if not later or any(turn.outcome == "ok" for turn in later):
        return []
    last = later[-1]
    why = last.error or f"gave {last.heard!r:.60}"
    if last.connected:
        return [Judged(Verdict.NEXT_TURN_BROKEN, f"turn {last.name!r} after it: {last.outcome}, {why}")]
    return [Judged(Verdict.SESSION_LOST, f"no connection in turn {last.name!r} after it: {last.outcome}, {why}")]
