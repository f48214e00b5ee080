"""@google/genai (Node) against the simulated Gemini: a turn, a tool round, an interruption and a fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from mockserver import MockServer, simulator
from tests.clients.test_simulator_gemini import LONG, answers

SCRIPT = Path(__file__).with_name("gemini.mjs")


def run(server: MockServer) -> dict[str, Any]:
    """What the client saw: the one line that it prints."""
    # Node looks for packages beside the script.
    script = Path(shutil.copy(SCRIPT, Path(os.environ["MOCKSERVER_CLIENTS"]) / SCRIPT.name))
    done = subprocess.run(["node", script, server.url], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


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
