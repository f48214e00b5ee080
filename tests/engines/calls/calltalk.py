"""A call without a network, for pure tests: a session with the layer of calls around its engine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mockserver import faults as known_faults
from mockserver import speech
from mockserver.core.frames import Effect, Handshake, Media, Micros, Opened, Peer, Received, Text
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.calls import CallFacts
from mockserver.dialects.ledger import Ledger
from mockserver.engines.base import CallTerms, SessionContext, Source
from mockserver.engines.calls.layer import CallLayer
from mockserver.faults.media import MEDIA

UNIX_US = 1_785_000_000_000_000
RATE = 24_000
SESSION = {"type": "realtime", "model": "gpt-realtime"}


class CallTalk:
    """One call to ``source``. ``channel``: events, each with when it came; ``played``: the audio that went out."""

    def __init__(
        self,
        source: Source,
        *,
        session: Any = SESSION,
        faults: Iterable[str] = (),
        begins_with: Text | None = None,
        called: bool = True,
        **how: Any,
    ) -> None:
        dialect = source.dialect
        calls = dialect.calls
        assert isinstance(calls, CallFacts)
        self.calls = calls
        self.journal = Journal(seed=0)
        log = self.journal.open(dialect)
        self.dialect = dialect
        model = session.get("model") if isinstance(session, dict) else None
        hands = Handshake("/v1/realtime", (("model", model),) if model else (), (("authorization", "Bearer any"),))
        context = SessionContext(log.number, log.seed, log.lens, unix_us=UNIX_US, call=CallTerms("rtc_1", session))
        self.layer = CallLayer(calls, dialect, log.seed, begins_with=begins_with, **how)
        self.armed = [known_faults.parse(spec).arm(f"0/{spec}") for spec in faults]
        self.session = Session(
            source.open(hands, context),
            journal=self.journal,
            log=log,
            layers=[self.layer, *(fault.layer(log, dialect) for fault in self.armed)],
        )
        log.obeys = frozenset({MEDIA}) if called else frozenset()
        self.session.ledger = Ledger(dialect)
        self.now: Micros = 0
        self.effects: list[tuple[Micros, Effect]] = []
        self._did(self.session.feed(Opened(hands), 0))

    def send(self, name: str, /, **fields: Any) -> None:
        frame = Text(json.dumps({"type": name, **fields}))
        self._did(self.session.feed(Received(Peer.CLIENT, frame), self.now))

    def wait(self, ms: float, *, step_ms: float = 20) -> None:
        end = self.now + round(ms * 1_000)
        while self.now < end:
            self.now = min(end, self.now + round(step_ms * 1_000))
            self._did(self.session.wake(self.now))

    def hear(self, pcm: bytes) -> None:
        """The client speaks, in pieces of 40 ms at the speed of speech."""
        size = RATE * 2 * 40 // 1000
        for at in range(0, len(pcm), size):
            self._did(self.session.feed(Received(Peer.CLIENT, self.calls.append(pcm[at : at + size])), self.now))
            self.wait(40)

    def say(self, words: str, *, silence_ms: int = 600) -> None:
        self.hear(speech.encode(words, RATE) + bytes(RATE * 2 * silence_ms // 1000))

    def ask(self, words: str) -> None:
        content = [{"type": "input_text", "text": words}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.send("response.create")

    def _did(self, effects: Iterable[Effect]) -> None:
        self.effects += [(self.now, effect) for effect in effects]

    # --- what the client has ---

    @property
    def timed(self) -> list[tuple[float, dict[str, Any]]]:
        """What went over the channel, with milliseconds."""
        frames = [(at, getattr(effect, "frame", None)) for at, effect in self.effects]
        bodies = [(at / 1_000, json.loads(frame.data)) for at, frame in frames if isinstance(frame, Text)]
        return [(at, body) for at, body in bodies if body["type"] != "response.output_audio.delta"]

    @property
    def names(self) -> list[str]:
        return [body["type"] for _, body in self.timed]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [body for _, body in self.timed if body["type"] == name]

    def at(self, name: str) -> float:
        return next(at for at, body in self.timed if body["type"] == name)

    @property
    def media(self) -> list[str]:
        return [effect.word for _, effect in self.effects if isinstance(effect, Media)]
