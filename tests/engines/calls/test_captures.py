"""Calls of the real service, where the captures are at hand: the same events in the same order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockserver import Scripted, simulator
from mockserver.core.frames import Tell, Text
from mockserver.engines.calls.layer import ASIDE
from tests import shared
from tests.engines.calls.calltalk import CallTalk

BESIDE = shared.captures("openai-webrtc_sideband_text_turn.jsonl")
PLAYED = shared.captures("openai_beta-webrtc_cancelled_turn.jsonl")


def said(path: Path) -> list[tuple[str, dict[str, Any]]]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(line["from"], line["json"]) for line in lines if "json" in line]


def folded(names: list[str]) -> list[str]:
    """Without repetitions: how many deltas there are is the model's."""
    return [name for place, name in enumerate(names) if place == 0 or name != names[place - 1]]


@pytest.mark.parametrize("path", BESIDE, ids=lambda path: path.stem)
def test_a_socket_beside_a_call_is_told_what_the_service_told_one(path: Path) -> None:
    wire = said(path)
    talk = CallTalk(simulator("openai", replier=Scripted(["Hello there!"])))
    heard: list[str] = []
    talk.layer.hears.append(
        lambda frame: heard.append(json.loads(frame.data)["type"]) if isinstance(frame, Text) else None
    )
    for sender, body in wire:
        if sender == "client":
            talk._did(talk.session.feed(Tell(ASIDE, {"frame": Text(json.dumps(body))}), talk.now))
            talk.wait(20)
    talk.wait(5_000)
    wanted = folded([body["type"] for sender, body in wire if sender == "server"])
    assert folded(heard)[: len(wanted)] == wanted


@pytest.mark.parametrize("path", PLAYED, ids=lambda path: path.stem)
def test_what_is_played_is_told_where_the_service_told_it(path: Path) -> None:
    """The beta's names differ; where the three events of the output buffer stand among the others does not."""

    def order(events: list[dict[str, Any]]) -> list[str]:
        marks = {
            "response.content_part.added": "part",
            "output_audio_buffer.started": "started",
            "response.done": "done",
            "output_audio_buffer.stopped": "stopped",
        }
        found: dict[str, list[str]] = {}
        for event in events:
            response = event.get("response_id") or event.get("response", {}).get("id")
            if event["type"] in marks:
                found.setdefault(str(response), []).append(marks[event["type"]])
        return sorted({" ".join(one) for one in found.values() if "stopped" in one})

    talk = CallTalk(simulator("openai", replier=Scripted(["Hey there! How can I help you today?"])))
    talk.ask("Hi.")
    talk.wait(8_000)
    ours = order([body for _, body in talk.timed])
    assert ours == ["part started done stopped"]
    assert order([body for _, body in said(path)]) == ours
    assert not [
        body for _, body in said(path) if body["type"] in ("response.audio.delta", "response.output_audio.delta")
    ]
