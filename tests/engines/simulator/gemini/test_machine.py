"""Whatever a client does: at most one turn is open, each turn ends once, and what is said belongs to an open turn."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mockserver import speech
from mockserver.engines.simulator import Context, Reply, ToolCall
from tests.engines.simulator.gemini.stage import MODEL, RATE, Stage

MODELS = (MODEL, "gemini-live-2.5-flash-preview", "gemini-3.1-flash-live-preview", "gemini-3.8-live")
LONG = "one two three four"
HELLO = speech.encode("hello there", RATE)


def replier(context: Context) -> Reply:
    """Answers by what the user said last: in words, with a call, or with both."""
    last = context.items[-1].type if context.items else ""
    if last != "function_call_output" and "call" in context.user and context.tools:
        return Reply(LONG if "say" in context.user else None, (ToolCall("look", {"turn": context.turn}),))
    return Reply(None if "nothing" in context.user else LONG)


class Talks(RuleBasedStateMachine):
    """One session. Its own count of turns is by what comes over the wire."""

    @initialize(
        model=st.sampled_from(MODELS),
        behavior=st.sampled_from([None, "BLOCKING", "NON_BLOCKING"]),
        manual=st.booleans(),
        interruptible=st.booleans(),
        resumption=st.booleans(),
        pace=st.sampled_from(["instant", "natural", "realtime"]),
    )
    def begin(
        self, model: str, behavior: str | None, manual: bool, interruptible: bool, resumption: bool, pace: str
    ) -> None:
        function = {"name": "look", **({"behavior": behavior} if behavior else {})}
        setup: dict[str, Any] = {
            "tools": [{"functionDeclarations": [function]}],
            "inputAudioTranscription": {},
            "realtimeInputConfig": {
                "automaticActivityDetection": {"disabled": manual},
                "activityHandling": "START_OF_ACTIVITY_INTERRUPTS" if interruptible else "NO_INTERRUPTION",
            },
        }
        if resumption:
            setup["sessionResumption"] = {}
        self.manual = manual
        self.stage = Stage(
            setup=setup, model=model, replier=replier, pace=pace, input_during_call="taken", max_connection_s=100_000,
            max_session_s=100_000,
            max_video_session_s=100_000,
        )  # fmt: skip

    @rule(text=st.sampled_from(["hello", "call", "say and call", "nothing"]), complete=st.booleans())
    def write(self, text: str, complete: bool) -> None:
        self.stage.write(text, complete=complete)

    @rule(text=st.sampled_from(["hello", "call", "nothing"]))
    def realtime_text(self, text: str) -> None:
        self.stage.send("realtimeInput", {"text": text})

    @rule(part=st.sampled_from([HELLO, HELLO[: len(HELLO) // 2], bytes(2 * RATE), bytes(320)]))
    def audio(self, part: bytes) -> None:
        data = base64.b64encode(part).decode()
        self.stage.send("realtimeInput", {"audio": {"data": data, "mimeType": "audio/pcm;rate=16000"}})

    @rule()
    def stream_end(self) -> None:
        self.stage.send("realtimeInput", {"audioStreamEnd": True})

    @precondition(lambda self: self.manual)
    @rule(mark=st.sampled_from(["activityStart", "activityEnd"]))
    def mark(self, mark: str) -> None:
        self.stage.send("realtimeInput", {mark: {}})

    @rule()
    def image(self) -> None:
        self.stage.send("realtimeInput", {"video": {"data": "AAAA", "mimeType": "image/png"}})

    @precondition(lambda self: self.stage.inside["open_calls"])
    @rule(
        which=st.integers(0, 5),
        scheduling=st.sampled_from([None, "SILENT", "WHEN_IDLE", "INTERRUPT"]),
        more=st.booleans(),
    )
    def answer(self, which: int, scheduling: str | None, more: bool) -> None:
        open_calls = self.stage.inside["open_calls"]
        response = {"id": open_calls[which % len(open_calls)], "name": "look", "response": {"output": "seen"}}
        response |= {"scheduling": scheduling} if scheduling else {}
        self.stage.send("toolResponse", {"functionResponses": [response | ({"willContinue": True} if more else {})]})

    @rule(ms=st.sampled_from([1, 100, 700, 5_000, 60_000]))
    def wait(self, ms: int) -> None:
        self.stage.wait(ms)

    @invariant()
    def turns_end_once_and_what_is_said_is_theirs(self) -> None:
        if not hasattr(self, "stage"):
            return
        assert self.stage.closed is None
        parts = self.stage.engine.parts
        assert parts is not None
        begun, ended = parts.turns._count, len(self.stage.of("turnComplete"))
        assert ended == begun - (parts.turns.current is not None)
        after_cut = False
        for body in self.stage.messages:
            content = body.get("serverContent", {})
            if after_cut and content:
                assert content.get("turnComplete"), "an interruption is followed by the end of the turn"
                after_cut = False
            after_cut = after_cut or bool(content.get("interrupted"))

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        for _ in range(50):
            self.stage.wait(60_000)
            calls = self.stage.inside["open_calls"]
            if not calls:
                break
            response = [{"id": one, "name": "look", "response": {"output": "seen"}} for one in calls]
            self.stage.send("toolResponse", {"functionResponses": response})
        self.stage.wait(60_000)
        assert self.stage.inside["active_turn"] is None
        self.turns_end_once_and_what_is_said_is_theirs()


TestTalks = pytest.mark.long(Talks.TestCase)
TestTalks.settings = settings(deadline=None, max_examples=30, stateful_step_count=15, report_multiple_bugs=False)
