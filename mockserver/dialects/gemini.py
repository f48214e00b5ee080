"""Gemini Live: one top-level key a message, no ids but those of tool calls (gemini.md#7, gemini.md#22).

Clients write snake_case, camelCase or both (gemini.md#8); names here are camelCase. The server's JSON comes in text or
binary frames (gemini.md#6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.core.frames import Binary, Frame, Hangup, Send, Sender, Text
from mockserver.core.view import Audio, Kind, Spoken, View, plain_view
from mockserver.dialects.base import (
    Dialect,
    MatchRules,
    base64_size,
    close_reason,
    parse,
    parse_once,
    shorten,
    spoken_at,
)
from mockserver.dialects.causes import Causes, Turns
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Life
from mockserver.dialects.problems import Problem, Trouble

_RATE = re.compile(r"rate=([0-9]{1,9})")
_SAID = (
    *("interrupted", "turnComplete", "generationComplete", "modelTurn", "outputTranscription", "inputTranscription"),
    *("interimInputTranscription", "groundingMetadata", "waitingForInput"),
)
"""What names a ``serverContent`` that holds several things, the weightiest first."""
PIECES = tuple(f"serverContent.{name}" for name in ("modelTurn", "outputTranscription", "inputTranscription"))
_MESSAGES = (
    *("setup", "clientContent", "realtimeInput", "toolResponse"),
    *("setupComplete", "serverContent", "toolCall", "toolCallCancellation", "goAway", "sessionResumptionUpdate"),
    *("voiceActivity", "voiceActivityDetectionSignal", "error"),
)

PROBLEMS: Mapping[Trouble, Problem] = {
    # Texts of quota and credit are closes 1011 (gemini.md#66); the first is the REST API's (gemini.md#103).
    "rate_limit": Problem("resource_exhausted", "Resource has been exhausted (e.g. check quota).", type="quota"),
    "insufficient_quota": Problem(
        "resource_exhausted",
        "You exceeded your current quota, please check your plan and billing details.",
        type="quota",
    ),
    "server_error": Problem("internal", "Internal error occurred.", type="server_error"),  # gemini.md#89
    "invalid_key": Problem("invalid_argument", "API key not valid. Please pass a valid API key."),  # gemini.md#88
    "session_expired": Problem(  # gemini.md#91
        "deadline_exceeded", "Deadline expired before operation could complete.", type="server_error"
    ),
}
"""Each is a close; which code, ``refusal`` says. A retired shape, an active reply and a cancel of nothing are no errors
here."""
_INPUTS = ("audio", "video", "text", "mediaChunks", "activityStart", "activityEnd", "audioStreamEnd")


class Gemini(Dialect):
    """Google AI Studio and Vertex."""

    name = "gemini"
    recorder = "google/test-server"
    title = "Gemini Live"
    simulator = "gemini"
    words: tuple[str, ...] = ("google",)
    upstream = "https://generativelanguage.googleapis.com"
    socket_path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    paths = (
        "GenerativeService.BidiGenerateContent",
        "GenerativeService.BidiGenerateContentConstrained",
        "LlmBidiService/BidiGenerateContent",
    )
    env_vars = {"GOOGLE_GEMINI_BASE_URL": "{http}", "GOOGLE_API_KEY": "{key}"}
    keys = Keys(
        headers=("x-goog-api-key", "authorization"),
        params=("key", "access_token"),
        schemes=("bearer", "token"),
        hands_out={"/auth_tokens": ("name",)},  # gemini.md#93
        env="GOOGLE_API_KEY",
    )
    harmless_headers = ("x-goog-api-client",)
    rules = MatchRules(
        ids=(
            "toolResponse.functionResponses.*.id",
            "toolResponse.functionResponses.id",
            "setup.sessionResumption.handle",
        ),
        fold_case=True,
        optional=("realtimeInput.video",),
    )
    minted = ("newHandle", "new_handle", "handle")  # gemini.md#79
    # gemini.md#80; beside an empty serverContent the message has its name.
    positions = ("voiceActivity:voiceActivity.audioOffset", "serverContent:voiceActivity.audioOffset")
    audio_ends = ("realtimeInput.activityEnd", "realtimeInput.audioStreamEnd")
    problems = PROBLEMS
    does = {
        "cancel midway": "gemini.md#34",
        "insufficient quota": "gemini.md#66",
        "server error": "gemini.md#89",
        "session expired": "gemini.md#51",
    }
    # A reply begins with the first thing of it. It is cut by what the user does, never by a frame that only cancels.
    life = Life(
        first=("setup",),
        opening=("setupComplete",),
        requests=("clientContent", "realtimeInput.text", "realtimeInput.activityEnd", "realtimeInput.audioStreamEnd"),
        deltas=(("serverContent.modelTurn", "audio"), ("serverContent.outputTranscription", "transcript")),
        parts=("serverContent.generationComplete", "serverContent.groundingMetadata", "toolCall"),
        ends=("serverContent.turnComplete",),
        cuts=("serverContent.interrupted",),
        heard=(
            "serverContent.inputTranscription",
            "clientContent",
            "realtimeInput.text",
            "realtimeInput.activityStart",
        ),
        reasons={"cancelled": ("turn_detected",)},
        instead="replies have no ids on this wire, so an orphan cannot be told; look at interrupted and turnComplete, "
        "at the session's conversation (inspect), and with assert_spoken at what was heard",
        endings={
            "cancelled": (
                {"serverContent": {"interrupted": True}},
                {"serverContent": {"turnComplete": True}},
            ),
            "completed": (
                {"serverContent": {"generationComplete": True}},
                {"serverContent": {"turnComplete": True}},
            ),
        },
    )
    examples = {
        "tie": "toolCall.functionCalls.0.id on toolCall",
        "outcome": "serverContent.turnComplete to false on {end}",
        "id": "toolCall.functionCalls.0.id on toolCall",
        "object": "serverContent.modelTurn on 2nd {audio}",
    }
    client_events = frozenset({*_MESSAGES[:4], "contextUpdate", *(f"realtimeInput.{one}" for one in _INPUTS)})
    server_events = frozenset(
        {*_MESSAGES[4:], "serverContent", "usageMetadata", *(f"serverContent.{one}" for one in _SAID)}
    )
    # All but ``serverContent.turnComplete``, which comes once a turn; and messages with nothing in them.
    repeated = (*(f"serverContent.{name}" for name in _SAID if name != "turnComplete"), "serverContent", "empty")

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By its messages' one key."""
        return any(not {"setup", "setupComplete", "serverContent"}.isdisjoint(map(_camel, body)) for _, body in said)

    def view(self, frame: Frame, sender: Sender) -> View:
        """JSON in text and in binary frames."""
        match frame:
            case Text(data):
                body = parse_once(data)
            case Binary(data):
                body = parse(data.decode(errors="replace")) if data[:1] in b"{ \n\r\t" else None
            case _:
                return plain_view(frame)
        return self.read(body, sender) if isinstance(body, dict) else plain_view(frame)

    def read(self, body: Any, sender: Sender) -> View:
        """The message's key, and what is in it where that tells more."""
        if not body and sender is Sender.SERVER:
            return View(Kind.KEEPALIVE, "empty", body)  # gemini.md#32
        keys = {_camel(key): key for key in body}
        name = next((one for one in _MESSAGES if one in keys), next(iter(keys), "empty"))
        inside = body.get(keys.get(name, ""))
        if name == "realtimeInput" and isinstance(inside, dict):
            return self._input(body, keys[name], inside)
        if name == "serverContent" and isinstance(inside, dict):
            said = {_camel(key) for key in inside}
            named = [one for one in _SAID if one in said]
            audio = _spoken(inside, keys[name])
            return View(Kind.EVENT, f"{name}.{named[0]}" if named else name, body, audio)
        return View(Kind.EVENT, name, body)

    def _input(self, body: dict[str, Any], key: str, inside: dict[str, Any]) -> View:
        for raw, told in inside.items():
            kind = _camel(raw)
            many = kind == "mediaChunks" and isinstance(told, list) and bool(told)
            value = told[0] if many else told
            place: tuple[str | int, ...] = (key, raw, 0) if many else (key, raw)
            if kind in ("audio", "mediaChunks") and isinstance(value, dict):
                mime = str(value.get("mimeType") or value.get("mime_type") or "")
                data = value.get("data")
                if mime.startswith("audio") and isinstance(data, str):
                    found = _RATE.search(mime)
                    rate = int(found[1]) if found else 16_000  # the documented default of its input
                    return View(
                        Kind.AUDIO, "realtimeInput.audio", body, Audio(base64_size(data), rate, "pcm", (*place, "data"))
                    )
                return View(Kind.EVENT, "realtimeInput.video", body)
            return View(Kind.EVENT, f"realtimeInput.{kind}", body)
        return View(Kind.EVENT, "realtimeInput", body)

    def causes(self) -> Causes:
        """Order is all there is (gemini.md#22)."""
        heard = (
            "*.inputTranscription",
            "*.interimInputTranscription",
            "*.interrupted",
            "voiceActivity*",
            "toolCallCancellation",
        )
        return Turns(heard=heard, ends=("setupComplete", "serverContent.turnComplete"))

    def independent(self, earlier: View, later: View) -> bool:
        """Results of different tool calls, and what the microphone and a tool say at the same time."""
        names = {earlier.name, later.name}
        if names == {"toolResponse"}:
            return _answered(earlier).isdisjoint(_answered(later))
        return len(names) == 2 and "toolResponse" in names and any(name.startswith("realtimeInput.") for name in names)

    def summary(self, view: View) -> str:
        """Texts, calls, and how much audio."""
        if view.audio is not None:
            return f"{view.audio.milliseconds():.0f} ms of audio"
        if "summary" in view.extra:
            return str(view.extra["summary"])
        return shorten(" ".join(_words(view.body)), 100)

    def spoken(self, view: View) -> Spoken | None:
        """A piece of a transcription, alone or beside audio (gemini.md#23), or the text of a model turn."""
        if view.name not in PIECES:
            return None
        outer = next(str(raw) for raw in view.body if _camel(raw) == "serverContent")
        inside = view.body[outer]
        keys = {_camel(raw): raw for raw in inside}
        if keys.keys() == {"inputTranscription"}:
            return spoken_at(view, (outer, keys["inputTranscription"], "text"), speaker="user", own=("finished",))
        if not keys.keys() <= {"modelTurn", "outputTranscription"}:
            return None
        if "outputTranscription" in keys:
            return spoken_at(view, (outer, keys["outputTranscription"], "text"), speaker="model", own=("finished",))
        parts = _under(inside, "modelTurn").get("parts") if isinstance(_under(inside, "modelTurn"), dict) else None
        if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], dict):
            return None
        path = (outer, keys["modelTurn"], "parts", 0, "text")
        return spoken_at(view, path, speaker="model", stream="thought" if parts[0].get("thought") else "")

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """A close with a reason, no message (gemini.md#55). 1007 is for what the client did wrong: no retry helps."""
        code = 1007 if problem.type == "invalid_request_error" else 1011
        return [Hangup(code=code, reason=close_reason(problem.message))]

    def stranger(self, name: str, event_id: str) -> dict[str, Any]:
        """What a message is, its key says; there is no type and no id."""
        return {name: {"delta": "?"}}


def _answered(view: View) -> set[str]:
    replies = _under(_under(view.body, "toolResponse"), "functionResponses")
    if not isinstance(replies, list):
        return set()
    return {str(one.get("id")) for one in replies if isinstance(one, dict)}


def _under(body: Any, name: str) -> Any:
    """What stands under a key, in either case; None where nothing does."""
    if not isinstance(body, dict):
        return None
    return next((value for key, value in body.items() if _camel(key) == name), None)


def _spoken(content: dict[str, Any], key: str) -> Audio | None:
    """The audio of a model turn. A turn of several audio parts counts whole; the path leads to the first."""
    turn = next((raw for raw in content if _camel(raw) == "modelTurn"), None)
    parts = content[turn].get("parts") if turn is not None and isinstance(content[turn], dict) else None
    size, rate, path = 0, 24_000, None
    for place, part in enumerate(parts if isinstance(parts, list) else ()):
        raw = next((one for one in part if _camel(one) == "inlineData"), None) if isinstance(part, dict) else None
        blob = part[raw] if raw is not None else None
        if not isinstance(blob, dict) or not isinstance(blob.get("data"), str):
            continue
        mime = str(blob.get("mimeType") or blob.get("mime_type") or "")
        if mime.startswith("audio"):
            found = _RATE.search(mime)
            rate = int(found[1]) if found else rate
            size += base64_size(blob["data"])
            path = path or (key, turn, "parts", place, raw, "data")
    return None if path is None else Audio(size, rate, "pcm", tuple(one for one in path if one is not None))


def _words(value: Any, key: str = "") -> list[str]:
    """Keys and short texts, as they come, without audio."""
    match value:
        case dict():
            return [
                word for name, one in value.items() for word in (_camel(name), *_words(one, name)) if name != "data"
            ]
        case list():
            return [word for one in value for word in _words(one, key)]
        case None:
            return []
        case _:
            return [shorten(str(value), 60)]


def _camel(key: str) -> str:
    if "_" not in key:
        return key
    head, *rest = key.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


GEMINI = Gemini()
