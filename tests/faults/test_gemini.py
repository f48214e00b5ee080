"""Faults of a reply's life and the provider's errors, around the simulated Gemini: what its client gets."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mockserver import faults as known_faults
from mockserver import speech
from mockserver.core.frames import Binary, Handshake, Hangup, Opened, Peer, Received, Send, Text
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.gemini import GEMINI
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator import Scripted, ToolCall, simulator
from mockserver.faults.listing import catalogue, strangers
from tests.engines.simulator.gemini.stage import names_of

WORDS = "one two three four"
SETUP = {"model": "models/gemini-2.5-flash-native-audio-preview-12-2025", "outputAudioTranscription": {}}
MS = 1_000
ABORTED = (1008, "The operation was aborted")
WORD = "serverContent.outputTranscription"


class Talk:
    """One client of the simulator with a fault around it. Frames come as the service sends them: in binary."""

    def __init__(self, spec: str, **settings: Any) -> None:
        self.journal = Journal(seed=0)
        log = self.journal.open(GEMINI)
        hands = Handshake(GEMINI.socket_path, (("key", "any"),))
        context = SessionContext(0, log.seed, log.lens, unix_us=1_785_000_000_000_000)
        source = simulator("gemini", **{"replier": Scripted([WORDS] * 4), **settings})
        self.armed = known_faults.parse(spec).arm("0")
        self.session = Session(
            source.open(hands, context), journal=self.journal, log=log, layers=[self.armed.layer(log, GEMINI)]
        )
        self.now = 0
        self.got: list[tuple[int, Any]] = []
        self.closed: Hangup | None = None
        self._take(self.session.feed(Opened(hands), 0))

    def send(self, name: str, body: Any) -> None:
        self._take(self.session.feed(Received(Peer.CLIENT, Text(json.dumps({name: body}))), self.now))

    def wait(self, ms: float) -> None:
        end = self.now + round(ms * MS)
        while (due := self.session.wake_at()) is not None and due <= end:
            self.now = max(self.now, due)
            self._take(self.session.wake(self.now))
        self.now = end

    def _take(self, effects: Any) -> None:
        for effect in effects:
            match effect:
                case Send(Peer.CLIENT, Text(data)):
                    self.got.append((self.now, json.loads(data)))
                case Send(Peer.CLIENT, Binary(raw)):
                    self.got.append((self.now, json.loads(raw)))
                case Hangup():
                    self.closed = effect

    def turn(self, text: str = "hello") -> list[str]:
        """Ask, and wait; the names of what came, repeated ones once."""
        before = len(self.got)
        self.send("clientContent", {"turns": [{"role": "user", "parts": [{"text": text}]}], "turnComplete": True})
        self.wait(20_000)
        found: list[str] = []
        for _, body in self.got[before:]:
            name = "+".join(names_of(body))
            if found[-1:] != [name]:
                found.append(name)
        return found

    def said(self) -> str:
        return "".join(
            body["serverContent"]["outputTranscription"]["text"]
            for _, body in self.got
            if "outputTranscription" in body.get("serverContent", {})
        )

    @property
    def told(self) -> tuple[int | None, str] | None:
        return None if self.closed is None else (self.closed.code, self.closed.reason)


def talk(spec: str, **settings: Any) -> Talk:
    made = Talk(spec, **settings)
    made.send("setup", SETUP)
    return made


def at_of(one: Talk, name: str) -> int:
    return next(at for at, body in one.got if name in names_of(body))


def test_without_a_fault_the_turn_is_whole() -> None:
    """The control of all that follows."""
    one = talk("noop")
    names = one.turn()
    assert names[0] == "modelTurn"  # the thought
    assert names[-2:] == ["generationComplete", "turnComplete+usageMetadata"]
    assert (one.said(), one.told) == (WORDS, None)


def test_late() -> None:
    plain, late = talk("noop"), talk("delay 11s on 1st serverContent.modelTurn")
    assert plain.turn() == late.turn()
    assert at_of(late, "modelTurn") - at_of(plain, "modelTurn") == 11_000 * MS


@pytest.mark.parametrize(
    "spec", ["cancel midway on 2nd serverContent.modelTurn once", "cancel midway after 200ms of audio once"]
)
def test_cut_midway_and_the_next_turn_is_whole(spec: str) -> None:
    one = talk(spec)
    names = one.turn()
    assert names[-2:] == ["interrupted", "turnComplete"]
    assert "generationComplete" not in names
    assert one.said() != WORDS
    assert one.turn()[-2:] == ["generationComplete", "turnComplete+usageMetadata"]
    assert one.said().endswith(WORDS)
    assert one.session.engine.inspect().values["active_turn"] is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("spec", ["created without done once", "drop on 1st serverContent.turnComplete"])
def test_ended_without_an_end(spec: str) -> None:
    one = talk(spec)
    assert "turnComplete+usageMetadata" not in one.turn()
    assert one.turn()[-1] == "turnComplete+usageMetadata"


def test_duplicated() -> None:
    one = talk("duplicate on 1st serverContent.turnComplete")
    one.turn()
    assert sum("turnComplete" in names_of(body) for _, body in one.got) == 2


def test_audio_that_keeps_coming_after_the_end() -> None:
    one = talk("deltas after cancel 2 times once")
    one.send("clientContent", {"turns": [{"parts": [{"text": "hello"}]}], "turnComplete": True})
    one.wait(500)
    one.send("clientContent", {"turns": [{"parts": [{"text": "stop"}]}], "turnComplete": False})
    one.wait(1_000)
    end = next(place for place, (_, body) in enumerate(one.got) if "turnComplete" in names_of(body))
    assert [names_of(body) for _, body in one.got[end + 1 :]] == [["modelTurn"]] * 2


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("rate limit", (1011, "Resource has been exhausted (e.g. check quota).")),
        ("insufficient quota", (1011, "You exceeded your current quota, please check your plan and billing details.")),
        ("server error", (1011, "Internal error occurred.")),
        ("session expired after 5s", (1011, "Deadline expired before operation could complete.")),
        (
            'close 1008 "The operation was aborted" on serverContent.generationComplete',
            (1008, "The operation was aborted"),
        ),
    ],
)
def test_the_provider_s_own_errors_are_closes_in_its_words(spec: str, told: tuple[int, str]) -> None:
    one = talk(spec)
    one.turn()
    assert one.told == told


def test_a_bad_key_is_told_in_place_of_the_first_message() -> None:
    one = talk("invalid key")
    assert (one.got, one.told) == ([], (1007, "API key not valid. Please pass a valid API key."))


def test_go_away_and_silence_are_settings_and_a_stall_does_the_same_at_once() -> None:
    one = talk("stall on serverContent.generationComplete")
    assert one.turn()[-1] == "modelTurn"
    assert one.told is None


@pytest.mark.parametrize(
    ("spec", "left"),
    [
        (f"strip {WORD}.text on 1st {WORD}", {"outputTranscription": {}}),
        (f'set {WORD}.text to "x" on 1st {WORD}', {"outputTranscription": {"text": "x"}}),
        (f"strip server_content.output_transcription.text on 1st {WORD}", {"outputTranscription": {}}),
    ],
)  # fmt: skip
def test_fields_of_binary_frames_are_changed_too(spec: str, left: dict[str, Any]) -> None:
    one = talk(spec)
    one.turn()
    first = next(body for _, body in one.got if "outputTranscription" in names_of(body))
    assert first == {"serverContent": left}


def test_what_gemini_cannot_say_is_listed_with_the_reason() -> None:
    absent = strangers(GEMINI)
    assert set(absent) == {
        *("fail", "incomplete", "unrequested response", "second response"),
        *("beta retired", "active response", "cancel not active", "items after cancel"),
    }
    assert absent["active response"] == "active response: Gemini Live has no such error"


def test_speech_is_still_read_through_a_fault() -> None:
    one = talk("delay 50ms on serverContent.modelTurn")
    one.turn()
    audio = b"".join(_audio(body) for _, body in one.got)
    assert speech.decode(audio) == WORDS
    assert one.armed.fired > 1


def _audio(body: dict[str, Any]) -> bytes:
    parts = body.get("serverContent", {}).get("modelTurn", {}).get("parts", ())
    return b"".join(base64.b64decode(part.get("inlineData", {}).get("data", "")) for part in parts)


CHANGES = ("strip", "set", "another id", "wrong type of")


CHANGED = [one for one in catalogue(GEMINI) if one.name in CHANGES]


@pytest.mark.parametrize("entry", CHANGED, ids=lambda one: one.name)
def test_the_examples_of_what_is_changed_are_of_this_wire(entry: Any) -> None:
    one = talk(entry.example, replier=Scripted([["Let me look.", ToolCall("look", call_id="c")], WORDS]))
    one.turn()
    one.send("toolResponse", {"functionResponses": [{"id": "c", "name": "look", "response": {"output": "x"}}]})
    one.wait(20_000)
    assert list(one.journal.notes("fault"))


def test_a_field_of_another_wire_is_not_changed() -> None:
    """The control."""
    assert len(CHANGED) == len(CHANGES)
    one = talk("strip response.metadata on serverContent.modelTurn optional")
    one.turn()
    assert not list(one.journal.notes("fault"))
