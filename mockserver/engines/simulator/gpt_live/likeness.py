"""What recordings of GPT-Live tell: what the voice and the backend said, what was heard, and when somebody spoke."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver import speech
from mockserver.core.frames import MILLISECOND, Frame, Handshake, Micros, Sender, Text
from mockserver.core.view import Kind
from mockserver.dialects.base import parse
from mockserver.engines.simulator.likeness import Likeness
from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Replier, Reply, ToolCall
from mockserver.engines.simulator.replies.scripted import Scripted

CHUNK_MS, RATE = 100, 24_000
PACE = Pace(created_ms=250, first_ms=1, text_ms=6)
WORK_MS = 900
"""How long a backend thinks before it calls a tool or writes."""
SAID, HEARD = "session.output_transcript.delta", "session.input_transcript.delta"


class GPTLiveLikeness(Likeness):
    """Sound goes all the time, both ways: the client's is the server's clock."""

    piece_us = CHUNK_MS * MILLISECOND

    def replier(self) -> Replier:
        """The calls and messages of the backend; where nothing was delegated, what the voice said."""
        done = [
            body["event"]["item"]
            for body in self.bodies("response.event")
            if body["event"].get("type") == "response.output_item.done"
        ]
        replies = [reply for item in done if (reply := _reply(item)) is not None]
        said = "".join(body["delta"] for body in self.bodies(SAID)).strip()
        return Scripted(replies or ([Reply(said)] if said else []), then=Recall())

    def settings(self) -> Mapping[str, Any]:
        """What was heard, and what the voice says while the backend works."""
        heard = "".join(body["delta"] for body in self.bodies(HEARD)).strip()
        return {"transcripts": [heard] if heard else [], "pace": PACE}

    def beside(self) -> tuple[Handshake, Sequence[Frame]] | None:
        """Who is told of a session that it has not started is a sideband."""
        started = next(iter(self.bodies("session.started")), None)
        if started is None or any(view.name == "session.start" for view in self.views(Sender.CLIENT)):
            return None
        kept = {key: started["session"].get(key) for key in ("model", "instructions", "delegation")}
        return self.handshake(), [Text(json.dumps({"type": "session.start", "session": kept}))]

    def joined(self, told: Sequence[Frame]) -> Handshake:
        """At the session that the other client has started."""
        views = (self.dialect.view(frame, Sender.SERVER) for frame in told)
        ident = next(view.body["session"]["id"] for view in views if view.name == "session.started")
        return replace(self.handshake(), path=f"{self.dialect.socket_path}/{ident}/attach")

    def said(self, frame: Frame, number: int) -> Frame:
        """A voice where the recording has sound, silence where it has none: what it keeps is often cut."""
        body = parse(frame.data) if isinstance(frame, Text) else None
        if not isinstance(body, dict) or not isinstance(body.get("audio"), str):
            return frame
        loud = set(body["audio"].rstrip("=")) != {"A"}
        return _sound(body, speech.babble(number * CHUNK_MS, CHUNK_MS, RATE) if loud else SILENCE)

    def meanwhile(self) -> tuple[Frame, Micros] | None:
        """Silence, once the client has begun to send sound."""
        if not any(view.kind is Kind.AUDIO for view in self.views(Sender.CLIENT)):
            return None
        return _sound({"type": "session.input_audio.append"}, SILENCE), CHUNK_MS * MILLISECOND


SILENCE = bytes(2 * RATE * CHUNK_MS // 1000)


def _sound(body: Mapping[str, Any], pcm: bytes) -> Text:
    return Text(json.dumps({**body, "audio": base64.b64encode(pcm).decode()}))


def _reply(item: Mapping[str, Any]) -> Reply | None:
    if item["type"] == "function_call":
        return Reply(calls=(ToolCall(item["name"], item["arguments"], item["call_id"]),), after_ms=WORK_MS)
    return Reply(item["content"][0]["text"], after_ms=WORK_MS) if item["type"] == "message" else None
