"""Calls to OpenAI Realtime over WebRTC (openai.md#153, openai.md#154)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from mockserver.core.frames import Answer, Handshake, Pairs, Text
from mockserver.core.json_text import dumps
from mockserver.core.view import View
from mockserver.dialects.base import parse
from mockserver.dialects.calls import CUT_SHORT, CallFacts, Offer, Played, json_answer, parts
from mockserver.dialects.openai.sound import output_format


class RealtimeCalls(CallFacts):
    """``POST /v1/realtime/calls``: the offer as it is, or a form with ``sdp`` and ``session``."""

    path = "/v1/realtime/calls"
    pages = ("/v1/realtime/client_secrets",)
    channel = "oai-events"
    prefix = "rtc_"

    def offer(self, headers: Pairs, body: bytes) -> Offer | Answer:
        """The form's ``session`` is JSON (openai.md#153)."""
        form = parts(headers, body)
        if form is None:
            return Offer(body.decode(errors="replace"))
        session = None
        if "session" in form:
            session = parse(form["session"])
            if not isinstance(session, dict):
                return self._wrong("invalid_type", "Invalid type for 'session': expected an object.", "session")
        return Offer(form.get("sdp", ""), session)

    def bad_offer(self, why: str) -> Answer:
        """An SDP that cannot be read, or that offers what is not taken (openai.md#220)."""
        message = "Invalid SDP offer. Please try again with a WHIP-compliant offer."
        if why == CUT_SHORT:
            message = "Failed to parse offer: failed to unmarshal SDP: EOF"
        return self._wrong("invalid_offer", message, None)

    def created(self, call_id: str, sdp: str) -> Answer:
        """201, the SDP as text, and where the call is (openai.md#153)."""
        headers = (("content-type", "application/sdp"), ("location", f"{self.path}/{call_id}"))
        return Answer(201, headers, None, sdp.encode())

    def unknown(self, call_id: str) -> Answer:
        """404 with its code (openai.md#153, openai.md#221)."""
        return self._wrong("call_id_not_found", "No session found for the provided call_id", "", 404)

    def handshake(self, path: str, query: Pairs, headers: Pairs, offer: Offer) -> Handshake:
        """The websocket that the same client would open."""
        model = offer.session.get("model") if isinstance(offer.session, dict) else None
        if isinstance(model, str) and all(name != "model" for name, _ in query):
            query = (*query, ("model", model))
        socket = path.removesuffix("/calls")
        target = f"{socket}?{urlencode(query)}" if query else socket
        return Handshake(socket, query, self.of_client(headers), (), target)

    def beside(self, handshake: Handshake) -> str | None:
        """``?call_id=`` (openai.md#1)."""
        return handshake.param("call_id")

    # --- frames ---

    def append(self, audio: bytes) -> Text:
        """input_audio_buffer.append."""
        return Text('{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(audio).decode() + '"}')

    def input_sound(self, view: View) -> tuple[int, str] | None:
        """As the session shows it."""
        if view.name not in ("session.created", "session.updated"):
            return None
        session = view.body.get("session")
        audio = session.get("audio") if isinstance(session, dict) else None
        return (
            output_format({"session": {"audio": {"output": audio.get("input")}}}) if isinstance(audio, dict) else None
        )

    def settings(self, session: Any) -> Text | None:
        """session.update; the model stands in the address."""
        return Text(dumps({"type": "session.update", "session": {**session, "type": session.get("type", "realtime")}}))

    def begun(self, view: View) -> bool:
        """session.created."""
        return view.name == "session.created"

    def set_up(self, view: View) -> Mapping[str, Any] | None:
        """session.updated."""
        session = view.body.get("session") if view.name == "session.updated" else None
        return session if isinstance(session, dict) else None

    def first(self, begun: View, session: Mapping[str, Any]) -> Text:
        """session.created as it would be had the settings been there from the begin."""
        return Text(dumps({**begun.body, "session": session}))

    # --- what is played ---

    def told(self, what: Played, response_id: str, event_id: str) -> Text:
        """output_audio_buffer.* (openai.md#115)."""
        body = {"type": f"output_audio_buffer.{what}", "event_id": event_id, "response_id": response_id}
        return Text(dumps(body))

    def truncation(self, item_id: str, content_index: int, audio_end_ms: int) -> Text:
        """conversation.item.truncate."""
        body = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": content_index}
        return Text(json.dumps({**body, "audio_end_ms": audio_end_ms}))

    def speech(self, view: View) -> bool:
        """input_audio_buffer.speech_started."""
        return view.name == "input_audio_buffer.speech_started"

    def interruptible(self, view: View) -> bool | None:
        """As turn detection is set."""
        if view.name not in ("session.created", "session.updated"):
            return None
        found: Any = view.body.get("session")
        for key in ("audio", "input", "turn_detection"):
            found = found.get(key) if isinstance(found, dict) else None
        return bool(found.get("interrupt_response", True)) if isinstance(found, dict) else False

    def clears(self, view: View) -> bool:
        """output_audio_buffer.clear (openai.md#53)."""
        return view.name == "output_audio_buffer.clear"

    def spoken(self, view: View) -> str | None:
        """response.done."""
        return view.response_id if view.name == "response.done" else None

    def _wrong(self, code: str, message: str, param: str | None, status: int = 400) -> Answer:
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
        return json_answer(status, {"error": error})
