"""openai and @openai/agents-realtime (Node) against the simulated OpenAI: turn, tool round, spoken interruption."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

from mockserver import MockServer, simulator, speech
from mockserver.cassette.store import load
from tests.clients.heavy import node
from tests.clients.test_simulator_gemini import LONG, answers

pytestmark = node.needed

COMMAND = (sys.executable, "-m", "mockserver")


@pytest.fixture
def stop(tmp_path: Path) -> Path:
    """What the user says into the reply: PCM16 at 24 kHz, with the silence that ends it."""
    path = tmp_path / "stop.pcm"
    path.write_bytes(speech.encode("stop please", 24_000) + bytes(48 * 800))
    return path


def heard(turn: dict[str, Any]) -> str:
    """The words in the audio."""
    return speech.decode(base64.b64decode(turn["audio"]))


def judge_openai(seen: dict[str, Any]) -> None:
    """What one run of openai.mjs must have seen."""
    assert (seen["plain"]["said"], seen["plain"]["status"]) == ("You said good morning.", "completed")
    assert heard(seen["plain"]) == "You said good morning."
    assert [(call["name"], call["args"]) for call in seen["tool"]["calls"]] == [("get_weather", {"city": "Oslo"})]
    assert (seen["answer"]["said"], heard(seen["answer"])) == ("It is foggy.", "It is foggy.")
    cut = seen["cut"]
    assert (cut["status"], cut["reason"], cut["started"]) == ("cancelled", "turn_detected", True)
    assert LONG.startswith(heard(cut))
    assert 0 < len(heard(cut)) < len(LONG)
    assert (seen["after"]["said"], heard(seen["after"])) == ("You said stop please.", "You said stop please.")


def test_openai_talks_calls_and_is_interrupted(stop: Path) -> None:
    with MockServer(simulator("openai", replier=answers), tls=True).in_thread() as server:
        judge_openai(node.run("node", node.script("openai.mjs"), stop, env=server.env()))
        assert server.problems() == []


def test_openai_hears_of_a_close_in_the_middle_of_a_reply(stop: Path) -> None:
    fault = 'close 1011 "Internal error occurred." on 2nd response.output_audio.delta'
    with MockServer(simulator("openai", replier=answers), tls=True, faults=[fault]).in_thread() as server:
        seen = node.run("node", node.script("openai.mjs"), stop, env=server.env())
    assert seen["plain"]["closed"] == [1011, "Internal error occurred."]


def test_openai_is_recorded_and_replayed_twice(stop: Path, tmp_path: Path) -> None:
    path = tmp_path / "node.cassette"
    client = ("--tls", "--", "node", node.script("openai.mjs"), stop)
    with MockServer(simulator("openai", replier=answers)).in_thread() as server:
        judge_openai(node.run(*COMMAND, "record", "--upstream", server.base_url, "--to", path, *client))
    assert (load(path).header.dialect, load(path).header.ended) == ("openai", "clean")
    for pacing in ("recorded", "instant"):
        judge_openai(node.run(*COMMAND, "replay", path, "--pacing", pacing, *client))


def test_agents_realtime_talks_calls_and_is_interrupted(stop: Path) -> None:
    with MockServer(simulator("openai", replier=answers)).in_thread() as server:
        url = f"{server.ws_url}?model=gpt-realtime"
        seen = node.run("node", node.script("agents.mjs"), url, stop)
        assert server.problems() == []
    assert (seen["plain"]["said"], heard(seen["plain"])) == ("You said good morning.", "You said good morning.")
    assert seen["plain"]["interrupted"] is False
    assert seen["calls"] == [{"name": "get_weather", "args": {"city": "Oslo"}}]
    assert (seen["tool"]["said"], heard(seen["tool"])) == ("It is foggy.", "It is foggy.")
    assert (seen["cut"]["statuses"], seen["cut"]["interrupted"]) == (["cancelled"], True)
    assert LONG.startswith(heard(seen["cut"]))
    assert 0 < len(heard(seen["cut"])) < len(LONG)
    assert (seen["after"]["said"], heard(seen["after"])) == ("You said stop please.", "You said stop please.")
    assert ["user", "good morning"] in seen["history"]
    assert ["assistant", "It is foggy."] in seen["history"]
