"""Scripts, played without a socket: what a client gets, and what a client that departs from them is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mockserver import script
from mockserver.core.frames import (
    Abort,
    Accept,
    Binary,
    Close,
    Effect,
    Frame,
    Handshake,
    Hangup,
    Lost,
    Opened,
    Peer,
    Received,
    Refuse,
    Send,
    Sender,
    Text,
)
from mockserver.core.view import Memo
from mockserver.dialects.base import Dialect
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.base import HttpReply, Request, SessionContext
from mockserver.engines.script import session
from mockserver.engines.script.session import ScriptEngine
from mockserver.engines.script.source import LOOK
from mockserver.errors import UsageError


class Play:
    """One connection of a source, driven by hand."""

    def __init__(
        self, source: Any, *, offered: tuple[str, ...] = (), number: int = 0, dialect: Dialect = OPENAI
    ) -> None:
        self.source = source
        self.lens = Memo(dialect)
        self.engine: ScriptEngine = source.open(
            Handshake(subprotocols=offered), SessionContext(number, f"0/{number}", self.lens)
        )
        self.out: list[Effect] = list(self.engine.feed(Opened(Handshake(subprotocols=offered)), 0))

    def say(self, frame: Frame | dict[str, Any], at: int = 0) -> list[Effect]:
        made = Text(json.dumps(frame)) if isinstance(frame, dict) else frame
        out = list(self.engine.feed(Received(Peer.CLIENT, made), at))
        self.out += out
        return out

    def until(self, at: int) -> list[Effect]:
        out: list[Effect] = []
        while (due := self.engine.wake_at()) is not None and due <= at:
            out += self.engine.wake(due)
        self.out += out
        return out

    @property
    def problems(self) -> list[str]:
        return [str(problem) for problem in self.source.problems()]


def sent(effects: list[Effect]) -> list[Any]:
    found = []
    for effect in effects:
        if isinstance(effect, Send):
            data = effect.frame.data
            found.append(json.loads(data) if isinstance(data, str) and data.startswith("{") else data)
    return found


AUDIO = {"type": "input_audio_buffer.append", "audio": "AAAA"}


def test_the_steps_in_order() -> None:
    play = Play(
        script(
            script.send({"type": "session.created"}, "not json", b"\x00"),
            script.expect("session.update", where={"session.type": "realtime"}),
            script.send(lambda update: {"type": "session.updated", "session": update["session"]}),
            script.wait(ms=200),
            script.send(Text('{"type" : "verbatim"}')),
            script.close(4001, "bye"),
        )
    )
    assert play.out[0] == Accept()
    assert sent(play.out) == [{"type": "session.created"}, "not json", b"\x00"]
    update = {"type": "realtime", "voice": "alloy"}
    assert sent(play.say({"type": "session.update", "session": update})) == [
        {"type": "session.updated", "session": update}
    ]
    assert play.engine.wake_at() == 200_000
    assert play.until(199_999) == []
    assert play.until(200_000) == [
        Send(Peer.CLIENT, Text('{"type" : "verbatim"}')),
        Hangup(Peer.CLIENT, 4001, "bye"),
    ]
    assert play.problems == []


@pytest.mark.parametrize("size", [10, 20_000])
def test_what_a_script_makes_of_a_frame_does_not_change_what_was_sent(size: int) -> None:
    def answer(update: Any) -> Any:
        update["session"]["voice"] = "mine"
        return {"type": "session.updated", "session": update["session"]}

    play = Play(script(script.expect("session.update"), script.send(answer)))
    frame = Text(json.dumps({"type": "session.update", "session": {"voice": "alloy", "pad": "x" * size}}))
    assert sent(play.say(frame))[0]["session"]["voice"] == "mine"
    assert OPENAI.view(frame, Sender.CLIENT).body["session"]["voice"] == "alloy"
    assert play.lens.view(frame, Sender.CLIENT).body["session"]["voice"] == "alloy"


def test_a_generator_function_follows_what_comes() -> None:
    def talk(client: Any) -> Iterator[Any]:
        asked = yield script.expect("question*")
        yield script.send({"type": "answer", "path": client.handshake.path, "to": asked["n"]})
        while asked["n"] > 1:
            asked = yield script.expect("question*")
            yield script.send({"type": "answer", "to": client.last["n"]})

    play = Play(script(talk))
    assert sent(play.say({"type": "question.first", "n": 2})) == [{"type": "answer", "path": "/", "to": 2}]
    assert sent(play.say({"type": "question", "n": 1})) == [{"type": "answer", "to": 1}]
    assert play.problems == []
    assert play.engine.inspect().values["at"] == "finished"


def test_each_connection_plays_from_the_start() -> None:
    source = script(script.expect("a"), script.send({"n": 1}))
    first, second = Play(source), Play(source, number=1)
    assert sent(first.say({"type": "a"})) == [{"n": 1}]
    assert sent(second.say({"type": "a"})) == [{"n": 1}]


def test_what_went_as_it_should_is_forgotten_and_nothing_else() -> None:
    """A script that is played to each client serves for as long as they come."""
    source: Any = script(script.expect("a"), script.send({"n": 1}))
    wrong, waits = Play(source), Play(source, number=1)
    wrong.say({"type": "b"})
    for number in range(10 * LOOK):
        play = Play(source, number=2 + number)
        play.say({"type": "a"})
        play.say(Close(1000))
    assert len(source._engines) <= 2 * LOOK
    assert not source.holds(Handshake())
    told = [str(problem) for problem in source.problems()]
    assert len(told) == 2
    assert "expected a" in told[0].replace("'", "")
    assert "not finished" in told[1]
    waits.say({"type": "a"})
    assert len(source.problems()) == 1


def test_audio_is_skipped_unless_it_is_expected() -> None:
    skipping = Play(script(script.expect("response.create"), script.send({"n": 1})))
    assert skipping.say(AUDIO) == []
    assert sent(skipping.say({"type": "response.create"})) == [{"n": 1}]
    named = Play(script(script.expect("input_audio_buffer.append"), script.send({"n": 1})))
    assert sent(named.say(AUDIO)) == [{"n": 1}]


def test_frames_that_come_during_a_wait_are_not_lost() -> None:
    play = Play(script(script.wait(ms=100), script.expect("a"), script.send({"n": 1})))
    assert play.say({"type": "a"}, 50_000) == []
    assert sent(play.until(100_000)) == [{"n": 1}]


def test_expecting_by_a_function_and_anything_at_all() -> None:
    play = Play(script(script.expect(lambda body: body["n"] == 2), script.send({"ok": 1}), script.expect()))
    assert sent(play.say({"n": 2})) == [{"ok": 1}]
    play.say(Binary(b"whatever"))
    assert play.problems == []


def test_loops() -> None:
    source = script(script.repeat(script.expect("a"), script.send({"n": 1}), times=2), script.send({"n": 2}))
    play = Play(source)
    assert sent(play.say({"type": "a"})) == [{"n": 1}]
    assert sent(play.say({"type": "a"})) == [{"n": 1}, {"n": 2}]
    for_ever = Play(script(script.repeat(script.expect("a"), script.send({"n": 1}))))
    for _ in range(50):
        assert sent(for_ever.say({"type": "a"})) == [{"n": 1}]
    for_ever.say(Close(1000))
    assert for_ever.problems == []


def test_a_loop_left_in_the_middle_is_a_problem() -> None:
    play = Play(script(script.repeat(script.expect("a"), script.expect("b"))))
    play.say({"type": "a"})
    play.say(Close(1000))
    assert "while the script was at expect('b')" in play.problems[0]


# --- handshakes ---


def test_the_provider_s_subprotocol_is_selected_unless_the_script_says_another() -> None:
    assert Play(script(), offered=("other", "realtime")).out == [Accept("realtime")]
    assert Play(script(), offered=("other",)).out == [Accept(None)]
    play = Play(script(script.accept("other", headers=(("X-A", "1"),), after_ms=10), script.send({"n": 1})))
    assert play.out == []
    assert play.until(10_000)[0] == Accept("other", (("X-A", "1"),))


def test_a_refusal() -> None:
    play = Play(script(script.refuse(503, "busy", headers=(("Retry-After", "1"),), after_ms=5)))
    assert play.until(5_000) == [Refuse(503, (("Retry-After", "1"),), b"busy")]
    assert play.problems == []


def test_an_abort_before_and_after_the_handshake() -> None:
    assert Play(script(script.abort())).out == [Abort()]
    assert Play(script(script.send({"n": 1}), script.abort())).out[-1] == Abort()


def test_answering_twice_is_the_script_s_mistake() -> None:
    with pytest.raises(UsageError, match="refuse\\(503\\) comes too late"):
        Play(script(script.send({"n": 1}), script.refuse(503)))


# --- departures ---


def test_another_frame_than_expected() -> None:
    play = Play(script(script.send({"type": "session.created"}), script.expect("session.update")))
    [hangup] = play.say({"type": "response.create", "response": {"instructions": "hi"}}, 1_500_000)
    assert isinstance(hangup, Hangup)
    assert (hangup.code, hangup.reason[:40]) == (1011, "script: expected 'session.update', got r")
    [problem] = play.problems
    assert "script, session 0, step 2: expected 'session.update', got response.create" in problem
    assert "1.500 client response.create" in problem
    assert "0.000 server session.created" in problem


def test_the_right_name_with_other_values() -> None:
    play = Play(script(script.expect("a", where={"b.c": 1, "d": 2})))
    play.say({"type": "a", "b": {"c": 3}, "d": 2})
    assert "differs at b.c" in play.problems[0]


@pytest.mark.parametrize("written", ["clientContent.turnComplete", "client_content.turn_complete"])
@pytest.mark.parametrize("sent", [("clientContent", "turnComplete"), ("client_content", "turn_complete")])
def test_a_path_names_a_key_in_either_writing_where_both_are_taken(written: str, sent: tuple[str, str]) -> None:
    for there, fails in ((True, False), (False, True)):
        source = script(script.expect("clientContent", where={written: True}), dialect="gemini")
        play = Play(source, dialect=source.dialect)
        play.say({sent[0]: {sent[1]: there}})
        assert bool(play.problems) is fails
    # OpenAI's keys are what they are.
    play = Play(script(script.expect("a", where={"b_c": 1})))
    play.say({"type": "a", "bC": 1})
    assert "differs at b_c" in play.problems[0]


def test_where_may_be_a_function_and_nothing_else() -> None:
    for number, fails in ((2, False), (1, True)):
        play = Play(script(script.expect("a", where=lambda body: body["n"] > 1)))
        play.say({"type": "a", "n": number})
        assert bool(play.problems) is fails
    with pytest.raises(UsageError, match="where='n': expected paths and values"):
        script.expect("a", where="n")  # type: ignore[arg-type]


def test_a_frame_after_the_end_of_the_script() -> None:
    play = Play(script(script.expect("a")))
    play.say({"type": "a"})
    play.say({"type": "b"})
    assert "the script has ended, but the client sent b" in play.problems[0]


def test_a_script_that_is_not_strict_skips_what_it_does_not_know() -> None:
    play = Play(script(script.expect("a"), script.send({"n": 1}), strict=False))
    assert play.say({"type": "b"}) == []
    assert sent(play.say({"type": "a"})) == [{"n": 1}]
    play.say({"type": "c"})
    assert play.problems == []


@pytest.mark.parametrize("end", [Close(1000, "done"), Lost("gone")], ids=["close", "lost"])
def test_a_client_that_leaves_early(end: Frame) -> None:
    play = Play(script(script.expect("a")))
    assert play.say(end) == []
    assert "while the script was at expect('a')" in play.problems[0]
    tolerant = Play(script(script.expect("a", optional=True)))
    tolerant.say(end)
    assert tolerant.problems == []


def test_a_client_that_leaves_during_a_wait() -> None:
    play = Play(script(script.wait(ms=100), script.send({"n": 1})))
    play.say(Close(1000))
    assert "while the script was at wait(ms=100)" in play.problems[0]
    assert play.engine.wake_at() is None


def test_a_frame_that_does_not_come_in_time() -> None:
    play = Play(script(script.expect("a", within_ms=50)))
    assert play.engine.wake_at() == 50_000
    [hangup] = play.until(50_000)
    assert isinstance(hangup, Hangup)
    assert "expected 'a' within 50 ms, but it did not come" in play.problems[0]
    in_time = Play(script(script.expect("a", within_ms=50)))
    in_time.say({"type": "a"}, 49_999)
    assert in_time.engine.wake_at() is None
    assert in_time.problems == []


def test_a_script_that_still_waits_at_the_end() -> None:
    play = Play(script(script.expect("a")))
    assert "the script is not finished: it still waits at expect('a')" in play.problems[0]


def test_expecting_the_client_to_close() -> None:
    play = Play(script(script.closed(4000)))
    assert "still waits at closed(4000)" in play.problems[0]
    play.say(Close(4000))
    assert play.problems == []
    other = Play(script(script.closed(4000)))
    other.say(Close(1000))
    assert "expected that the client closes with 4000, got close 1000" in other.problems[0]
    talking = Play(script(script.closed()))
    talking.say({"type": "a"})
    assert "expected that the client closes, got a" in talking.problems[0]


# --- several connections, neighbours ---


def test_a_script_for_each_connection() -> None:
    source = script(connections=[[script.send({"n": 1})], [script.send({"n": 2})]])
    assert "2 connections are scripted, the client made 0" in str(source.problems()[0])
    assert sent(Play(source).out) == [{"n": 1}]
    assert sent(Play(source, number=1).out) == [{"n": 2}]
    assert source.problems() == []
    third = Play(source, number=2)
    assert isinstance(third.out[0], Refuse)
    assert third.out[0].status == 503
    assert "the client made 3" in str(source.problems()[0])


def test_neighbours() -> None:
    source = script(
        http={
            "GET /v1/models": HttpReply(200, (), b"[]"),
            "POST /v1/x": lambda asked: HttpReply(201, (), asked.body),
        }
    )
    context = SessionContext(0, "0", Memo(OPENAI))
    assert source.neighbour(Request("GET", "/v1/models"), context) == HttpReply(200, (), b"[]")
    assert source.neighbour(Request("POST", "/v1/x", body=b"1"), context) == HttpReply(201, (), b"1")
    assert source.neighbour(Request("GET", "/other"), context) is None


@pytest.mark.parametrize(
    ("name", "call", "status", "field", "address"),
    [
        ("ultravox", "POST /api/calls", 201, "joinUrl", "wss://127.0.0.1:9/calls/mock"),
        ("elevenlabs", "GET /v1/convai/conversation/get-signed-url", 200, "signed_url", "wss://127.0.0.1:9/v1/convai/"),
    ],
)
def test_a_call_that_says_where_the_socket_is(name: str, call: str, status: int, field: str, address: str) -> None:
    method, _, path = call.partition(" ")
    context = SessionContext(0, "0", Memo(OPENAI), base_url="https://127.0.0.1:9/api")
    reply = script(dialect=name).neighbour(Request(method, path), context)
    assert reply is not None
    assert (reply.status, json.loads(reply.body)[field].startswith(address)) == (status, True)
    assert script(dialect=name).neighbour(Request("DELETE", path), context) is None
    assert script().neighbour(Request(method, path), context) is None, "another provider has no such call"
    own = script(dialect=name, http={call: HttpReply(403)})
    assert own.neighbour(Request(method, path), context) == HttpReply(403)


# --- wrong scripts ---


def test_wrong_steps_fail_at_construction() -> None:
    with pytest.raises(UsageError, match=r"step 2 is 'text'; expected script.send"):
        script(script.send("a"), "text")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not both"):
        script(script.send("a"), connections=[])
    with pytest.raises(UsageError, match="nothing to send"):
        script.send()
    with pytest.raises(UsageError, match="ms=-1"):
        script.wait(ms=-1)
    with pytest.raises(UsageError, match="status 101"):
        script.refuse(101)
    with pytest.raises(UsageError, match="unknown provider"):
        script(dialect="nobody")


def test_wrong_steps_of_a_generator_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(client: Any) -> Iterator[Any]:
        yield "text"

    with pytest.raises(UsageError, match="the generator yielded 'text'"):
        Play(script(talk))

    def spin(client: Any) -> Iterator[Any]:
        while True:
            yield script.send("x")

    assert session.MOST_STEPS == 100_000
    monkeypatch.setattr(session, "MOST_STEPS", 1_000)
    with pytest.raises(UsageError, match="1000 steps without a wait"):
        Play(script(spin))
    with pytest.raises(UsageError, match="neither an event"):
        Play(script(script.send(1)))  # type: ignore[arg-type]
