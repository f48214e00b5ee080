"""What a dialect is: facts about one provider's wire.

Paths, handshakes, which fields hold ids, where audio is, how errors are worded, which variables point clients at a
server. A dialect is a stateless lens over verbatim frames (``core.view``) and never rewrites one. No code outside this
folder asks for a dialect's name; a difference between providers is a field or a function here.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from mockserver.core.frames import Binary, Close, Frame, Handshake, Hangup, Lost, Micros, Peer, Send, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps, loads, too_deep
from mockserver.core.view import Kind, Lens, Spoken, View, plain_view
from mockserver.dialects.calls import CallFacts
from mockserver.dialects.causes import Causes, InOrder
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Life, Mark, Replies, TableReplies
from mockserver.dialects.pointing import PointTarget
from mockserver.dialects.problems import WORDS, Problem, Trouble

DEEPEST = 200
"""Levels of nesting that are read; the providers' own events and tool schemas have about ten."""

_OLD_KEYS = {"key_headers": "headers", "key_params": "params", "key_subprotocols": "subprotocols", "key_env": "env"}

AudioMode = Literal["duration", "length", "exact", "ignore"]


@dataclass(frozen=True, slots=True)
class MatchRules:
    """How a live client frame is compared with a recorded one. Versioned, because a cassette keeps the ones it was made
    with.

    Paths are dotted; a step may hold ``*`` as in file names (``*_id``), ``*`` alone stands for any one step (a key or a
    list index), ``**`` for any number of steps. ``event.name:path`` holds for events of that name only. In ``volatile``
    a path ``?name`` is a query parameter of the handshake.

    ``event.name#2`` in ``optional``, ``unordered`` and ``varies`` is the second recorded frame of that name
    (``cassette.varies``). What ``mockserver learn`` finds is written so.
    """

    version: int = 1
    volatile: tuple[str, ...] = ()  # never compared
    ids: tuple[str, ...] = ()  # hold ids: compared through the table of aliases, and learned from
    maybe_ids: tuple[str, ...] = ()  # the same, but only where both values look minted (long, with digits, no spaces)
    fold_case: bool = False  # snake_case and camelCase keys are the same key
    audio: AudioMode = "duration"
    audio_slack_ms: int = 100  # so much less or more audio still counts as the same; never more than a tenth of it
    in_step: bool = False  # every server frame waits for all client frames and audio recorded before it
    optional: tuple[str, ...] = ()  # names of client events that may be added or left out; ``*`` as in file names
    varies: tuple[str, ...] = ()  # fields of single frames that may hold something else
    added: tuple[str, ...] = ()  # client frames that may come once more than recorded: "event.name = {json}"
    unordered: tuple[str, ...] = ()  # pairs of client frames that may come in either order: "one.name#1 other.name#2"


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """What the bytes of an audio stream are: samples a second and bytes a sample."""

    rate: int = 24_000
    width: int = 2

    def micros(self, size: int) -> Micros:
        """How long ``size`` bytes last."""
        return size * 1_000_000 // (self.rate * self.width)


class Dialect:
    """The defaults fit any websocket. A provider's dialect changes the fields and overrides what differs."""

    name = "generic"
    title = "any websocket"
    recorder = ""  # the tool that the tests of its own SDKs are recorded with, whose logs name no provider
    words: tuple[str, ...] = ()  # other words by which people call it, in names of files
    upstream: str | None = None  # the real service's base URL, as clients take it
    base_path = ""  # what ``server.base_url`` ends with
    transport: Literal["websocket", "event-stream"] = "websocket"  # the other: a stream of HTTP/2
    extra = ""  # of this package, with what the transport needs; "" for nothing
    socket_path = "/"  # where the socket is; ``server.ws_url`` ends with it
    socket_fields: tuple[str, ...] = ()  # fields of a plain reply that hold the socket's URL
    # Plain calls ("POST /api/calls") that tell a client where the socket is, and what they answer: a status and fields,
    # in which {ws_url} is this server's. A script answers them by itself.
    names_socket: Mapping[str, tuple[int, Mapping[str, str | None]]] = {}
    socket_hosts: tuple[str, ...] = ("*",)  # hosts that such a field may name; ``*`` as in file names
    socket_at_upstream = True  # False: only a reply says where the socket is, none is at the base URL
    paths: tuple[str, ...] = ()  # path endings by which a handshake is recognised
    env_vars: Mapping[str, str] = {}  # variable -> template with {http}, {ws} (origin), {base_url}, {ws_url}, {key}
    subprotocols: tuple[str, ...] = ()  # the ones a server selects, best first
    keys = Keys()  # where its keys stand
    calls: CallFacts | None = None  # what is known of its calls over WebRTC; None: it has none, or none is known
    harmless_headers: tuple[str, ...] = ()  # of its own, whose value a recording keeps
    points: Callable[[PointTarget], str] | None = None  # turns clients that have the address in their code; says how
    simulator: object = ""  # the room of its simulated server, in whose ``source`` it is in ``PROVIDERS``; "" for none
    rules = MatchRules()
    life = Life()  # which events mark what in the life of a reply
    problems: Mapping[Trouble, Problem] = WORDS  # what can go wrong, in the provider's words
    does: Mapping[str, str] = {}  # faults that this provider is known to do itself, and the fact that says so
    client_events: frozenset[str] = frozenset()  # every event that a client can send; empty where not known
    server_events: frozenset[str] = frozenset()  # every event of the server's
    audio_ends: tuple[str, ...] = ()  # client frames that end an utterance: there its length is compared
    # "event:path" of a moment of the client's audio: a number of milliseconds, or a text of seconds such as "1.88s".
    positions: tuple[str, ...] = ()
    floating: tuple[str, ...] = ()  # server events that it places freely among the others
    own_clock: tuple[str, ...] = ()  # those of them that come in time whatever the client does: its sound, its words
    repeated: tuple[str, ...] = ("*.delta",)  # server events in as many pieces as it likes
    minted: tuple[str, ...] = ()  # keys whose values are ids although no name says so
    of_pieces: tuple[str, ...] = ()  # fields of such a piece that tell of it alone: when it was made, how long it is
    acknowledged: Mapping[str, tuple[str, ...]] = {}  # client events -> the server events that acknowledge them
    refusals: tuple[str, ...] = ()  # server events that may come in the place of a reply that was asked for
    # Fields to show in help, each with an event that has it: what ties that to its cause, how something ended, an id,
    # an object.
    examples: Mapping[str, str] = {
        "tie": "response.metadata on {begin}",
        "outcome": 'response.status to "failed" on {end}',
        "id": "response_id on 2nd {audio}",
        "object": "response on {begin}",
    }
    peeks = False  # whether ``peek`` is its own
    text_prefix: bytes = b""  # a binary frame that begins so is a piece of a text, in UTF-8

    def __init_subclass__(cls) -> None:
        """Where keys stand was four fields once (docs/add-a-provider.md showed them); they still work."""
        cls.peeks = cls.peek is not Dialect.peek
        if old := {new: vars(cls)[name] for name, new in _OLD_KEYS.items() if name in vars(cls)}:
            told = ", ".join(f"{name}={value!r}" for name, value in old.items())
            warnings.warn(f"{cls.__name__}: say keys = Keys({told})", DeprecationWarning, stacklevel=2)
            cls.keys = replace(cls.keys, **old)

    # --- the lens ---

    @property
    def fold_case(self) -> bool:
        """Whether camelCase and snake_case name the same key."""
        return self.rules.fold_case

    def peek(self, frame: Frame, sender: Sender) -> str:
        """The view's name, as cheaply as possible."""
        return self.view(frame, sender).name

    def view(self, frame: Frame, sender: Sender) -> View:
        """A frame through the lens. JSON objects become events; anything else is opaque."""
        match frame:
            case Text(data):
                body = parse_once(data)
                return plain_view(frame) if body is None else self.read(body, sender)
            case Binary() | Close() | Lost():
                return plain_view(frame)

    def read(self, body: Any, sender: Sender) -> View:
        """The view of a parsed JSON message. Without knowing more, ``type`` or the only key is its name."""
        if not isinstance(body, dict):
            return View(Kind.EVENT, "json", body)
        kind = body.get("type")
        return View(Kind.EVENT, kind if isinstance(kind, str) else "json", body)

    def inside(self, view: View) -> str:
        """A view's name, with that of the event that it carries where it is an envelope: for comparisons."""
        return view.name

    def summary(self, view: View) -> str:
        """The few fields that matter."""
        if "summary" in view.extra:
            return str(view.extra["summary"])
        if (said := self.spoken(view)) is not None:
            return f"{clipped(said.text, 120)!r} {said.stream}".rstrip()
        return "" if view.body is None else shorten(json.dumps(view.body, ensure_ascii=False), 80)

    def spoken(self, view: View) -> Spoken | None:
        """The words that a frame is sent for. Without knowing more: a piece of a text stands under ``delta``."""
        return spoken_at(view, ("delta",))

    # --- handshakes ---

    def recognises(self, handshake: Handshake) -> bool:
        """Whether this looks like a client of the provider."""
        return any(handshake.path.endswith(ending) for ending in self.paths)

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """Whether JSON objects of a session, with who sent them, are this provider's. None: they may be."""
        return False

    def whose(self, body: Any) -> Sender | None:
        """Who sent an event whose name both sides have. None: its name alone says it, or nothing does."""
        return None

    def heard_at(self, view: View) -> Micros | None:
        """How much of the client's audio this server event speaks of, from the begin of the connection."""
        return None

    def subprotocol(self, offered: tuple[str, ...]) -> str | None:
        """The subprotocol that the provider selects of those offered; None selects none."""
        return next((name for name in self.subprotocols if name in offered), None)

    # --- the life of a reply, and which events there are ---

    def replies(self, lens: Lens | None = None) -> Replies:
        """A new tracker for one connection. ``lens``: the session's, which remembers the frame at hand."""
        return TableReplies(self.life, lens or self)

    def endable(self, lens: Lens | None = None) -> Replies:
        """The same of what the server may end as failed or incomplete, where that is not what it says aloud."""
        return self.replies(lens)

    def cancel(self, data: Mapping[str, Any]) -> Text | Binary | None:
        """How a client asks for the end of a reply: ``data["response_id"]``, else the one that is on its way.

        None where the provider has no frame for it.
        """
        return None

    def again(self, body: Any, ids: Ids) -> Any:
        """The body of a server event that is sent once more: with a new id, where events have ids."""
        return body

    def session_id(self, view: View) -> str | None:
        """The session's id, where this server event tells it."""
        return None

    def output_format(self, view: View) -> tuple[int, str] | None:
        """Rate and encoding of the model's audio, where this server event tells it (``core.view.Audio``)."""
        return None

    def example_events(self) -> dict[str, str]:
        """An event for each mark, by the mark's name in lower case, to show in help; "audio": a piece of sound; and
        fields with events (``examples``).
        """
        named = {mark.name.lower(): next(iter(self.life.names(mark)), "EVENT") for mark in Mark}
        sound = next((name for name, stream in self.life.deltas if stream == "audio"), "EVENT")
        words = next((name for name, stream in self.life.deltas if stream in ("transcript", "text")), sound)
        events = {**named, "audio": sound, "words": words}
        return {**events, **{what: text.format_map(events) for what, text in self.examples.items()}}

    def names(self, sender: Sender | None = None) -> frozenset[str]:
        """The events that are known to exist, of one side or both."""
        match sender:
            case Sender.CLIENT:
                return self.client_events
            case Sender.SERVER:
                return self.server_events
            case None:
                return self.client_events | self.server_events

    def knows(self, name: str, sender: Sender | None = None) -> bool:
        """Whether there is such an event. ``name`` may be a pattern: it is right where it fits one."""
        known = self.names(sender)
        return name in known or any(fnmatchcase(one, name) for one in known)

    def misspelt(self, name: str, sender: Sender | None = None, *, alike: float = 0.75) -> str | None:
        """The event that is probably meant; None where there is such an event, or none that is near.

        ``alike``: how much of the name has to be right, from 0 to 1. One slip of the finger is near in any case.
        """
        if self.knows(name, sender):
            return None
        known = sorted(self.names(sender))
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=1, cutoff=alike)
        return near[0] if near else next((one for one in known if one_slip(name, one)), None)

    # --- which frame answers which, for replay ---

    def causes(self) -> Causes:
        """A new tracker for one recorded connection. Without knowing more: each frame follows all before it."""
        return InOrder()

    def independent(self, earlier: View, later: View) -> bool:
        """Whether a client may send ``later`` before ``earlier`` although it was recorded after it."""
        return False

    def audio_format(self, view: View, current: SampleFormat) -> SampleFormat:
        """The format of the client's audio after this client frame, which may be one that sets it."""
        return current

    def added(self, view: View) -> list[Send | Hangup]:
        """What the provider says to an optional client frame that the recording does not hold.

        A cancel of a reply on its way never comes here: it is answered with its end (``Replies.end``).
        """
        return []

    # --- the provider's words ---

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """How the provider tells a client about a problem that ends the session."""
        return [Hangup(code=1011, reason=close_reason(f"{problem.kind}: {problem.message}"))]

    def snapshot(self, view: View) -> Mapping[str, Any]:
        """What a server frame tells that the provider repeats where it ends the session; it reaches ``refusal`` as
        ``problem.extra``. {} for other frames.
        """
        return {}

    def complaint(self, problem: Problem) -> list[Send | Hangup]:
        """How the provider tells a client about a problem that does not end the session; [] where it says nothing."""
        return []

    def stranger(self, name: str, event_id: str) -> dict[str, Any]:
        """A server event that nobody knows, worded as this provider words its own."""
        return {"type": name, "event_id": event_id, "delta": "?"}

    # --- pointing clients at a server ---

    @property
    def pointed_by(self) -> str | None:
        """The variable from which this provider's clients take an address; None where they take it as an argument."""
        return next((name for name, template in self.env_vars.items() if template != "{key}"), None)

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


def spoken_at(view: View, path: tuple[str | int, ...], **more: Any) -> Spoken | None:
    """The words at ``path``, with ``more`` for ``Spoken``; None where no text stands there, or the frame's audio."""
    here = view.body
    for step in path:
        try:
            here = here[step]
        except (LookupError, TypeError):
            return None
    heard = view.audio is not None and view.audio.path == path
    return Spoken(here, path, **more) if isinstance(here, str) and not heard else None


def one_slip(given: str, meant: str) -> bool:
    """Whether two neighbouring letters are swapped, one is missing or too many, or in a longer word is another."""
    short, long = sorted((given, meant), key=len)
    same = 0
    while same < len(short) and short[same] == long[same]:
        same += 1
    rest, of = short[same:], long[same:]
    if len(short) + 1 == len(long):
        return rest == of[1:]
    if len(short) != len(long):
        return False
    return (len(short) > 5 and rest[1:] == of[1:]) or (rest[:2] == of[:2][::-1] and rest[2:] == of[2:])


def event(body: Mapping[str, Any]) -> Send:
    """A JSON event to the client, written as OpenAI writes them: compact, not ASCII-escaped."""
    return Send(Peer.CLIENT, Text(dumps(body)))


def parse(text: str) -> Any:
    """The JSON value in ``text``, or None where it is not JSON (or too deeply nested to be read)."""
    try:
        return _reasonable(text, json.loads(text))
    except (ValueError, RecursionError):
        return None


def parse_once(text: str) -> Any:
    """The same for views, which nobody changes: of the long text that was read last, the value is the same object."""
    try:
        return _reasonable(text, loads(text))
    except (ValueError, RecursionError):
        return None


def _reasonable(text: str, value: Any) -> Any:
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


def clipped(text: str, width: int) -> str:
    """``text`` as it is, cut to ``width`` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def close_reason(text: str) -> str:
    """``text`` cut to the 123 bytes of UTF-8 that a close frame can carry (RFC 6455 section 5.5)."""
    return text.encode(errors="replace")[:123].decode(errors="ignore")
