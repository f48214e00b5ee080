"""A client of the simulator without sockets or a clock: sends events at a time, keeps what came back.

Every server event that passes here is checked strictly (``strict``), and its time and name are kept.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from mockserver import speech
from mockserver.core.frames import Handshake
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.openai.source import OpenAISource as Source
from tests.engines.simulator import strict
from tests.engines.simulator.caller import Caller

KEY = ("Authorization", "Bearer test-key")


ELSEWHERE = "(the provider's own)"


def at_home(hands: Handshake, source: Source) -> Handshake:
    """A handshake that came to the provider's own address, where it names none."""
    if hands.path != ELSEWHERE:
        return hands
    versioned = getattr(source.profile, "version", "") == "needed" and not hands.param("api-version")
    query = (*hands.query, ("api-version", "2025-04-01-preview")) if versioned else hands.query
    return replace(hands, path=source.at + source.dialect.socket_path, query=query)


def handshake(model: str | None = "gpt-realtime", *, key: bool = True, **query: str) -> Handshake:
    """A handshake as clients make it."""
    pairs = ((("model", model),) if model else ()) + tuple(query.items())
    return Handshake(path=ELSEWHERE, query=pairs, headers=(KEY,) if key else ())


class Stage(Caller):
    """One connection to a source of the OpenAI family."""

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
        made = source or simulator("openai", **settings)
        hands = at_home(hands or handshake(), made)

        def wrong(body: dict[str, Any]) -> list[str]:
            return strict.faults(body, check) if check else []

        super().__init__(made, hands, check=wrong, seed=seed, open=open)

    def send(self, name: str, /, **fields: Any) -> list[dict[str, Any]]:
        """A client event now; returns what comes at once."""
        return self.put({"type": name, **fields})

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

    @property
    def all(self) -> list[tuple[float, dict[str, Any]]]:
        """All server events so far, each with its time in ms."""
        return self.timed

    def names(self, events: Sequence[dict[str, Any]] | None = None) -> list[str]:
        """Their types, repeated ones once."""
        found: list[str] = []
        for body in self.events if events is None else events:
            if not found or found[-1] != body["type"]:
                found.append(body["type"])
        return found

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
    def conversation(self) -> list[dict[str, Any]]:
        """The server's conversation."""
        items: list[dict[str, Any]] = self.engine.inspect().values["conversation"]
        return items

    @property
    def contexts(self) -> list[Any]:
        """What the replier saw, response by response."""
        contexts: list[Any] = self.engine.inspect().values["contexts"]
        return contexts
