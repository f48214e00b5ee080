"""What is known of a provider's calls over WebRTC: its addresses, its data channel, and what it says there alone.

A call carries the events of the provider's websocket over a data channel, and the audio beside it, as media. Here the
session of a call speaks as on a websocket, with the audio in its frames; what differs is said by ``CallFacts``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mockserver.core.frames import Answer, Handshake, Pairs, Text, first
from mockserver.core.view import View

_OF_BODY = frozenset({"content-type", "content-length", "accept", "transfer-encoding", "expect"})
CUT_SHORT = "the SDP has lost its last line break"
"""Why an offer is refused that somebody has trimmed, which is a mistake that clients make."""
Played = Literal["started", "stopped", "cleared"]
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name=(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client asks for. ``session``: the settings in the request, as they came; None where there are none."""

    sdp: str
    session: Any = None


class CallFacts:
    """A provider's calls. Everything here is a fact of that provider's or a frame in its words."""

    path = ""  # where an offer is posted
    pages: tuple[str, ...] = ()  # other plain addresses that web pages use
    channel = ""  # label of the data channel
    prefix = ""  # of a call's id
    client_first = False  # whether a websocket's client has to speak before it is told anything
    played = True  # whether the provider says what it plays, and cuts it; False: its audio goes on and on
    hangs_up = True  # False: what hangs up a call is told to its session, as for any session

    def below(self, path: str) -> tuple[str, str] | None:
        """(id, what is asked) where ``path`` asks something of a call: ``hangup``."""
        head, slash, rest = path.partition(self.path + "/")
        ident, _, what = rest.partition("/")
        return (ident, what) if not head and slash and ident and what and "/" not in what else None

    def of_pages(self, path: str) -> bool:
        """Whether a page of another origin may use this address."""
        return path == self.path or path in self.pages or self.below(path) is not None

    def offer(self, headers: Pairs, body: bytes) -> Offer | Answer:
        """The client's offer, or why it is none, in the provider's words."""
        raise NotImplementedError

    def bad_offer(self, why: str) -> Answer:
        """An offer that nobody can answer."""
        raise NotImplementedError

    def created(self, call_id: str, sdp: str) -> Answer:
        """The answer to an offer."""
        raise NotImplementedError

    def unknown(self, call_id: str) -> Answer:
        """There is no such call, or it is over."""
        raise NotImplementedError

    def handshake(self, path: str, query: Pairs, headers: Pairs, offer: Offer) -> Handshake:
        """The request as a handshake of a websocket's session."""
        raise NotImplementedError

    def beside(self, handshake: Handshake) -> str | None:
        """The id of the call to which a second socket wants to be attached."""
        return None

    def of_client(self, headers: Pairs) -> Pairs:
        """The headers that say who asks, without those of the request's body."""
        return tuple((name, value) for name, value in headers if name.lower() not in _OF_BODY)

    def client_may(self, session: Any, view: View) -> bool:
        """Whether the client may send this over the channel. ``session``: the settings that came with the offer."""
        return True

    def client_told(self, session: Any, view: View) -> bool:
        """Whether this server event goes over the data channel."""
        return True

    # --- frames ---

    def append(self, audio: bytes) -> Text:
        """A piece of the client's audio, as a websocket's client sends it."""
        raise NotImplementedError

    def apart(self, view: View) -> bool:
        """Whether this server event is media on a call: it does not go over the data channel."""
        return view.audio is not None

    def input_sound(self, view: View) -> tuple[int, str] | None:
        """Rate and encoding of the client's audio, where this server event tells it (``core.view.Audio``)."""
        return None

    def settings(self, session: Any) -> Text | None:
        """How a websocket's client asks for the settings that came with the offer."""
        return None

    def begun(self, view: View) -> bool:
        """Whether this is the session's first event."""
        return False

    def set_up(self, view: View) -> Mapping[str, Any] | None:
        """The session that this server event tells after its settings were changed."""
        return None

    def first(self, begun: View, session: Mapping[str, Any]) -> Text:
        """The session's first event with these settings."""
        raise NotImplementedError

    # --- what is played ---

    def told(self, what: Played, response_id: str, event_id: str) -> Text | None:
        """What the provider says of the audio that it plays to the client. None: nothing."""
        return None

    def truncation(self, item_id: str, content_index: int, audio_end_ms: int) -> Text | None:
        """How a websocket's client says how much of an item was heard."""
        return None

    def speech(self, view: View) -> bool:
        """Whether this server event says that the client began to speak."""
        return False

    def interruptible(self, view: View) -> bool | None:
        """Whether speech interrupts the model, where this server event says so."""
        return None

    def clears(self, view: View) -> bool:
        """Whether the client asks for the end of what is played; no websocket has that event."""
        return False

    def spoken(self, view: View) -> str | None:
        """The id of the response that this server event ends."""
        return None


def parse_object(body: bytes) -> dict[str, Any] | None:
    """A JSON object, or None where there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def parts(headers: Pairs, body: bytes) -> dict[str, str] | None:
    """The parts of a form (RFC 7578) by name, as text; None where the body is no form. Linear in the body's length."""
    kind = first(headers, "content-type") or ""
    if not kind.lower().startswith("multipart/form-data"):
        return None
    found = _BOUNDARY.search(kind)
    if found is None:
        return {}
    mark = b"--" + (found[1] or found[2]).encode()
    named = {}
    for piece in body.split(mark)[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        disposition = next(
            (line for line in head.split(b"\r\n") if line.lower().startswith(b"content-disposition:")), b""
        )
        name = _NAME.search(disposition.decode("latin-1"))
        if name is not None:
            named[name[1] or name[2] or ""] = content.removesuffix(b"\r\n").decode(errors="replace")
    return named


def json_answer(status: int, body: Any) -> Answer:
    """An answer in JSON."""
    return Answer(status, (("content-type", "application/json"),), None, json.dumps(body).encode())
