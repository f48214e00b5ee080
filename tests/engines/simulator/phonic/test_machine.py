"""A state machine: what a Phonic client may do, in any order, and messages that are bent.

Held throughout: turns do not overlap; a turn that was cut says nothing more; each call is processed or interrupted, and
only once; after a close nothing comes; how late the driver is changes nothing.
"""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockserver import Scripted, simulator, speech
from mockserver.core.frames import Peer, Received, Text
from tests.engines.simulator.any_client import PACE, replier
from tests.engines.simulator.phonic.talk import BASE, Talk
from tests.engines.simulator.phonic.test_conversation import tool

SPOKEN = speech.encode("a few words of mine", 16_000)


class AnyPhonicClient(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        config = {"tools": [tool("look"), tool("find", tool_call_output_timeout_ms=3_000)]}
        self.talk = Talk(replier=replier, pace=PACE, chunk_ms=100, config=config)
        self.was_reset = False

    @rule(ms=st.integers(0, 4_000))
    def wait(self, ms: int) -> None:
        self.talk.wait(ms)

    @rule(ms=st.integers(100, 1_500))
    def speak(self, ms: int) -> None:
        self.talk.audio(SPOKEN[: ms * 32], 40)

    @rule(ms=st.integers(100, 900))
    def be_silent(self, ms: int) -> None:
        self.talk.audio(bytes(ms * 32), 40)

    @rule(text=st.sampled_from(["hello", "stop", None]))
    def ask(self, text: str | None) -> None:
        self.talk.put({"type": "generate_reply", "user_message": text})

    @rule(firm=st.booleans())
    def say(self, firm: bool) -> None:
        self.talk.put({"type": "say", "text": "these are fixed words", "interruptible": not firm})

    @rule(kind=st.sampled_from(["mute", "unmute"]))
    def push(self, kind: str) -> None:
        self.talk.put({"type": kind})

    @rule()
    def reset(self) -> None:
        self.was_reset = True
        self.talk.put({"type": "reset", "config": {**BASE, "tools": [tool("look"), tool("find")]}})

    @precondition(lambda self: self.talk.of("tool_call"))
    @rule(which=st.integers(0, 9))
    def answer_a_call(self, which: int) -> None:
        calls = self.talk.of("tool_call")
        ident = calls[which % len(calls)]["tool_call_id"]
        self.talk.put({"type": "tool_call_output", "tool_call_id": ident, "output": "done"})

    @invariant()
    def turns_do_not_overlap_and_nothing_is_said_outside_them(self) -> None:
        speaking = False
        for body in self.talk.events:
            match body["type"]:
                case "assistant_started_speaking":
                    assert not speaking
                    speaking = True
                case "audio_chunk":
                    assert speaking
                case "assistant_finished_speaking" | "interrupted_response":
                    assert speaking
                    speaking = False

    @invariant()
    def each_call_ends_once(self) -> None:
        known = [body["tool_call_id"] for body in self.talk.of("tool_call")]
        ended = [
            body["tool_call_id"]
            for name in ("tool_call_output_processed", "tool_call_interrupted")
            for body in self.talk.of(name)
        ]
        assert len(ended) == len(set(ended))
        assert set(ended) | set(self.talk.values["open_tool_calls"]) == set(known)

    @invariant()
    def the_user_begins_and_ends_in_turn(self) -> None:
        """A reset forgets a turn that was on its way."""
        marks = [one for one in self.talk.names() if one in ("user_started_speaking", "user_finished_speaking")]
        assert self.was_reset or all(one != other for one, other in pairwise(marks))

    def teardown(self) -> None:
        """In the end the assistant is silent, and the conversation stands."""
        self.talk.wait(60_000)
        assert self.talk.hangup is None
        assert not self.talk.values["speaking"]
        assert self.talk.values["open_tool_calls"] == []
        assert self.talk.source.problems() == []


AnyPhonicClient.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestAnyPhonicClient = pytest.mark.long(AnyPhonicClient.TestCase)

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 10**6), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "type", "tool_schema", "function", "a"]), inner, max_size=3),
    ),
    max_leaves=6,
)
FIELDS = (
    *("input_format", "output_format", "system_prompt", "welcome_message", "tools", "vad_threshold", "push_to_talk"),
    *("vad_min_silence_duration_ms", "no_input_poke_sec", "websocket_timeout_sec", "template_variables", "model"),
    *("audio", "text", "system_message", "user_message", "tool_call_id", "output", "external_id", "config"),
)
NAMES = (
    *("config", "audio_chunk", "update_system_prompt", "add_system_message", "set_external_id", "tool_call_output"),
    *("say", "generate_reply", "mute", "unmute", "reset", "update_tools_subset", "what"),
)
BENT = st.builds(
    lambda name, fields: json.dumps({**fields, "type": name}),
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
)


@settings(deadline=None)
@given(st.booleans(), st.lists(st.one_of(BENT, st.text(max_size=20)), max_size=12))
def test_messages_that_are_bent_are_answered_or_told(begun: bool, messages: list[str]) -> None:
    talk = Talk(simulator("phonic", replier=lambda context: "yes"), config={} if begun else None)
    for message in messages:
        if talk.hangup is None:
            talk.feed(Received(Peer.CLIENT, Text(message)))
            talk.wait(300)
    talk.wait(2_000)
    assert talk.source.problems() == []
    if talk.hangup is None:
        assert talk.put({"type": "what"})[0]["type"] == "error"


def test_how_late_the_driver_is_changes_nothing() -> None:
    seen = []
    for step in (1, 7, 1_000):
        talk = Talk(simulator("phonic", replier=Scripted(["it is foggy today", "yes"])))
        talk.put({"type": "generate_reply"})
        for _ in range(0, 7_000, step):
            talk.wait(step)
        seen.append([one for one in talk.timed if one[0] <= 6_500])
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][-1][1]["type"] == "assistant_finished_speaking"
