"""Faults of a reply's life and the providers' own errors, around the simulated ElevenLabs and GPT-Live."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mockserver import faults as known_faults
from mockserver import speech
from mockserver.core.frames import Handshake, Hangup, Opened, Peer, Received, Send, Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.elevenlabs import ELEVENLABS
from mockserver.dialects.gpt_live import GPT_LIVE
from mockserver.dialects.problems import Problem
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator import Reply, Scripted, ToolCall, simulator
from mockserver.faults.listing import catalogue, strangers
from tests.engines.simulator.gpt_live import strict

WORDS = "one two three four five six"
MS = 1_000


class Talk:
    """A client with a fault around the simulator: it sends bodies, and keeps what comes."""

    def __init__(self, dialect: Any, spec: str, **settings: Any) -> None:
        self.journal = journal = Journal(seed=0)
        log = journal.open(dialect)
        hands = Handshake(dialect.socket_path, (("agent_id", "a"),), (("authorization", "Bearer any"),))
        context = SessionContext(0, log.seed, log.lens, unix_us=1_785_000_000_000_000)
        source = simulator(dialect.name, **{"replier": Scripted([WORDS] * 4), **settings})
        armed = known_faults.parse(spec).arm("0")
        self.session = Session(
            source.open(hands, context), journal=journal, log=log, layers=[armed.layer(log, dialect)]
        )
        self.now = 0
        self.got: list[dict[str, Any]] = []
        self.at: list[int] = []
        self.hangup: Hangup | None = None
        self._take(self.session.feed(Opened(hands), 0))

    def send(self, **body: Any) -> None:
        self._take(self.session.feed(Received(Peer.CLIENT, Text(json.dumps(body))), self.now))

    def wait(self, ms: int) -> None:
        end = self.now + ms * MS
        while (due := self.session.wake_at()) is not None and due <= end:
            self.now = max(self.now, due)
            self._take(self.session.wake(self.now))
        self.now = end

    def _take(self, effects: Iterable[Any]) -> None:
        for effect in effects:
            match effect:
                case Send(Peer.CLIENT, Text(data)):
                    self.got.append(json.loads(data))
                    self.at.append(self.now)
                case Hangup():
                    self.hangup = effect

    @property
    def names(self) -> list[str]:
        """Types of what came, repeated ones once, pings apart."""
        found: list[str] = []
        for body in self.got:
            if body["type"] != "ping" and found[-1:] != [body["type"]]:
                found.append(body["type"])
        return found

    @property
    def told(self) -> tuple[int | None, str] | None:
        return None if self.hangup is None else (self.hangup.code, self.hangup.reason)


# --- ElevenLabs -------------------------------------------------------------------------------------------------------


def agent(spec: str, **settings: Any) -> Talk:
    talk = Talk(ELEVENLABS, spec, first_message="", **settings)
    talk.send(type="conversation_initiation_client_data")
    return talk


def turn(talk: Talk, text: str = "hello", ms: int = 6_000) -> list[str]:
    before = len(talk.got)
    talk.send(type="user_message", text=text)
    talk.wait(ms)
    whole, talk.got = talk.got, talk.got[before:]
    names, talk.got = talk.names, whole
    return names


def heard(bodies: list[dict[str, Any]]) -> str:
    pieces: Iterator[bytes] = (
        base64.b64decode(body["audio_event"]["audio_base_64"]) for body in bodies if body["type"] == "audio"
    )
    return speech.decode(b"".join(pieces), 16_000)


def test_elevenlabs_without_a_fault() -> None:
    """The control of what follows."""
    talk = agent("noop")
    names = turn(talk)
    assert {"audio", "agent_response"} <= set(names)
    assert "interruption" not in names
    assert (heard(talk.got), talk.told) == (WORDS, None)


@pytest.mark.parametrize("spec", ["cancel midway on 3rd audio once", "cancel midway after 300ms of audio once"])
def test_elevenlabs_is_cut_midway_and_the_next_turn_is_whole(spec: str) -> None:
    talk = agent(spec)
    turn(talk)
    first, talk.got = talk.got, []
    assert first[-1]["type"] in ("interruption", "ping")
    (cut,) = [body for body in first if body["type"] == "interruption"]
    numbers = {body["audio_event"]["event_id"] for body in first if body["type"] == "audio"}
    assert numbers == {cut["interruption_event"]["event_id"] - 1}
    assert WORDS.startswith(heard(first))
    assert heard(first) != WORDS
    assert "interruption" not in turn(talk)
    assert heard(talk.got) == WORDS


def test_elevenlabs_is_late_repeats_itself_and_ends_without_an_end() -> None:
    plain, late, twice, endless = map(
        agent, ["noop", "delay 11s on 1st audio", "duplicate on 1st audio", "created without done once"]
    )
    for talk in (plain, late, twice, endless):
        turn(talk, ms=20_000)

    def first(talk: Talk) -> int:
        return next(at for at, body in zip(talk.at, talk.got, strict=True) if body["type"] == "audio")

    def pieces(talk: Talk) -> int:
        return sum(body["type"] == "audio" for body in talk.got)

    assert first(late) - first(plain) == 11_000 * MS
    assert pieces(twice) == pieces(plain) + 1
    assert pieces(endless) <= 1


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("insufficient quota on 2nd audio", (1002, "This request exceeds your quota limit.")),
        ("server error on 2nd audio", (1011, "")),
        ("session expired after 3s", (1000, "Max call duration exceeded")),
        ("close 4300 on 2nd audio", (4300, "")),
    ],
)
def test_elevenlabs_own_errors_are_closes(spec: str, told: tuple[int, str]) -> None:
    talk = agent(spec)
    turn(talk)
    assert talk.told == told
    assert "error" not in talk.names


def test_what_elevenlabs_cannot_say_is_listed_with_the_reason() -> None:
    absent = strangers(ELEVENLABS)
    assert set(absent) == {
        *("fail", "incomplete", "unrequested response", "second response", "items after cancel"),
        *("rate limit", "beta retired", "active response", "cancel not active"),
    }
    assert absent["rate limit"] == "rate limit: ElevenLabs Agents has no such error"


# --- GPT-Live ---------------------------------------------------------------------------------------------------------


def live(spec: str, **settings: Any) -> Talk:
    talk = Talk(GPT_LIVE, spec, **settings)
    talk.send(type="session.start", session={"model": "gpt-live-1"})
    return talk


def stream(talk: Talk, seconds: int = 5) -> Talk:
    pcm = speech.encode("hello")
    for number in range(seconds * 10):
        chunk = pcm[number * 4_800 : (number + 1) * 4_800].ljust(4_800, b"\0")
        talk.send(type="session.input_audio.append", audio=base64.b64encode(chunk).decode())
        talk.wait(100)
    return talk


def spoken(talk: Talk) -> str:
    deltas = [body for body in talk.got if body["type"] == "session.output_audio.delta"]
    return speech.decode(b"".join(base64.b64decode(body["delta"]) for body in deltas))


def test_gpt_live_without_a_fault() -> None:
    """The control."""
    talk = stream(live("noop"))
    assert (spoken(talk), talk.told) == (WORDS, None)
    assert not {"error", "session.closed"} & set(talk.names)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("insufficient quota on 5th session.output_audio.delta", ("insufficient_quota", "credit_balance_exhausted")),
        ("server error on 5th session.output_audio.delta", ("server_error", "server_error")),
        ("rate limit on 5th session.output_audio.delta", ("tokens", "rate_limit_exceeded")),
    ],
)
def test_gpt_live_tells_of_errors(spec: str, error: tuple[str, str]) -> None:
    talk = stream(live(spec))
    (told,) = [body["error"] for body in talk.got if body["type"] == "error"]
    assert (told["type"], told["code"]) == error
    assert set(told) == {"type", "code", "message", "param", "client_event_id"}


def test_gpt_live_expires_with_its_session_and_its_audio() -> None:
    """As the simulator's own expiry: the session that it began with."""
    talk = stream(live("session expired after 1s"), 2)
    assert talk.told == (1000, "")
    closed = talk.got[-1]
    started = next(body for body in talk.got if body["type"] == "session.started")
    assert (closed["type"], closed["reason"]) == ("session.closed", "expired")
    assert closed["session"] == started["session"]
    assert closed["usage"]["seconds"] == 0.0
    ending = stream(live("noop", max_session_s=1), 2).got[-1]
    assert ending["type"] == "session.closed"
    assert set(closed) == set(ending)


@pytest.mark.parametrize(
    "spec", ["duplicate on 5th session.output_audio.delta", "drop on 5th session.output_audio.delta"]
)
def test_gpt_live_has_a_piece_more_or_less(spec: str) -> None:
    plain, other = stream(live("noop")), stream(live(spec))
    count = [sum(body["type"] == "session.output_audio.delta" for body in talk.got) for talk in (plain, other)]
    assert count[1] - count[0] == (1 if spec.startswith("duplicate") else -1)


def test_gpt_live_repeats_the_seconds_that_it_told_last() -> None:
    told = {"type": "session.usage.updated", "event_id": "e", "usage": {"seconds": 15.0}}
    frame = Text(json.dumps(told))
    assert GPT_LIVE.snapshot(GPT_LIVE.view(frame, Sender.SERVER)) == {"usage": {"seconds": 15.0}}
    closed = GPT_LIVE.refusal(Problem("expired", "", extra={"usage": told["usage"]}))[0]
    assert isinstance(closed, Send)
    assert isinstance(closed.frame, Text)
    assert json.loads(closed.frame.data)["usage"] == {"seconds": 15.0}


def test_gpt_live_breaks_off_in_the_middle() -> None:
    talk = stream(live("close 1011 on 14th session.output_audio.delta"))
    assert talk.told == (1011, "")
    assert WORDS.startswith(spoken(talk))
    assert spoken(talk) != WORDS


WEATHER = ToolCall("weather", {"city": "Oslo"})
BACKEND = {"type": "responses", "responses": {"model": "gpt-5.6-sol"}}


def delegated(spec: str, *said: Any) -> tuple[Talk, list[dict[str, Any]]]:
    """A session whose work is delegated, and the backend's events in it."""
    talk = Talk(GPT_LIVE, spec, replier=Scripted(said))
    talk.send(type="session.start", session={"model": "gpt-live-1", "delegation": BACKEND})
    talk.wait(100)
    talk.send(type="response.create")
    quiet(talk)
    return talk, backends(talk)


def quiet(talk: Talk) -> None:
    """4 seconds of silence."""
    for _ in range(40):
        talk.send(type="session.input_audio.append", audio=base64.b64encode(bytes(4_800)).decode())
        talk.wait(100)


def backends(talk: Talk) -> list[dict[str, Any]]:
    return [body["event"] for body in talk.got if body["type"] == "response.event"]


def test_a_delegated_response_without_a_fault_is_completed() -> None:
    """The control."""
    talk, events = delegated("noop", "fine")
    assert events[-1]["type"] == "response.completed"
    assert spoken(talk) == "Let me check. fine"


@pytest.mark.parametrize(
    ("spec", "count", "status", "details"),
    [
        ("fail once", 2, "failed", {"code": "server_error", "message": None}),
        ('fail as rate_limit_exceeded saying "Slow down." on 3rd response.event', 4, "failed",
         {"code": "rate_limit_exceeded", "message": "Slow down."}),
        ("incomplete on 5th response.event", 6, "incomplete", {"reason": "max_output_tokens"}),
        ("incomplete because content_filter on 2nd response.event", 3, "incomplete", {"reason": "content_filter"}),
        ("fail on 3rd session.output_audio.delta", None, "failed", {"code": "server_error"}),
    ],
)  # fmt: skip
def test_a_delegated_response_fails_or_stops_short(
    spec: str, count: int | None, status: str, details: dict[str, Any]
) -> None:
    talk, events = delegated(spec, Reply("fine", after_ms=1_500), "again")
    last = events[-1]
    assert count in (None, len(events))
    assert (last["type"], last["response"]["status"]) == (f"response.{status}", status)
    assert last["sequence_number"] == len(events) - 1
    found = last["response"]["error" if status == "failed" else "incomplete_details"]
    assert {key: found[key] for key, value in details.items() if value} == {k: v for k, v in details.items() if v}
    assert strict.faults(next(body for body in talk.got if body.get("event") is last)) == []
    assert spoken(talk) == "Let me check."
    # The engine has dropped it too: the next one is whole.
    talk.send(type="response.create")
    quiet(talk)
    assert backends(talk)[-1]["type"] == "response.completed"
    assert spoken(talk).endswith("again")


def test_the_calls_of_a_delegated_response_that_failed_are_gone() -> None:
    talk, events = delegated("fail on 5th response.event", WEATHER)
    (call,) = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    item = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    talk.send(type="response.item.create", item=item)
    (error,) = [body["error"] for body in talk.got if body["type"] == "error"]
    assert error["message"].startswith("No tool call found")


def test_what_was_delegated_before_is_not_what_fails() -> None:
    """Nothing is on its way when the sound comes, so nothing is ended."""
    talk, events = delegated("fail on 30th session.output_audio.delta optional", "fine")
    assert events[-1]["type"] == "response.completed"
    assert spoken(talk) == "Let me check. fine"


def test_what_gpt_live_cannot_say_is_listed_with_the_reason() -> None:
    absent = strangers(GPT_LIVE)
    assert {"cancel midway", "done without created", "deltas after cancel"} <= set(absent)
    assert not {"fail", "incomplete"} & set(absent)
    assert {"beta retired", "active response", "cancel not active"} <= set(absent)
    assert absent["done without created"].endswith("has no event for the end of a reply")


CHANGES = ("strip", "set", "another id", "wrong type of")


def changes(dialect: Any) -> Any:
    found = [one for one in catalogue(dialect) if one.name in CHANGES]
    assert len(found) == len(CHANGES)
    return pytest.mark.parametrize("entry", found, ids=lambda one: one.name)


@changes(GPT_LIVE)
def test_the_examples_of_what_is_changed_are_of_gpt_lives_wire(entry: Any) -> None:
    talk, _ = delegated(entry.example, "fine")
    talk.send(type="session.close")
    talk.wait(2_000)
    assert list(talk.journal.notes("fault"))


@changes(ELEVENLABS)
def test_the_examples_of_what_is_changed_are_of_elevenlabs_wire(entry: Any) -> None:
    talk = agent(entry.example, replier=Scripted([["Let me look.", WEATHER], "It rains."]))
    turn(talk)
    (call,) = [body["client_tool_call"] for body in talk.got if body["type"] == "client_tool_call"]
    talk.send(type="client_tool_result", tool_call_id=call["tool_call_id"], result="rain", is_error=False)
    talk.wait(3_000)
    if entry.name != "another id":  # then the result was for a call that nobody knows
        assert "agent_tool_response" in talk.names
    assert list(talk.journal.notes("fault"))
