"""The simulator as a user types it: mypy reads this file, tests/engines/simulator/test_source.py runs it."""

from __future__ import annotations

import re

from mockserver import MockServer, Recall, Rules, Scripted, simulator
from mockserver.engines.simulator import (
    Context,
    Failure,
    McpCall,
    Misbehaviour,
    Pace,
    Reply,
    Rule,
    Said,
    Silence,
    Source,
    ToolCall,
)


def answer(context: Context) -> Said:
    """A replier of a user's own."""
    return context.user.upper() if context.turn > 1 else ToolCall("greet")


async def think(context: Context) -> str:
    """One that takes its time."""
    return context.user


RULES = Rules(
    [
        Rule("hello", user="hi", turn=1, out_of_band=False),
        Rule(ToolCall("f", {"a": 1}), user=re.compile("call"), tool="f"),
        Rule(Reply("slowly", after_ms=2_000, filtered=True), metadata={"topic": None}),
        Rule(answer, output="done"),
    ],
    otherwise=Recall(instructions="own"),
    transcripts=["first", None],
)
SOURCES: list[Source] = [
    simulator(),
    simulator("openai", replier=answer),
    simulator("openai", replier=think),
    simulator("openai", replier=lambda context: None),
    simulator(
        "openai",
        replier=Scripted(["a", ["b", ToolCall("f")], None, Silence(5), Failure(), McpCall("s", "t")]),
    ),
    simulator("openai", replier=RULES, pace="instant", model="gpt-realtime-2.1", require_key=False),
    simulator(
        "openai",
        pace=Pace(audio_speed=2.0),
        misbehave=[Misbehaviour.OOB_LEAKS],
        require_key=["a", "b"],
    ),
    simulator("openai", misbehave="cancel_ignored", require_key="sk-1", models=["mine"], max_session_s=10),
    simulator(
        "openai",
        transcripts=lambda pcm: "words",
        session={"output_modalities": ["text"]},
        instructions="",
    ),
    simulator(
        "openai",
        mcp={"docs": [{"name": "search"}]},
        truncated_transcript="deleted",
        announce_out_of_band=True,
    ),
]


async def serve() -> list[dict[str, object]]:
    """Looking in."""
    async with MockServer(SOURCES[0]) as server:
        return [session.inspect().values for session in server.sessions]
