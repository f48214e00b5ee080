"""The simulator against captured sessions of the real service, where the machine has them.

Pinned at full agreement of order and fields. What is left out is listed, with the reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import shared
from tests.engines.simulator.gemini import oracle

# Captures that stop before the session did: js-genai's recordings end with the last words of the answer.
STOPS = ("gemini-handle_activity", "gemini-should_reply")
CAPTURES = shared.captures("gemini-*.jsonl")
each_capture = pytest.mark.parametrize("capture", CAPTURES, ids=[path.stem for path in CAPTURES])


@each_capture
def test_the_simulator_agrees_with_a_captured_session(capture: Path) -> None:
    stage = oracle.play(capture)
    captured = [line.body for line in oracle.lines(capture) if line.sender == "server"]
    agreement = oracle.compare(captured, stage.messages, whole=not capture.stem.startswith(STOPS))
    print(f"{capture.stem}: {agreement}")  # the report: pytest -rP shows it
    assert agreement.order == []
    assert agreement.differences == []
    assert agreement.fields >= 2
    assert stage.hangup is None


@each_capture
def test_the_words_are_the_captured_ones(capture: Path) -> None:
    stage = oracle.play(capture)
    captured = [line.body for line in oracle.lines(capture) if line.sender == "server"]
    for name in ("outputTranscription", "inputTranscription"):
        theirs = "".join(body.get("serverContent", {}).get(name, {}).get("text", "") for body in captured)
        assert "".join(one["text"] for one in stage.of(name)) == theirs
    calls = [call for body in captured for call in body.get("toolCall", {}).get("functionCalls", ())]
    assert [call for one in stage.of("toolCall") for call in one["functionCalls"]] == calls


def test_a_missing_event_or_field_is_seen() -> None:
    """The control of the comparison."""
    captured: list[dict[str, Any]] = [
        {"setupComplete": {}},
        {"serverContent": {"outputTranscription": {"text": "x"}}},
        {"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": 1}},
    ]
    assert oracle.compare(captured, [*captured]).differences == []
    assert oracle.compare(captured, captured[:2]).order != []
    assert oracle.compare(captured, [captured[0], captured[2], captured[1]]).order != []
    changed = [*captured[:2], {"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": "1"}}]
    assert oracle.compare(captured, changed).differences == [
        "turnComplete+usageMetadata: usageMetadata.totalTokenCount: number became str"
    ]
    assert oracle.compare(captured, [*captured, {"toolCall": {}}]).order != []
