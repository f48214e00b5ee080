"""A state machine: what a client may do, in any order, against a toy model of the conversation.

Held throughout: every event is valid; one turn is open at a time; each agent message is told once, and only a message
that was told is corrected; numbers never go back; audio of a turn that was interrupted does not come again; a call's
result is acknowledged once; after a close nothing comes.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockserver import speech
from mockserver.engines.simulator.elevenlabs.options import DEFAULT_EVENTS
from tests.engines.simulator.any_client import PACE, replier
from tests.engines.simulator.elevenlabs.talk import RATE, Talk

SPOKEN = speech.encode("a few words of mine", RATE)


class AnyClient(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        events = (*DEFAULT_EVENTS, "context_usage", "agent_response_complete")
        self.talk = Talk(replier=replier, pace=PACE, client_events=events, input_timeout_s=None)
        self.sent_audio = 0

    @rule(ms=st.integers(0, 4_000))
    def wait(self, ms: int) -> None:
        self.talk.wait(ms)

    @rule(text=st.sampled_from(["hello", "stop", "and then?"]))
    def write(self, text: str) -> None:
        self.talk.write(text)

    @rule(ms=st.integers(100, 1_500))
    def speak(self, ms: int) -> None:
        self.talk.hear(SPOKEN[: ms * RATE // 1000 * 2])

    @rule(ms=st.integers(100, 900))
    def be_silent(self, ms: int) -> None:
        self.talk.hear(Talk.silence(ms))

    @rule(kind=st.sampled_from(["user_activity", "contextual_update"]))
    def say_something_else(self, kind: str) -> None:
        self.talk.put({"type": kind, **({"text": "context"} if kind == "contextual_update" else {})})

    @precondition(lambda self: self.talk.of("client_tool_call"))
    @rule(which=st.integers(0, 9))
    def answer_a_call(self, which: int) -> None:
        calls = self.talk.of("client_tool_call")
        self.talk.result(calls[which % len(calls)], "done")

    @precondition(lambda self: self.talk.of("ping"))
    @rule()
    def pong(self) -> None:
        self.talk.put({"type": "pong", "event_id": self.talk.of("ping")[-1]["ping_event"]["event_id"]})

    @invariant()
    def numbers_never_go_back(self) -> None:
        numbers = [next(iter(v for k, v in b.items() if k != "type"))["event_id"] for b in self.talk.of("ping")]
        assert numbers == list(range(2, 2 + len(numbers)))
        begun = [body["audio_event"]["event_id"] for body in self.talk.of("audio")]
        assert begun == sorted(begun)

    @invariant()
    def a_message_is_told_once_and_corrected_at_most_once(self) -> None:
        told = [body["agent_response_event"]["response_id"] for body in self.talk.of("agent_response")]
        assert len(told) == len(set(told))
        key = "agent_response_correction_event"
        corrected = [body[key]["response_id"] for body in self.talk.of("agent_response_correction")]
        assert len(corrected) == len(set(corrected))
        assert set(corrected) <= set(told)

    @invariant()
    def an_interrupted_turn_says_nothing_more(self) -> None:
        over: set[int] = set()
        turn = 0
        for body in self.talk.events:
            match body:
                case {"type": "audio", "audio_event": {"event_id": number}}:
                    assert number not in over
                    turn = number
                case {"type": "interruption"}:
                    over.add(turn)
                case {"type": "agent_response_complete", "agent_response_complete_event": {"event_id": number}}:
                    assert number not in over
                    over.add(number)

    @invariant()
    def a_result_is_acknowledged_once(self) -> None:
        known = [body["client_tool_call"]["tool_call_id"] for body in self.talk.of("client_tool_call")]
        answered = [body["agent_tool_response"]["tool_call_id"] for body in self.talk.of("agent_tool_response")]
        assert len(answered) == len(set(answered))
        assert set(answered) <= set(known)

    def teardown(self) -> None:
        """In the end each turn that began is over, and the conversation stands."""
        self.talk.hear(Talk.silence(900))
        self.talk.wait(30_000)
        assert self.talk.hangup is None
        assert not self.talk.values["speaking"]
        assert self.talk.values["waiting_for_tools"] == []
        assert self.talk.source.problems() == []


AnyClient.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestAnyClient = pytest.mark.long(AnyClient.TestCase)
