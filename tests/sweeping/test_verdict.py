"""Each verdict: a run that gives it, and the run beside it that does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockserver.core.frames import SECOND
from mockserver.sweeping.record import RunRecord, TurnRecord, steady
from mockserver.sweeping.verdict import Verdict, judge

STRUCK = 15


def turn(number: int, outcome: str = "ok", **more: Any) -> TurnRecord:
    """The n-th turn, ten seconds long, begun at ``n`` times ten seconds."""
    made = TurnRecord(f"turn {number}", 10 * number * SECOND, 10 * (number + 1) * SECOND, heard="one two")
    return replace(made, **{"outcome": outcome, **more})


def run(*turns: TurnRecord, at: float = STRUCK, **more: Any) -> RunRecord:
    """A run of these turns in which the fault struck after so many seconds."""
    return RunRecord(("drop",), [round(at * SECOND)], turns=list(turns), **more)


def said(record: RunRecord, **how: Any) -> Verdict:
    return judge(record, **how)[0].verdict


FINE = (turn(0), turn(1), turn(2))
RAISED = turn(1, "raised", error="Lost: gone", struck=True)
TOLD = [(STRUCK * SECOND, "gone")]
HANDSHAKES = [(STRUCK * SECOND + number * SECOND, 503) for number in range(8)]


@pytest.mark.parametrize(
    ("verdict", "record", "control"),
    [
        (Verdict.NOT_FIRED, replace(run(*FINE), fired=[]), run(*FINE)),
        (Verdict.RECOVERED, run(*FINE), run(turn(0), RAISED, turn(2))),
        (Verdict.REPORTED, run(turn(0), RAISED, turn(2)), run(*FINE)),
        (Verdict.TEST_ENDS, run(*FINE, at=31), run(*FINE, at=29)),
        (Verdict.TROUBLE, run(*FINE, trouble="took more than 30 real seconds"), run(*FINE)),
        (
            Verdict.DEGRADED_TOLD,
            run(turn(0), turn(1, "partial"), turn(2), reports=[(24 * SECOND, "cut")]),
            run(turn(0), turn(1, "partial"), turn(2), reports=[(26 * SECOND, "cut")]),
        ),
        (
            Verdict.REPORTED_LATE,
            run(turn(0), replace(RAISED, ended=46 * SECOND), turn(2, ended=50 * SECOND)),
            run(turn(0), replace(RAISED, ended=45 * SECOND), turn(2, ended=50 * SECOND)),
        ),
        (Verdict.DEGRADED_SILENT, run(turn(0), turn(1, "partial"), turn(2)), run(*FINE)),
        (Verdict.WRONG_CONTENT, run(turn(0), turn(1, "wrong"), turn(2)), run(*FINE)),
        (Verdict.WRONG_CONTENT, run(*FINE, calls_over=["weather"]), run(*FINE)),
        (
            Verdict.WRONG_CONTENT,
            run(*FINE, raised=(20 * SECOND, "AssertionError: no")),
            run(*FINE, raised=(20 * SECOND, "Lost: no")),
        ),
        (
            Verdict.RETRIED_IN_VAIN,
            run(turn(0), RAISED, handshakes=[(16 * SECOND, 401), (17 * SECOND, 401)]),
            run(turn(0), RAISED, handshakes=[(16 * SECOND, 503), (17 * SECOND, 503)]),
        ),
        (
            Verdict.RECONNECT_STORM,
            run(turn(0), RAISED, turn(2), handshakes=HANDSHAKES),
            run(turn(0), RAISED, turn(2), handshakes=[*HANDSHAKES[:7], (26 * SECOND, 503)]),
        ),
        (
            Verdict.NEXT_TURN_BROKEN,
            run(turn(0), RAISED, turn(2, "raised", error="busy")),
            run(turn(0), RAISED, turn(2, "raised", error="busy"), turn(3)),
        ),
        (
            Verdict.SESSION_LOST,
            run(turn(0), RAISED, turn(2, "raised", error="gone", connected=False)),
            run(turn(0), RAISED, turn(2, connected=False)),
        ),
        (
            Verdict.HUNG,
            run(turn(0), turn(1, "hung", released="never"), turn(2)),
            run(turn(0), RAISED, turn(2)),
        ),
        (Verdict.LEAK, run(*FINE, leaks=["task x still runs after the test"]), run(*FINE)),
        (Verdict.CRASHED, run(*FINE, crashes=["Task exception was never retrieved"]), run(*FINE)),
    ],
)
def test_each_verdict_and_its_control(verdict: Verdict, record: RunRecord, control: RunRecord) -> None:
    assert said(record) is verdict
    assert said(control) is not verdict


def test_there_is_a_case_for_each_verdict() -> None:
    [mark] = test_each_verdict_and_its_control.pytestmark
    assert {case[0] for case in mark.args[1]} == set(Verdict)


def test_several_are_told_and_the_worst_counts() -> None:
    record = run(
        turn(0), turn(1, "wrong"), turn(2, "raised", error="busy"), leaks=["task x"], crashes=["never retrieved"]
    )
    told = [one.verdict for one in judge(record)]
    assert told == [
        Verdict.CRASHED,
        Verdict.LEAK,
        Verdict.NEXT_TURN_BROKEN,
        Verdict.WRONG_CONTENT,
        Verdict.REPORTED,
    ]


@pytest.mark.parametrize("released", ["by a later turn", "within 25 minutes", "never"])
def test_a_turn_that_hung_says_how_it_was_released(released: Any) -> None:
    [told] = [one for one in judge(run(turn(0), turn(1, "hung", released=released))) if one.verdict is Verdict.HUNG]
    assert told.how == f"turn 'turn 1' waits for what does not come; released {released}"


def test_what_the_fault_delays_itself_is_no_lateness_of_the_client() -> None:
    record = run(turn(0), replace(RAISED, ended=60 * SECOND), turn(2, ended=70 * SECOND))
    assert said(record) is Verdict.REPORTED_LATE
    assert said(replace(record, own_us=20 * SECOND)) is Verdict.REPORTED


def test_a_turn_that_began_while_the_fault_still_held_back_is_not_asked_for() -> None:
    busy = turn(2, "raised", error="timed out")
    assert said(run(turn(0), RAISED, busy)) is Verdict.NEXT_TURN_BROKEN
    assert said(run(turn(0), RAISED, busy, own_us=40 * SECOND)) is Verdict.REPORTED
    assert said(run(turn(0), RAISED, replace(busy, ended=60 * SECOND), own_us=40 * SECOND)) is Verdict.REPORTED
    # The control: one that went wrong after that time is.
    assert said(run(turn(0), RAISED, busy, turn(6, "raised"), own_us=40 * SECOND)) is Verdict.NEXT_TURN_BROKEN


def test_a_turn_that_the_fault_struck_too_is_not_asked_for() -> None:
    assert said(run(turn(0), RAISED, turn(2, "raised", struck=True))) is Verdict.REPORTED
    assert said(run(turn(0), RAISED, turn(2, "raised"))) is Verdict.NEXT_TURN_BROKEN


def test_the_closing_of_the_client_is_no_turn_that_has_to_work() -> None:
    close = replace(turn(2, "raised", error="Lost: gone", connected=False), own=False)
    assert said(run(turn(0), RAISED, close)) is Verdict.REPORTED
    assert said(run(turn(0), RAISED, replace(close, own=True))) is Verdict.SESSION_LOST
    # But one that hangs is told.
    assert said(run(turn(0), RAISED, turn(2), replace(close, outcome="hung", released="never"))) is Verdict.HUNG


def test_a_later_turn_may_try_a_refused_key_again() -> None:
    handshakes = [(16 * SECOND, 401), (21 * SECOND, 401)]
    later = [turn(0), replace(RAISED, asked=0), replace(RAISED, asked=1)]
    assert said(run(*later, handshakes=handshakes)) is not Verdict.RETRIED_IN_VAIN
    assert said(run(*later[:2], handshakes=handshakes)) is Verdict.RETRIED_IN_VAIN


def test_only_handshakes_after_the_fault_are_a_storm() -> None:
    early = [(at - 10 * SECOND, status) for at, status in HANDSHAKES]
    assert said(run(*FINE, handshakes=early)) is Verdict.RECOVERED
    assert said(run(*FINE, handshakes=HANDSHAKES)) is Verdict.RECONNECT_STORM


def test_a_test_that_stumbles_later_reports() -> None:
    assert said(run(*FINE, raised=(50 * SECOND, "Lost: no"))) is Verdict.REPORTED_LATE
    assert said(run(*FINE, raised=(50 * SECOND, "Lost: no")), report_within_us=60 * SECOND) is Verdict.REPORTED


def test_the_verdicts_are_in_order_and_have_a_letter_each() -> None:
    assert [one.rank for one in Verdict] == list(range(16))
    assert len({one.letter for one in Verdict}) == 16
    assert [one.value for one in Verdict if one.fine] == [
        "not fired",
        "recovered",
        "reported",
        "the test ends before the client can answer",
        "the test itself is in trouble",
    ]
    assert not any(one.severe for one in Verdict if one.rank < Verdict.WRONG_CONTENT.rank)
    assert all(one.severe for one in Verdict if one.rank >= Verdict.WRONG_CONTENT.rank)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("refused by ws://127.0.0.1:45127/v1", "refused by ws://127.0.0.1:PORT/v1"),
        ("progress: resp_qalC6c0hqSC6k9dhqvZNT. Wait", "progress: resp_.... Wait"),
        ("chat_ctx_0a1b2c3d4e5f is gone", "chat_ctx_... is gone"),
        ("<Task at 0x7f80aa1c>", "<Task at ...>"),
        ("1f0e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "..."),
        ("two\n  lines", "two lines"),
        ("gpt-realtime-2025-08-28 and response_done stay, 123456789012 too", None),
        ("x " * 300, ("x " * 300)[:200]),
    ],
)
def test_what_is_told_is_the_same_in_every_run(text: str, told: str | None) -> None:
    assert steady(text, 45127) == (text if told is None else told)
    assert "45127" in steady("at :45127", None)
