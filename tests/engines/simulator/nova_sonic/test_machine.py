"""What a client of Nova Sonic may do, in any order, and events that are bent.

Held throughout: blocks do not overlap, each has its begin and its end, nothing is said after the stream has ended, and
an error is the last thing that is said.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockserver import simulator, speech
from mockserver.core.frames import Peer, Received, Tell, Text
from mockserver.engines.simulator import Pace, Reply, ToolCall
from tests.engines.simulator.nova_sonic.talk import Stream, spec

PACE = Pace(created_ms=20, first_ms=50, audio_speed=2.0, piece_ms=400, transcription_ms=30)
SPOKEN = speech.encode("a few words", 16_000)
TOOLS = {"toolConfiguration": {"tools": [spec("look"), spec("find")]}}


def replier(context: Any) -> Any:
    last = context.items[-1] if context.items else None
    match context.turn % 4:
        case 1 if last is not None and last.type != "function_call_output":
            return Reply("Let me look.", calls=(ToolCall("look"), ToolCall("find")))
        case 2:
            return None
        case _:
            return f"This is answer {context.turn}. It has two sentences."


class AnySonicClient(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream(replier=replier, pace=PACE, prompt=TOOLS, silence_timeout_s=10_000, max_session_s=10_000)
        self.answered: set[str] = set()

    @rule(ms=st.integers(0, 3_000))
    def wait(self, ms: int) -> None:
        self.stream.wait(ms)

    @rule(ms=st.integers(200, 900))
    def speak(self, ms: int) -> None:
        self.stream.audio(SPOKEN[: ms * 32], 100)

    @rule(ms=st.integers(300, 2_100))
    def be_silent(self, ms: int) -> None:
        self.stream.audio(bytes(ms * 32), 100)

    @rule(interactive=st.booleans())
    def write(self, interactive: bool) -> None:
        self.stream.write("hello", interactive=interactive)

    @rule()
    def cancel(self) -> None:
        """A fault has ended the reply on the wire, and closed its block."""
        if not self.open:
            self.stream.feed(Tell("cancel", {}))

    @precondition(lambda self: set(self.stream.values["open_tool_calls"]))
    @rule(result=st.sampled_from(["{}", "[1]", '"done"']))
    def answer_a_call(self, result: str) -> None:
        self.stream.answer(self.stream.values["open_tool_calls"][0], result)

    @property
    def open(self) -> str:
        """The block that is open; fails where two are, or where a piece stands outside of its block."""
        inside = ""
        for body in self.stream.events:
            ((name, told),) = body["event"].items()
            match name:
                case "contentStart":
                    assert inside == ""
                    inside = told["contentId"]
                case "contentEnd":
                    assert inside == told["contentId"]
                    inside = ""
                case "textOutput" | "audioOutput" | "toolUse":
                    assert inside == told["contentId"]
        return inside

    @invariant()
    def blocks_do_not_overlap_and_nothing_ends_the_stream(self) -> None:
        assert self.open is not None
        assert (self.stream.failure, self.stream.hangup) == (None, None)

    def teardown(self) -> None:
        """In the end everything is said, and the client can leave."""
        self.stream.wait(60_000)
        assert self.open == ""
        assert not self.stream.values["speaking"]
        self.stream.end()
        assert (self.stream.failure, self.stream.closed) == (None, (1000, ""))
        assert self.stream.source.problems() == []


# Without shrinking, which would take a minute to shorten what can be read as it is.
PHASES = [Phase.reuse, Phase.generate]
AnySonicClient.TestCase.settings = settings(max_examples=5, stateful_step_count=12, deadline=None, phases=PHASES)
TestAnySonicClient = AnySonicClient.TestCase

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 10**6), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["json", "tools", "toolSpec", "name", "sampleRateHertz", "a"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
FIELDS = (
    *("promptName", "contentName", "type", "role", "interactive", "content", "inferenceConfiguration"),
    *("turnDetectionConfiguration", "endpointingSensitivity", "audioOutputConfiguration", "toolConfiguration"),
    *("audioInputConfiguration", "toolResultInputConfiguration"),
)
KNOWN = {"promptName": "p", "contentName": "audio", "type": "TEXT", "role": "USER", "content": "e30="}
NAMES = (
    *("sessionStart", "promptStart", "contentStart", "textInput", "audioInput", "toolResult", "contentEnd"),
    *("promptEnd", "sessionEnd", "what"),
)
BENT = st.builds(
    lambda name, known, fields: json.dumps({"event": {name: {**{key: KNOWN[key] for key in known}, **fields}}}),
    st.sampled_from(NAMES),
    st.sets(st.sampled_from(sorted(KNOWN))),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3),
)


@settings(deadline=None, max_examples=25)
@given(st.booleans(), st.lists(st.one_of(BENT, st.text(max_size=20)), max_size=8))
def test_events_that_are_bent_are_taken_or_end_the_stream_with_an_error(begun: bool, messages: list[str]) -> None:
    stream = Stream(simulator("nova_sonic", replier=lambda context: "yes"), begin=begun)
    for message in messages:
        stream.feed(Received(Peer.CLIENT, Text(message)))
    assert stream.source.problems() == []
    if stream.failure is not None:
        assert "event" not in stream.events[-1]
        assert stream.closed == (1000, "")
        before = len(stream.effects)
        stream.wait(2_000)
        stream.say("sessionEnd")
        assert len(stream.effects) == before
