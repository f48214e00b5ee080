"""What a dialect is: facts about one provider's wire.

Paths, handshakes, which fields hold ids, where audio is, how errors are worded, which variables point clients at a
server. A dialect is a stateless lens over verbatim frames (``core.view``) and never rewrites one. No code outside this
folder asks for a dialect's name; a difference between providers is a field or a function here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.core.frames import Binary, Close, Frame, Handshake, Hangup, Lost, Micros, Send, Sender, Text, to_client
from mockserver.core.json_text import dumps, too_deep
from mockserver.core.view import Kind, View, plain_view
from mockserver.dialects.causes import Causes, InOrder

DEEPEST = 200
"""Levels of nesting that are read; the providers' own events and tool schemas have about ten."""

AudioMode = Literal["duration", "length", "exact", "ignore"]


@dataclass(frozen=True, slots=True)
class MatchRules:
    """How a live client frame is compared with a recorded one. Versioned, because a cassette keeps the ones it was made
    with.

    Paths are dotted; a step may hold ``*`` as in file names (``*_id``), ``*`` alone stands for any one step (a key or a
    list index), ``**`` for any number of steps. ``event.name:path`` holds for events of that name only. In ``volatile``
    a path ``?name`` is a query parameter of the handshake.
    """

    version: int = 1
    volatile: tuple[str, ...] = ()  # never compared
    ids: tuple[str, ...] = ()  # hold ids: compared through the table of aliases, and learned from
    maybe_ids: tuple[str, ...] = ()  # the same, but only where both values look minted (long, with digits, no spaces)
    fold_case: bool = False  # snake_case and camelCase keys are the same key
    audio: AudioMode = "duration"
    audio_slack_ms: int = 100  # so much less or more audio still counts as the same; never more than a tenth of it
    optional: tuple[str, ...] = ()  # names of client events that may be added or left out; ``*`` as in file names


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What the bytes of an audio stream are: samples a second and bytes a sample."""

    rate: int = 24_000
    width: int = 2

    def micros(self, size: int) -> Micros:
        """How long ``size`` bytes last."""
        return size * 1_000_000 // (self.rate * self.width)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a server tells a client that went wrong, before the dialect words it."""

    kind: str  # the provider's code, e.g. "invalid_api_key", "session_expired"
    message: str
    param: str | None = None
    event_id: str | None = None  # the client's event that caused it
    type: str = "invalid_request_error"
    extra: Mapping[str, Any] = field(default_factory=dict)


class Dialect:
    """The defaults fit any websocket. A provider's dialect changes the fields and overrides what differs."""

    name = "generic"
    title = "any websocket"
    upstream: str | None = None  # the real service's base URL, as clients take it
    base_path = ""  # what ``server.base_url`` ends with
    socket_path = "/"  # where the socket is; ``server.ws_url`` ends with it
    socket_fields: tuple[str, ...] = ()  # fields of a plain reply that hold the socket's URL
    socket_hosts: tuple[str, ...] = ("*",)  # hosts that such a field may name; ``*`` as in file names
    socket_at_upstream = True  # False: only a reply says where the socket is, none is at the base URL
    paths: tuple[str, ...] = ()  # path endings by which a handshake is recognised
    env_vars: Mapping[str, str] = {}  # variable -> template with {http}, {ws} (origin), {base_url}, {ws_url}, {key}
    subprotocols: tuple[str, ...] = ()  # the ones a server selects, best first
    key_headers: tuple[str, ...] = ("authorization",)
    key_params: tuple[str, ...] = ("key", "api_key", "api-key", "token", "access_token")
    key_subprotocols: tuple[str, ...] = ()  # prefixes
    key_env: str | None = None  # where users keep the key of the real service
    rules = MatchRules()
    cancels: tuple[str, ...] = ()  # client frames that end a response on its way
    audio_ends: tuple[str, ...] = ()  # client frames that end an utterance: there its length is compared
    plain_names: tuple[str, ...] = ()  # events whose names have no dot, as far as they are known
    floating: tuple[str, ...] = ()  # server events that it places freely among the others
    repeated: tuple[str, ...] = ("*.delta",)  # server events in as many pieces as it likes
    response_asks: tuple[str, ...] = ()  # client events that a response follows
    response_begins: tuple[str, ...] = ()  # server events
    response_ends: tuple[str, ...] = ()  # server events; () where nothing tells it
    response_refusals: tuple[str, ...] = ()  # server events that may stand in the place of a response
    text_prefix: bytes = b""  # a binary frame that begins so is a piece of a text, in UTF-8

    # --- the lens ---

    def peek(self, frame: Frame, sender: Sender) -> str:
        """The view's name, as cheaply as possible."""
        return self.view(frame, sender).name

    def view(self, frame: Frame, sender: Sender) -> View:
        """A frame through the lens. JSON objects become events; anything else is opaque."""
        match frame:
            case Text(data):
                body = parse(data)
                return plain_view(frame) if body is None else self.read(body, sender)
            case Binary() | Close() | Lost():
                return plain_view(frame)

    def read(self, body: Any, sender: Sender) -> View:
        """The view of a parsed JSON message. Without knowing more, ``type`` or the only key is its name."""
        if not isinstance(body, dict):
            return View(Kind.EVENT, "json", body)
        kind = body.get("type")
        return View(Kind.EVENT, kind if isinstance(kind, str) else "json", body)

    def summary(self, view: View) -> str:
        """The few fields that matter."""
        if "summary" in view.extra:
            return str(view.extra["summary"])
        return "" if view.body is None else shorten(json.dumps(view.body, ensure_ascii=False), 80)

    # --- handshakes ---

    def recognises(self, handshake: Handshake) -> bool:
        """Whether this looks like a client of the provider."""
        return any(handshake.path.endswith(ending) for ending in self.paths)

    def subprotocol(self, offered: tuple[str, ...]) -> str | None:
        """The subprotocol that the provider selects of those offered; None selects none."""
        return next((name for name in self.subprotocols if name in offered), None)

    # --- which frame answers which, for replay ---

    def causes(self) -> Causes:
        """A new tracker for one recorded connection. Without knowing more: each frame follows all before it."""
        return InOrder()

    def independent(self, earlier: View, later: View) -> bool:
        """Whether a client may send ``later`` before ``earlier`` although it was recorded after it."""
        return False

    def audio_format(self, view: View, current: AudioFormat) -> AudioFormat:
        """The format of the client's audio after this client frame, which may be one that sets it."""
        return current

    def added(self, view: View) -> list[Send | Hangup]:
        """What the provider says to an optional client frame that the recording does not hold.

        A cancel of a response on its way never comes here: it is answered with its end
        (``dialects.openai.endings``).
        """
        return []

    # --- the provider's words ---

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """How the provider tells a client about a problem that ends the session."""
        return [Hangup(code=1011, reason=close_reason(f"{problem.kind}: {problem.message}"))]

    def complaint(self, problem: Problem) -> list[Send | Hangup]:
        """How the provider tells a client about a problem that does not end the session; [] where it says nothing."""
        return []

    # --- pointing clients at a server ---

    def env(self, *, http: str, ws: str, key: str = "mock") -> dict[str, str]:
        """Variables for clients. ``http`` and ``ws`` are origins ("http://127.0.0.1:4000")."""
        values = {
            "http": http,
            "ws": ws,
            "base_url": http + self.base_path,
            "ws_url": ws + self.socket_path,
            "key": key,
        }
        return {name: template.format_map(values) for name, template in self.env_vars.items()}


def event(body: Mapping[str, Any]) -> Send:
    """A JSON event to the client, written as OpenAI writes them: compact, not ASCII-escaped."""
    return to_client(Text(dumps(body)))


def parse(text: str) -> Any:
    """The JSON value in ``text``, or None where it is not JSON (or too deeply nested to be read)."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    # A cheap look first: few frames have so many brackets at all.
    if text.count("{") + text.count("[") > DEEPEST and too_deep(value, DEEPEST):
        return None
    return value


def base64_size(text: str) -> int:
    """How many bytes a base64 text stands for."""
    return len(text) * 3 // 4 - (2 if text.endswith("==") else 1 if text.endswith("=") else 0)


def shorten(text: str, width: int) -> str:
    """``text`` on one line, cut to ``width`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def close_reason(text: str) -> str:
    """``text`` cut to the 123 bytes of UTF-8 that a close frame can carry (RFC 6455 section 5.5)."""
    return text.encode(errors="replace")[:123].decode(errors="ignore")
