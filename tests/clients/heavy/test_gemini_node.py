"""@google/genai (Node) against the simulated Gemini: a turn, a tool round, an interruption and a fault."""

from __future__ import annotations

from typing import Any

from mockserver import MockServer, simulator
from tests.clients.heavy import node
from tests.clients.test_simulator_gemini import LONG, answers

pytestmark = node.needed


def run(server: MockServer) -> dict[str, Any]:
    """What the client saw."""
    return node.run("node", node.script("gemini.mjs"), server.url)


def test_a_turn_a_tool_round_and_an_interruption() -> None:
    with MockServer(simulator("gemini", replier=answers)).in_thread() as server:
        seen = run(server)
        assert server.problems() == []
    assert (seen["plain"]["said"], seen["plain"]["interrupted"]) == ("You said good morning.", False)
    assert seen["plain"]["bytes"] > 48 * 500
    assert seen["tool"]["calls"] == [{"name": "get_weather", "args": {"city": "Oslo"}}]
    assert seen["tool"]["said"] == "It is foggy."
    assert seen["cut"]["interrupted"]
    assert LONG.startswith(seen["cut"]["said"])
    assert seen["cut"]["said"] != LONG
    assert seen["after"]["said"] == "You said stop."


def test_a_close_in_the_middle_of_a_reply_reaches_the_application() -> None:
    fault = 'close 1011 "Internal error occurred." on 2nd serverContent.modelTurn'
    with MockServer(simulator("gemini", replier=answers), faults=[fault]).in_thread() as server:
        seen = run(server)
    assert seen["plain"]["closed"] == [1011, "Internal error occurred."]
