"""What recordings of the OpenAI family tell: what the model said, the transcripts, and where somebody spoke."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mockserver import speech
from mockserver.core.frames import Frame, Handshake, Sender, Text
from mockserver.dialects.base import parse
from mockserver.dialects.openai.causes import parts
from mockserver.engines.simulator.likeness import Likeness
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Failure, McpCall, Replier, Reply, ToolCall
from mockserver.engines.simulator.replies.scripted import Scripted
from mockserver.engines.simulator.voice.activity import FRAME_MS

APPEND_MS = 100
"""How much audio an append is sent as, at least: an import may have cut it, or stretched it to end with the speech."""
RATE = 24_000
SILENCE_MS = 500
"""What ends a turn where the recorded session does not say it: what Voice Live fills in (azure.md#25)."""
TRANSCRIPTION = "conversation.item.input_audio_transcription."
UNFINISHED = " and so on" * 40
"""What a model would have gone on to say whose recorded response was cut off."""


class OpenAILikeness(Likeness):
    """Of the whole family: its cousins' events have the same fields in these places."""

    def replier(self) -> Replier:
        """Each response's output, in the order in which responses began."""
        begun = [body["response"]["id"] for body in self.bodies("response.created")]
        done = {body["response"]["id"]: body["response"] for body in self.bodies("response.done")}
        ordered = [done[one] for one in begun if one in done]
        return Scripted([_reply(response) for response in ordered], then=Recall())

    def settings(self) -> Mapping[str, Any]:
        """Transcripts in order; None for one that failed."""
        told = self.bodies(TRANSCRIPTION + "completed", TRANSCRIPTION + "failed")
        final = [body for body in told if body.get("status", "completed") == "completed"]
        found: dict[str, Any] = {"transcripts": [body.get("transcript") for body in final]}
        _ = self._voice  # read here, where what cannot be read is told
        model = self._model()
        if model is not None:
            found["models"] = [model]
        first: Mapping[str, Any] = next(iter(self.bodies("session.created")), {"session": {}})["session"]
        if "animation" in first and "greeting" not in first:
            found["voice_live_fields"] = "older"  # azure.md#47
        return found

    def handshake(self) -> Handshake:
        """With the model that the recorded session shows, and the key that a recording does not hold."""
        shake = super().handshake()
        model, query = self._model(), [pair for pair in shake.query if pair[0] not in ("call_id", "model", "api-key")]
        if model is not None and not any(name in ("deployment", "intent") for name, _ in query):
            query.append(("model", model))
        if not self.dialect.recognises(Handshake(shake.path, tuple(query))):  # an address that holds a version
            query.append(("api-version", "2025-04-01-preview"))
        return Handshake(shake.path, tuple(query), (), ())

    def exceptions(self) -> Mapping[str, str]:
        """What a recording lacks as a whole."""
        names = {view.name for view in self.views(Sender.SERVER)}
        found = {}
        if "session.created" not in names:
            found["session.created"] = "the recorded socket stands beside a call, and begins none (openai.md#133)"
        if "rate_limits.updated" not in names:
            found["rate_limits.updated"] = "the recording holds none after any response, others do (openai.md#102)"
        if not any(name.endswith(("audio.delta", "output_audio.delta")) for name in names):
            found["response.output_audio.delta"] = "no audio in the recording: it was taken out, or goes over WebRTC"
            found["response.audio.delta"] = found["response.output_audio.delta"]
        return found

    def said(self, frame: Frame, number: int) -> Frame:
        """A voice where the recorded server heard one, silence elsewhere: what a recording keeps is often cut."""
        body = parse(frame.data) if isinstance(frame, Text) else None
        if not isinstance(body, dict) or not isinstance(body.get("audio"), str):
            return frame
        size = len(body["audio"]) * 3 // 4
        ms = max(APPEND_MS, size * 1000 // (2 * RATE))
        begin, end = self._voice
        start = number * ms
        sound = bytearray(speech.babble(start, ms, RATE))
        quiet = [(start, begin), (end, start + ms)]
        for first, last in quiet:
            low, high = (2 * RATE * min(max(place - start, 0), ms) // 1000 for place in (first, last))
            sound[low:high] = bytes(max(0, high - low))
        audio = base64.b64encode(sound).decode()
        return Text(json.dumps({**body, "audio": audio}))

    def _model(self) -> str | None:
        shown = (body["session"].get("model") for body in self.bodies("session.created", "session.updated"))
        return next((model for model in shown if model), None)

    @cached_property
    def _voice(self) -> tuple[int, int]:
        """From where to where somebody speaks, in ms, without the padding and the closing silence."""
        starts = self.bodies("input_audio_buffer.speech_started")
        stops = self.bodies("input_audio_buffer.speech_stopped")
        if not starts or not stops:
            return (0, 0)
        shown = [body["session"] for body in self.bodies("session.updated", "session.created")]
        found: Mapping[str, Any] = {}
        for session in shown:
            found = (
                session.get("turn_detection")
                or ((session.get("audio") or {}).get("input") or {}).get("turn_detection")
                or {}
            )
            if found:
                break
        silence = -(-int(found.get("silence_duration_ms") or SILENCE_MS) // FRAME_MS) * FRAME_MS
        return (
            starts[0]["audio_start_ms"] + int(found.get("prefix_padding_ms") or 0),
            stops[-1]["audio_end_ms"] - silence,
        )


def _reply(response: Mapping[str, Any]) -> Reply:
    texts: list[str] = []
    calls: list[ToolCall | McpCall] = []
    for item in response["output"]:
        if item["type"] == "function_call":
            calls.append(ToolCall(item["name"], item["arguments"], item.get("call_id") or None))
        elif item["type"] == "mcp_call":
            calls.append(McpCall(item["server_label"], item["name"], item["arguments"], item.get("output") or ""))
        texts += [part.get("text") or part.get("transcript") or "" for part in parts(item)]
    details = response.get("status_details")
    error = details.get("error") if isinstance(details, Mapping) else None
    failure = None
    if response["status"] == "failed":
        told = error if isinstance(error, Mapping) else {}
        failure = Failure(told.get("code"), told.get("type"), told.get("message"))
    if response["status"] == "cancelled":
        texts = [*texts[:-1], (texts[-1] if texts else "") + UNFINISHED]
    filtered = isinstance(details, Mapping) and details.get("reason") == "content_filter"
    return Reply(texts=tuple(text for text in texts if text), calls=tuple(calls), failure=failure, filtered=filtered)
