"""A state machine: what a client may do, in any order.

Held throughout: every event is valid; frames are 100 ms apart and never ahead of the input; transcripts never go back;
one delegation of the backend's is open at a time, and each response of its ends once; each append is acknowledged once.
"""

from __future__ import annotations

from base64 import b64decode
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockserver import speech
from mockserver.engines.simulator import ToolCall
from tests.engines.simulator.gpt_live.talk import AUDIO, RESPONSES, Talk

RATE = 16_000
CHUNK = RATE // 10 * 2
SPOKEN = speech.encode("a few words of mine", RATE)


def replier(context: Any) -> Any:
    last = context.items[-1].type if context.items else ""
    if context.turn % 3 == 1 and last != "function_call_output":
        return [ToolCall("look"), ToolCall("find")]
    return None if context.turn % 3 == 0 else f"answer number {context.turn}"


class AnyClient(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk(start=None, replier=replier)
        self.talk.rate = RATE
        self.talk.begin(delegation=RESPONSES, audio={"format": {"type": "audio/pcm", "rate": RATE}})
        self.appended = 0

    @rule(ms=st.integers(0, 2_000))
    def wait(self, ms: int) -> None:
        self.talk.wait(ms)

    @rule(ms=st.integers(1, 20))
    def be_silent(self, ms: int) -> None:
        self.talk.listen(ms * 100)

    @rule(ms=st.integers(2, 15))
    def speak(self, ms: int) -> None:
        self.talk.hear(SPOKEN[: ms * CHUNK])

    @rule(ms=st.integers(1, 30))
    def burst(self, ms: int) -> None:
        self.talk.burst(bytes(ms * CHUNK))

    @rule(kind=st.sampled_from(["instructions", "thinking", "commentary"]))
    def append(self, kind: str) -> None:
        self.talk.append(kind, "some context")
        self.appended += 1

    @rule(on=st.booleans())
    def mute(self, on: bool) -> None:
        self.talk.put({"type": f"session.input_audio.{'mute' if on else 'unmute'}"})

    @precondition(lambda self: self.talk.values["waiting_for_tools"])
    @rule()
    def answer_a_call(self) -> None:
        self.talk.answer(self.talk.values["waiting_for_tools"][0], "done")

    @rule(text=st.sampled_from(["hello", "and then"]))
    def add_a_message(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        self.talk.put({"type": "response.item.create", "item": {"type": "message", "role": "user", "content": content}})

    @rule()
    def ask_the_backend(self) -> None:
        self.talk.put({"type": "response.create"})

    @invariant()
    def frames_keep_the_clock(self) -> None:
        times = [at for at, body in self.talk.timed if body["type"] == AUDIO]
        assert all(later - earlier >= 100 for earlier, later in pairwise(times))
        assert len(times) * 100 <= self.talk.values["input_audio_ms"]
        assert {len(b64decode(body["delta"])) for body in self.talk.of(AUDIO)} <= {CHUNK}

    @invariant()
    def transcripts_never_go_back(self) -> None:
        for side in ("input", "output"):
            starts = [body["start_ms"] for body in self.talk.of(f"session.{side}_transcript.delta")]
            assert starts == sorted(set(starts))

    @invariant()
    def each_response_ends_once_and_one_is_open(self) -> None:
        open_now: str | None = None
        for event in self.talk.stream():
            if event["type"] == "response.created":
                assert open_now is None
                open_now = event["response"]["id"]
            elif event["type"] == "response.completed":
                assert open_now == event["response"]["id"]
                open_now = None

    def teardown(self) -> None:
        """In the end every append was acknowledged and nothing is being said."""
        for _ in range(4):
            for call in self.talk.values["waiting_for_tools"]:
                self.talk.answer(call, "done")
            if self.talk.values["delegation"]:
                self.talk.put({"type": "response.create"})
            self.talk.listen(2_000)
        while self.talk.values["pending"]:
            self.talk.listen(1_000)
        acks = [body for body in self.talk.events if body["type"].endswith(".appended")]
        assert len(acks) == self.appended
        assert not self.talk.values["speaking"]
        assert self.talk.source.problems() == []
        self.talk.put({"type": "session.close"})
        self.talk.listen(1_000)
        assert len(self.talk.of("session.closed")) == 1


AnyClient.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
TestAnyClient = pytest.mark.long(AnyClient.TestCase)
