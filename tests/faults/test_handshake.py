"""Handshakes: refused, redirected, reset, late, unanswered, with the wrong subprotocol; the first n attempts only."""

from __future__ import annotations

import json

import pytest

from mockserver import faults
from mockserver.core.frames import Abort, Accept, Effect, Handshake, Opened, Refuse
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import UsageError
from mockserver.faults import Armed, parse
from tests.faults.stage import Provider, Stage


def attempts(armed: Armed, count: int) -> list[list[Effect]]:
    """What each of some connections to one server is answered with."""
    journal = Journal()
    answers = []
    for _ in range(count):
        log = journal.open(OPENAI)
        session = Session(Provider(), journal=journal, log=log, layers=[armed.layer(log, OPENAI)])
        answers.append(session.feed(Opened(Handshake("/v1/realtime")), 0))
    return answers


def test_control_the_handshake_is_accepted() -> None:
    assert isinstance(Stage().open().effects[0], Accept)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500, 503])
def test_refused(status: int) -> None:
    stage = Stage(f"refuse {status}").open()
    [refusal] = stage.effects
    assert isinstance(refusal, Refuse)
    assert refusal.status == status
    assert json.loads(refusal.body)["error"]["message"]
    assert stage.session.over
    assert [note.data["did"] for note in stage.notes] == [f"refused ({status}) the"]


def test_retry_after_in_whole_seconds_and_a_message_of_ones_own() -> None:
    [refusal] = Stage("refuse 429 retry-after 1500ms 'slow down'").open().effects
    assert isinstance(refusal, Refuse)
    assert dict(refusal.headers)["retry-after"] == "2"
    assert json.loads(refusal.body)["error"]["message"] == "slow down"


def test_the_first_two_attempts_only() -> None:
    armed = parse("refuse 429 for first 2 attempts").arm()
    kinds = [type(answer[0]) for answer in attempts(armed, 4)]
    assert kinds == [Refuse, Refuse, Accept, Accept]
    assert (armed.fired, armed.attempts) == (2, 4)


def test_other_faults_know_attempts_too() -> None:
    armed = parse("drop on session.created for first attempt").arm()
    counts = [len(answer) for answer in attempts(armed, 3)]
    assert counts == [1, 2, 2]


def test_a_chance_is_rolled_for_each_attempt() -> None:
    armed = parse("refuse 503 with probability 50%").arm()
    refused = [isinstance(answer[0], Refuse) for answer in attempts(armed, 40)]
    assert 5 < sum(refused) < 35
    again = parse("refuse 503 with probability 50%").arm()
    assert refused == [isinstance(answer[0], Refuse) for answer in attempts(again, 40)]


def test_a_running_session_does_not_use_up_an_attempt() -> None:
    armed = parse("refuse 429 for first attempt").arm()
    journal = Journal()
    running = Session(Provider(), journal=journal, log=journal.open(OPENAI))
    running.feed(Opened(Handshake()), 0)
    running.add_layer(armed.layer(running.log, OPENAI, now=5))
    assert isinstance(attempts(armed, 1)[0][0], Refuse)


def test_redirected() -> None:
    [refusal] = Stage('redirect to "https://example.invalid/x" as 302').open().effects
    assert refusal == Refuse(302, (("location", "https://example.invalid/x"),))


def test_reset_before_an_answer() -> None:
    assert Stage("handshake reset").open().effects == [Abort()]


def test_never_answered() -> None:
    stage = Stage("handshake hang").open().run(until_ms=3_600_000)
    assert stage.effects == []
    assert stage.armed[0].fired == 1


def test_answered_late() -> None:
    stage = Stage("handshake delay 3s").open().run(until_ms=2_999)
    assert stage.effects == []
    stage.run(until_ms=3_000)
    assert isinstance(stage.effects[0], Accept)
    assert stage.timeline == [(3_000.0, "session.created")]


def test_the_wrong_subprotocol() -> None:
    stage = Stage("wrong subprotocol graphql-ws").open()
    assert stage.effects[0] == Accept(subprotocol="graphql-ws")
    assert stage.armed[0].fired == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: faults.refuse(200), "refuse: expected a status from 400 to 599, got 200"),
        (lambda: faults.redirect("x", status=200), "redirect: expected an address and 301, 302, 303, 307 or 308"),
        (lambda: faults.handshake_delay(seconds=0), "handshake delay: expected a time above 0"),
        (lambda: parse("refuse 401 on response.created"), "refuse: a handshake has no events"),
    ],
)
def test_wrong_arguments(make, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert message in str(caught.value)
