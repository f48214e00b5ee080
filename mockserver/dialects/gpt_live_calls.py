"""Calls to GPT-Live over WebRTC (gpt_live.md#41): audio goes on and on, and the session says what a browser may do."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from mockserver.core.frames import Answer, Handshake, Pairs, Text
from mockserver.core.json_text import dumps
from mockserver.core.view import View
from mockserver.dialects.calls import CallFacts, Offer, json_answer, parse_object


class LiveCalls(CallFacts):
    """``POST /v1/live/sessions`` with the session and the offer in one JSON object."""

    path = "/v1/live/sessions"
    channel = "oai-events"
    prefix = "live_u0_"
    client_first = True
    played = False
    hangs_up = False

    def offer(self, headers: Pairs, body: bytes) -> Offer | Answer:
        """``{session, transport {type: "webrtc", sdp}}``."""
        given = parse_object(body)
        transport = given.get("transport") if given is not None else None
        if given is None or not isinstance(transport, dict):
            return self._wrong("missing_required_parameter", "Missing required parameter: 'transport'.", "transport")
        if transport.get("type") != "webrtc" or not isinstance(transport.get("sdp"), str):
            return self._wrong("invalid_value", "Expected a transport of type 'webrtc' with an SDP.", "transport")
        if not isinstance(given.get("session"), dict):
            return self._wrong("missing_required_parameter", "Missing required parameter: 'session'.", "session")
        return Offer(transport["sdp"], given["session"])

    def bad_offer(self, why: str) -> Answer:
        """Unknown here; Realtime's words (openai.md#220)."""
        message = "Invalid SDP offer. Please try again with a WHIP-compliant offer."
        return self._wrong("invalid_offer", message, "transport.sdp")

    def created(self, call_id: str, sdp: str) -> Answer:
        """201, with the session's id and the SDP (gpt_live.md#41)."""
        return json_answer(201, {"session": {"id": call_id}, "transport": {"type": "webrtc", "sdp": sdp}})

    def unknown(self, call_id: str) -> Answer:
        """404 (gpt_live.md#41)."""
        return self._wrong("session_id_not_found", f"Session '{call_id}' not found.", "session_id", 404)

    def handshake(self, path: str, query: Pairs, headers: Pairs, offer: Offer) -> Handshake:
        """The primary socket has the same address."""
        return Handshake(path, query, self.of_client(headers), (), path)

    # --- frames ---

    def append(self, audio: bytes) -> Text:
        """session.input_audio.append."""
        return Text('{"type":"session.input_audio.append","audio":"' + base64.b64encode(audio).decode() + '"}')

    def settings(self, session: Any) -> Text:
        """session.start, which a websocket's client says first."""
        return Text(dumps({"type": "session.start", "session": session}))

    def client_may(self, session: Any, view: View) -> bool:
        """``client.data_channel.allowed_client_events``; left out, all are allowed (gpt_live.md#65)."""
        allowed = _allowed(session, "allowed_client_events")
        return allowed == "all" or view.name in allowed

    def client_told(self, session: Any, view: View) -> bool:
        """``allowed_server_events``; one of the backend is named with what is in it (gpt_live.md#65)."""
        allowed = _allowed(session, "allowed_server_events")
        if allowed == "all" or view.name in allowed:
            return True
        event = view.body.get("event") if isinstance(view.body, dict) else None
        inner = event.get("type") if isinstance(event, dict) else None
        named = (one for one in allowed if isinstance(one, dict) and one.get("type") == view.name)
        return any(one.get("response_event") in (inner, "all") for one in named)

    def _wrong(self, code: str, message: str, param: str, status: int = 400) -> Answer:
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
        return json_answer(status, {"error": error})


def _allowed(session: Any, key: str) -> Any:
    found: Any = session
    for step in ("client", "data_channel", key):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, list) else "all"
