"""What recordings of ElevenLabs tell: what the agent said, its first message, and what it understood."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from mockserver import speech
from mockserver.core.frames import Frame, Handshake, Sender, Text
from mockserver.dialects.base import parse
from mockserver.engines.simulator.elevenlabs.options import DEFAULT_EVENTS
from mockserver.engines.simulator.likeness import Likeness
from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Replier, Reply, ToolCall
from mockserver.engines.simulator.replies.scripted import Scripted

CHUNK_MS, RATE = 100, 16_000
BRISK = Pace(created_ms=20, first_ms=300, audio_speed=None, transcription_ms=100)
SLOW = Pace(created_ms=20, first_ms=0, text_ms=60, audio_speed=1.0, piece_ms=100, transcription_ms=2_000)
"""An agent that is cut off is one that takes its time; the others of the recordings were done at once."""
UNFINISHED = " and so on" * 40
"""What an agent would have gone on to say whose recorded turn was cut off ("..." at its end)."""


class ElevenLabsLikeness(Likeness):
    """The agent is not part of a recording; what it does in it is."""

    def replier(self) -> Replier:
        """What it said to each message, and the calls that it made. Its first message answers nobody."""
        return Scripted(self._replies(), then=Recall())

    def _replies(self) -> list[Reply]:
        replies: list[Reply] = []
        for body in self.bodies("agent_response", "client_tool_call"):
            told = body.get("agent_response_event")
            if told is None:
                call = body["client_tool_call"]
                replies.append(Reply(calls=(ToolCall(call["tool_name"], call["parameters"], call["tool_call_id"]),)))
            elif told.get("in_response_to_ids"):
                text = told["agent_response"]
                replies.append(Reply(text[:-3] + UNFINISHED if text.endswith("...") else text))
        return replies

    def settings(self) -> Mapping[str, Any]:
        """Transcripts, the first message, and the events that this agent sends."""
        said = [body["user_transcription_event"]["user_transcript"] for body in self.bodies("user_transcript")]
        events = {view.name for view in self.views(Sender.SERVER)}
        first = next(
            (
                body["agent_response_event"]["agent_response"]
                for body in self.bodies("agent_response")
                if not body["agent_response_event"].get("in_response_to_ids")
            ),
            "",
        )
        return {
            "transcripts": said,
            "first_message": first,
            "pace": SLOW if any(one.text and UNFINISHED in one.text for one in self._replies()) else BRISK,
            "client_events": tuple(sorted({*DEFAULT_EVENTS, *events})),
        }

    def handshake(self) -> Handshake:
        """An agent of any name: a signature is no part of a recording."""
        shake = super().handshake()
        agent = next((value for name, value in shake.query if name == "agent_id"), "agent")
        return Handshake(shake.path, (("agent_id", agent),), shake.headers, shake.subprotocols)

    def exceptions(self) -> Mapping[str, str]:
        """The audio of an agent that was cut off."""
        cut = self.bodies("interruption")
        return {"audio": "how many pieces an agent had sent when it was cut off is a matter of its pace"} if cut else {}

    def said(self, frame: Frame, number: int) -> Frame:
        """A voice where the recording has sound: it is often cut."""
        body = parse(frame.data) if isinstance(frame, Text) else None
        if not isinstance(body, dict) or "user_audio_chunk" not in body:
            return frame
        loud = set(body["user_audio_chunk"].rstrip("=")) != {"A"}
        pcm = speech.babble(number * CHUNK_MS, CHUNK_MS, RATE) if loud else bytes(2 * RATE * CHUNK_MS // 1000)
        return Text(json.dumps({**body, "user_audio_chunk": base64.b64encode(pcm).decode()}))
