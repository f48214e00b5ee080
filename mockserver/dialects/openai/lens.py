"""OpenAI Realtime over websocket, in the shape of general availability ("GA").

Sources: openai.md#1 and openai.md#2 (paths and keys), openai.md#50 to openai.md#53 (ids and events), clients.md#17 (the
prefixes that clients put before a path).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.core.frames import MILLISECOND, Frame, Hangup, Micros, Send, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.view import Audio, Kind, Lens, Spoken, View, plain_view
from mockserver.dialects.base import (
    Dialect,
    MatchRules,
    SampleFormat,
    base64_size,
    clipped,
    close_reason,
    event,
    parse_once,
    shorten,
)
from mockserver.dialects.calls import CallFacts
from mockserver.dialects.causes import Causes
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Replies
from mockserver.dialects.openai import transcripts
from mockserver.dialects.openai.calls import RealtimeCalls
from mockserver.dialects.openai.causes import ACKNOWLEDGED, RealtimeCauses
from mockserver.dialects.openai.causes import parts as contents
from mockserver.dialects.openai.events import CLIENT_EVENTS, LIFE, SERVER_EVENTS
from mockserver.dialects.openai.order import independent
from mockserver.dialects.openai.problems import DOES, PROBLEMS
from mockserver.dialects.openai.replies import RealtimeReplies
from mockserver.dialects.openai.sound import input_format, output_format
from mockserver.dialects.problems import Problem

_TYPE_FIRST = re.compile(r'\s*\{\s*(?:"event_id"\s*:\s*"[^"\\]*"\s*,\s*)?"type"\s*:\s*"([^"\\]+)"')
"""The type where it is the first key, or the second after event_id: every frame of the real service
seen so far.
"""

SECRETS_PATH = "/client_secrets"
"""Below the socket: a plain call that answers with a short-lived key (openai.md#17)."""
AUDIO_DELTAS = ("response.output_audio.delta", "response.audio.delta", "session.output_audio.delta")
APPENDS = ("input_audio_buffer.append", "session.input_audio_buffer.append")
"""The second of them, and the third of those above, are of translation sessions (openai.md#214, openai.md#216)."""
CLOSE_CODES = {
    "invalid_api_key": 3000,
    "model_not_found": 4000,
    "beta_api_shape_disabled": 4000,
    "session_expired": 1001,
}
"""Which errors end the session, and with what code (openai.md#5, openai.md#25)."""

_OBJECT = re.compile(r"\s*\{")


class OpenAI(Dialect):
    """OpenAI Realtime, GA."""

    name = "openai"
    title = "OpenAI Realtime"
    simulator = "openai"
    upstream: str | None = "https://api.openai.com/v1"
    base_path = "/v1"
    socket_path = "/v1/realtime"
    paths: tuple[str, ...] = ("/realtime",)
    env_vars = {"OPENAI_BASE_URL": "{base_url}", "OPENAI_API_KEY": "{key}"}
    subprotocols: tuple[str, ...] = ("realtime",)
    calls: CallFacts | None = RealtimeCalls()
    # openai.md#2; client secrets: openai.md#17, and openai.md#161 in the beta. The REST API takes Basic too; whether
    # the socket does is unknown, so here it does not.
    keys = Keys(
        subprotocols=("openai-insecure-api-key.",),
        hidden_headers=("api-key", "openai-organization", "openai-project"),
        hidden_subprotocols=("openai-organization.", "openai-project."),
        fields=("client_secret",),
        hands_out={SECRETS_PATH: ("value",), "/sessions": ("value",)},
        env="OPENAI_API_KEY",
    )
    harmless_headers = ("openai-beta", "openai-processing-ms", "openai-version")
    rules = MatchRules(
        volatile=("event_id", "conversation.item.truncate:audio_end_ms"),
        ids=(
            "**.item_id",
            "item.id",
            "**.previous_item_id",
            "**.call_id",
            "**.response_id",
            "**.event_id",
            "response.input.*.id",
            "response.metadata.*id",
            "response.metadata.*Id",
        ),
        maybe_ids=("response.metadata.*",),
        optional=(
            "response.cancel",
            "input_audio_buffer.clear",
            "conversation.item.truncate",
            "output_audio_buffer.clear",
        ),
    )
    refusals = ("error",)
    acknowledged = ACKNOWLEDGED
    life = LIFE
    problems = PROBLEMS
    does = DOES
    client_events = CLIENT_EVENTS
    server_events = SERVER_EVENTS
    audio_ends = ("input_audio_buffer.commit", "input_audio_buffer.clear")
    positions = ("input_audio_buffer.*:audio_start_ms", "input_audio_buffer.*:audio_end_ms")  # openai.md#82
    # Transcripts of the input come anywhere from speech to after the reply's audio (openai.md#89), rate limits after
    # response.done (openai.md#102).
    floating = ("*input_audio_transcription*", "rate_limits.updated", "*speech_started", "*speech_stopped")

    def peek(self, frame: Frame, sender: Sender) -> str:
        """The event's type, without parsing the frame where it stands first."""
        if isinstance(frame, Text):
            found = _TYPE_FIRST.match(frame.data)
            if found:
                return found[1]
        return self.view(frame, sender).name

    def view(self, frame: Frame, sender: Sender) -> View:
        """JSON in text frames. JSON in a binary frame is no event: the server refuses it (openai.md#142). What is no
        object is none either, and need not be read to tell that.
        """
        body = parse_once(frame.data) if isinstance(frame, Text) and _OBJECT.match(frame.data) else None
        return plain_view(frame) if body is None else self.read(body, sender)

    def read(self, body: Any, sender: Sender) -> View:
        """Type, ids and audio of one event."""
        if not isinstance(body, dict) or not isinstance(body.get("type"), str):
            return View(Kind.EVENT, "json", body)
        name: str = body["type"]
        kind, audio = Kind.EVENT, None
        if sender is Sender.CLIENT and name in APPENDS:
            kind, audio = Kind.AUDIO, _audio(body, "audio")
        elif sender is Sender.SERVER and name in AUDIO_DELTAS:
            audio = _audio(body, "delta")
        response, item = body.get("response"), body.get("item")
        return View(
            kind,
            name,
            body,
            audio,
            response_id=_text(body.get("response_id")) or _id_of(response),
            item_id=_text(body.get("item_id")) or _id_of(item),
            event_id=_text(body.get("event_id")),
        )

    def heard_at(self, view: View) -> Micros | None:
        """Where speech began or stopped (openai.md#82)."""
        told = [view.body.get(key) for key in ("audio_start_ms", "audio_end_ms")] if view.body else []
        known = [ms for ms in told if isinstance(ms, int) and not isinstance(ms, bool)]
        return max(known) * MILLISECOND if known and view.name.startswith("input_audio_buffer.") else None

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By the shape of the session, and by what Azure does otherwise (azure.md#11, azure.md#12)."""
        if session_shape(said) != "ga":
            return False
        return None if (azure := looks_like_azure(said)) is None else not azure

    def summary(self, view: View) -> str:
        """What a person wants to see of an event."""
        return summary(view)

    def spoken(self, view: View) -> Spoken | None:
        """Pieces of what the model says, and what was heard of the user."""
        return transcripts.spoken(view)

    def replies(self, lens: Lens | None = None) -> Replies:
        """Responses have ids, and may overlap."""
        return RealtimeReplies(lens or self)

    def again(self, body: Any, ids: Ids) -> Any:
        """With an event id of its own."""
        return {**body, "event_id": ids.mint("event_")} if isinstance(body, dict) else body

    def session_id(self, view: View) -> str | None:
        """``session.created`` tells it."""
        return _id_of(view.body.get("session")) if view.name == "session.created" else None

    def output_format(self, view: View) -> tuple[int, str] | None:
        """The session's events tell it: nested in GA, flat in the beta shape."""
        return output_format(view.body) if view.name in ("session.created", "session.updated") else None

    def causes(self) -> Causes:
        """By response, item and event id, and by order (``dialects.openai.causes``)."""
        return RealtimeCauses()

    def independent(self, earlier: View, later: View) -> bool:
        """Whether ``later`` may come before ``earlier`` (``dialects.openai.order`` has the rules)."""
        return independent(earlier, later)

    def audio_format(self, view: View, current: SampleFormat) -> SampleFormat:
        """``session.update`` sets it: nested in GA, flat in the beta shape."""
        return input_format(view.body, current) if view.name == "session.update" else current

    def added(self, view: View) -> list[Send | Hangup]:
        """A cancel of nothing is an error (openai.md#108), a clear is confirmed. A truncate of what was heard is
        confirmed too.
        """
        body = view.body
        match view.name:
            case "response.cancel":
                return self.complaint(replace(PROBLEMS["nothing_to_cancel"], event_id=view.event_id))
            case "input_audio_buffer.clear":
                return [event({"type": "input_audio_buffer.cleared", "event_id": "event_mockserver"})]
            case "conversation.item.truncate":
                told = {key: body.get(key) for key in ("item_id", "content_index", "audio_end_ms")}
                return [event({"type": "conversation.item.truncated", "event_id": "event_mockserver", **told})]
            case _:
                return []

    def cancel(self, data: Mapping[str, Any]) -> Text:
        """How a client asks for the end of a response: ``data["response_id"]``, else the one that is on its way."""
        body: dict[str, Any] = {"type": "response.cancel"}
        if isinstance(data.get("response_id"), str):
            body["response_id"] = data["response_id"]
        return Text(json.dumps(body))

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """An error event, then a close with its own code; the reason is type.code (openai.md#5) or, at expiry, the
        message (openai.md#25).
        """
        code = CLOSE_CODES.get(problem.kind, 1011)
        reason = problem.message if problem.kind == "session_expired" else f"{problem.type}.{problem.kind}"
        return [*self.complaint(problem), Hangup(code=code, reason=close_reason(reason))]

    def complaint(self, problem: Problem) -> list[Send | Hangup]:
        """An error event. It carries an id of its own only where the maker of the problem gives one."""
        return [error_event(problem, "event_id")]


def error_event(problem: Problem, theirs: str) -> Send:
    """An error event. ``theirs``: the field that names the client's event which it is about."""
    error = {
        "type": problem.type,
        "code": problem.kind,
        "message": problem.message,
        "param": problem.param,
        theirs: problem.event_id,
    }
    return event({"type": "error", "event_id": problem.extra.get("event_id", "event_mockserver"), "error": error})


def _audio(body: dict[str, Any], key: str) -> Audio | None:
    """The base64 audio at ``key``; its format is the session's, so it is not stated here."""
    data = body.get(key)
    return Audio(base64_size(data), path=(key,)) if isinstance(data, str) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _id_of(value: Any) -> str | None:
    return _text(value.get("id")) if isinstance(value, dict) else None


def types_of(said: Sequence[tuple[Sender, Any]], sender: Sender) -> set[str]:
    """The types of the events that one side sent."""
    return {str(body.get("type")) for by, body in said if by is sender}


def sessions(said: Sequence[tuple[Sender, Any]]) -> list[dict[str, Any]]:
    """The sessions as the service showed them."""
    shown = ("session.created", "session.updated")
    found = (body.get("session") for by, body in said if by is Sender.SERVER and body.get("type") in shown)
    return [one for one in found if isinstance(one, dict)]


def session_shape(said: Sequence[tuple[Sender, Any]]) -> str:
    """The shape of the sessions in a conversation of the family: "ga", "beta", "voice live", "xai", or "".

    openai.md#156 (beta: flat), azure.md#23 (Voice Live: flat, with fields of its own), xai.md#5 and xai.md#18.
    """
    shown = sessions(said)
    if any(not {"animation", "avatar", "input_audio_sampling_rate"}.isdisjoint(one) for one in shown):
        return "voice live"
    if any(str(one.get("model", "")).startswith("grok") for one in shown):
        return "xai"
    if any("modalities" in one and "output_modalities" not in one for one in shown):
        return "beta"
    updates = (body.get("session") for by, body in said if by is Sender.CLIENT and body.get("type") == "session.update")
    typed = any(isinstance(one, dict) and one.get("type") == "realtime" for one in updates)
    if shown or typed or any(name.startswith("response.output_") for name in types_of(said, Sender.SERVER)):
        return "ga"
    return ""


def looks_like_azure(said: Sequence[tuple[Sender, Any]]) -> bool | None:
    """Whether a conversation in the shape of general availability is Azure's. None where nothing tells."""
    parts = [body for by, body in said if by is Sender.SERVER and body.get("type") == "response.content_part.added"]
    if parts:
        return "content" in parts[0]
    return False if "rate_limits.updated" in types_of(said, Sender.SERVER) else None


def summary(view: View) -> str:
    """The fields that matter of an event of the OpenAI family, in one line."""
    body = view.body
    if not isinstance(body, dict):
        return str(view.extra.get("summary", ""))
    parts: list[str] = []
    if view.audio is not None:
        parts.append(f"{view.audio.milliseconds():.0f} ms of audio")
    response, item, error = body.get("response"), body.get("item"), body.get("error")
    if isinstance(response, dict):
        parts += [str(response[key]) for key in ("id", "status") if response.get(key)]
        details = response.get("status_details")
        if isinstance(details, dict) and details.get("reason"):
            parts.append(str(details["reason"]))
        for key in ("conversation", "metadata", "instructions"):
            if response.get(key):
                parts.append(f"{key}={shorten(str(response[key]), 60)}")
    elif view.response_id:
        parts.append(view.response_id)
    if isinstance(item, dict):
        parts += [str(item[key]) for key in ("id", "type", "role", "status", "name", "call_id") if item.get(key)]
        for content in contents(item):
            words = content.get("text") or content.get("transcript")
            parts.append(repr(shorten(str(words), 60)) if words else str(content.get("type", "")))
        parts += [f"{key}={shorten(str(item[key]), 60)!r}" for key in ("arguments", "output") if item.get(key)]
    elif view.item_id:
        parts.append(view.item_id)
    if isinstance(error, dict):
        parts.append(f"{error.get('code') or error.get('type')}: {shorten(str(error.get('message')), 80)}")
    for key in ("delta", "transcript", "text", "arguments", "name"):
        if isinstance(body.get(key), str) and view.audio is None:
            # A piece of a text keeps its spaces: they say where a word begins.
            parts.append(repr(clipped(body[key], 60) if key == "delta" else shorten(body[key], 60)))
    for key in ("audio_start_ms", "audio_end_ms", "previous_item_id"):
        if body.get(key) is not None:
            parts.append(f"{key}={body[key]}")
    if view.name == "session.update" and isinstance(body.get("session"), dict):
        parts += _settings(body["session"])
    return " ".join(parts)


def _settings(session: dict[str, Any]) -> list[str]:
    """What a client sets, as far as it changes what is said: tools by name, audio by side."""
    shown = ("model", "instructions", "voice", "output_modalities", "modalities", "tool_choice")
    told = [f"{key}={shorten(str(session[key]), 40)}" for key in shown if session.get(key) is not None]
    tools = session.get("tools")
    if isinstance(tools, list):
        names = [str(one.get("name") or one.get("type")) if isinstance(one, dict) else "?" for one in tools]
        told.append(f"tools=[{shorten(', '.join(names), 60)}]")
    audio = session.get("audio")
    sides = audio if isinstance(audio, dict) else {}
    for side, settings in sides.items():
        if isinstance(settings, dict):
            told.append(f"audio.{side}={','.join(map(str, settings))}")
    flat = session.get("turn_detection")
    if isinstance(flat, dict):
        told.append(f"turn_detection={flat.get('type')}")
    return told


OPENAI = OpenAI()
