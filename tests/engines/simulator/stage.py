"""A client of the simulator without sockets or a clock: sends events at a time, keeps what came back.

Every server event that passes here is checked strictly (``strict``), and its time and name are kept.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from mockserver import speech
from mockserver.core.frames import (
    MILLISECOND,
    Accept,
    Ask,
    Binary,
    Effect,
    Event,
    Handshake,
    Hangup,
    Micros,
    Note,
    Opened,
    Peer,
    Received,
    Refuse,
    Send,
    Text,
    Told,
)
from mockserver.core.machine import advance
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.openai.engine import Simulator
from mockserver.engines.simulator.openai.source import OpenAISource as Source
from tests.engines.simulator import strict

UNIX_US = 1_785_000_000_000_000
KEY = ("Authorization", "Bearer test-key")
SEEN: set[str] = set()
"""Names of all server events that any stage of this process has seen."""


ELSEWHERE = "(the provider's own)"


def at_home(hands: Handshake, source: Source) -> Handshake:
    """A handshake that came to the provider's own address, where it names none."""
    if hands.path != ELSEWHERE:
        return hands
    versioned = getattr(source.profile, "needs_version", False) and not hands.param("api-version")
    query = (*hands.query, ("api-version", "2025-04-01-preview")) if versioned else hands.query
    return replace(hands, path=source.at + source.dialect.socket_path, query=query)


def handshake(model: str | None = "gpt-realtime", *, key: bool = True, **query: str) -> Handshake:
    """A handshake as clients make it."""
    pairs = ((("model", model),) if model else ()) + tuple(query.items())
    return Handshake(path=ELSEWHERE, query=pairs, headers=(KEY,) if key else ())


class Stage:
    """One connection to a source. ``now`` is in milliseconds."""

    def __init__(
        self,
        source: Source | None = None,
        *,
        hands: Handshake | None = None,
        check: str | Literal[False] = "openai",
        seed: str = "0/0",
        open: bool = True,
        **settings: Any,
    ) -> None:
        self.source = source or simulator("openai", **settings)
        self.check = check
        hands = at_home(hands or handshake(), self.source)
        self.context = SessionContext(0, seed, self.source.dialect, unix_us=UNIX_US)
        self.engine: Simulator = self.source.open(hands, self.context)
        self.at: Micros = 0
        self.all: list[tuple[float, dict[str, Any]]] = []
        self.effects: list[Effect] = []
        self.notes: list[Note] = []
        self.asks: list[Ask] = []
        self._read = 0
        if open:
            self.feed(Opened(hands))

    # --- time and input ---

    def feed(self, event: Event) -> list[dict[str, Any]]:
        """Something happens now; returns the server events that come of it."""
        before = len(self.all)
        self._take(self.engine.feed(event, self.at))
        return [body for _, body in self.all[before:]]

    def send(self, name: str, /, **fields: Any) -> list[dict[str, Any]]:
        """A client event now; returns what comes at once."""
        return self.text(json.dumps({"type": name, **fields}))

    def text(self, data: str) -> list[dict[str, Any]]:
        """A text frame now."""
        return self.feed(Received(Peer.CLIENT, Text(data)))

    def binary(self, data: bytes) -> list[dict[str, Any]]:
        """A binary frame now."""
        return self.feed(Received(Peer.CLIENT, Binary(data)))

    def wait(self, ms: float) -> list[dict[str, Any]]:
        """Let time pass; returns what came."""
        before = len(self.all)
        until = self.at + round(ms * MILLISECOND)
        for due, effect in advance(self.engine, until):
            self.at = due
            self._take([effect])
        self.at = until
        return [body for _, body in self.all[before:]]

    def until(self, name: str, *, within: float = 60_000) -> dict[str, Any]:
        """Let time pass until a new event of this name has come, and no further than its instant."""
        end = self.at + round(within * MILLISECOND)
        while True:
            for place in range(self._read, len(self.all)):
                if self.all[place][1]["type"] == name:
                    self._read = place + 1
                    return self.all[place][1]
            due = self.engine.wake_at()
            if due is None or due > end:
                raise AssertionError(f"no {name} within {within} ms; came: {self.names()}")
            self.step()

    def step(self) -> None:
        """On to the next instant at which something is due."""
        due = self.engine.wake_at()
        assert due is not None, "nothing is due"
        self.at = max(self.at, due)
        self._take(self.engine.wake(self.at))

    def told(self, value: Any = None, failure: BaseException | None = None) -> list[dict[str, Any]]:
        """The awaitable that the engine asked for last has come to an end."""
        return self.feed(Told(self.asks[-1].token, value, failure))

    # --- what a client does often ---

    def say(self, text: str, **fields: Any) -> dict[str, Any]:
        """A user message; returns the item as added."""
        content = [{"type": "input_text", "text": text}]
        came = self.send(
            "conversation.item.create",
            item={"type": "message", "role": "user", "content": content},
            **fields,
        )
        added: dict[str, Any] = came[0]["item"]
        return added

    def ask(self, text: str | None = None, **response: Any) -> dict[str, Any]:
        """A user message (where given) and response.create; returns the response as it ended."""
        if text is not None:
            self.say(text)
        self._read = len(self.all)
        self.send("response.create", **({"response": response} if response else {}))
        done: dict[str, Any] = self.until("response.done")["response"]
        return done

    def update(self, **session: Any) -> list[dict[str, Any]]:
        """session.update."""
        return self.send("session.update", session={"type": "realtime", **session})

    def hear(self, pcm: bytes, *, rate: int = 24_000, chunk_ms: int = 20, width: int = 2) -> None:
        """Send audio at the pace of speech."""
        size = rate * chunk_ms // 1000 * width
        for place in range(0, len(pcm), size):
            self.wait(chunk_ms)
            audio = base64.b64encode(pcm[place : place + size]).decode()
            self.send("input_audio_buffer.append", audio=audio)

    def talk(self, text: str, *, silence_ms: int = 400) -> None:
        """Speak, then be silent for a while."""
        self.hear(speech.encode(text) + bytes(48 * silence_ms))

    # --- what came ---

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self.effects.append(effect)
            match effect:
                case Send(Peer.CLIENT, Text(data)):
                    body = json.loads(data)
                    SEEN.add(body["type"])
                    if self.check:
                        assert strict.faults(body, self.check) == [], body
                    self.all.append((self.at / MILLISECOND, body))
                case Note():
                    self.notes.append(effect)
                case Ask():
                    self.asks.append(effect)
                case Accept() | Hangup() | Refuse():
                    pass
                case _:
                    raise AssertionError(f"unexpected effect {effect}")

    @property
    def events(self) -> list[dict[str, Any]]:
        """All server events so far."""
        return [body for _, body in self.all]

    def names(self, events: Sequence[dict[str, Any]] | None = None) -> list[str]:
        """Their types, repeated ones once."""
        found: list[str] = []
        for body in self.events if events is None else events:
            if not found or found[-1] != body["type"]:
                found.append(body["type"])
        return found

    def of(self, name: str) -> list[dict[str, Any]]:
        """All events of this type."""
        return [body for body in self.events if body["type"] == name]

    def last(self, name: str) -> dict[str, Any]:
        """The last event of this type."""
        return self.of(name)[-1]

    def audio(self, response_id: str | None = None) -> bytes:
        """The audio of a response (of all of them) so far."""
        return b"".join(
            base64.b64decode(body["delta"])
            for body in self.of("response.output_audio.delta")
            if response_id in (None, body["response_id"])
        )

    def error(self) -> dict[str, Any]:
        """The last error."""
        error: dict[str, Any] = self.last("error")["error"]
        return error

    @property
    def hangup(self) -> Hangup | None:
        """How the server ended the session, if it did."""
        return next((effect for effect in self.effects if isinstance(effect, Hangup)), None)

    @property
    def conversation(self) -> list[dict[str, Any]]:
        """The server's conversation."""
        items: list[dict[str, Any]] = self.engine.inspect().values["conversation"]
        return items

    @property
    def contexts(self) -> list[Any]:
        """What the replier saw, response by response."""
        contexts: list[Any] = self.engine.inspect().values["contexts"]
        return contexts
