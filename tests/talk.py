"""A client without sockets or a clock, for tests of what reads a journal: a session with faults, and a handle on it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from mockserver import faults as known_faults
from mockserver.core.frames import Handshake, Micros, Opened, Peer, Received, Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.ledger import Ledger
from mockserver.engines.base import SessionContext, Source
from mockserver.server.sessions import SessionHandle

UNIX_US = 1_785_000_000_000_000


class Talk:
    """One client of ``source``. ``handle`` is what a server would have in ``server.sessions``."""

    def __init__(self, source: Source, *, faults: Iterable[str] = (), seed: int = 0) -> None:
        self.journal = Journal(seed=seed)
        log = self.journal.open(source.dialect)
        hands = Handshake("/v1/realtime", (("model", "gpt-realtime"),), (("authorization", "Bearer any"),))
        context = SessionContext(log.number, log.seed, log.lens, unix_us=UNIX_US)
        armed = [known_faults.parse(spec).arm(f"{seed}/{spec}") for spec in faults]
        self.session = Session(
            source.open(hands, context),
            journal=self.journal,
            log=log,
            layers=[fault.layer(log, source.dialect) for fault in armed],
        )
        if armed:
            self.session.ledger = Ledger(source.dialect)
        # Nobody pauses it, so it needs no pump.
        self.handle = SessionHandle(self.session, cast(Any, None), lambda act: act(), source.dialect)
        self.now: Micros = 0
        self.session.feed(Opened(hands), 0)

    def send(self, name: str, /, **fields: Any) -> None:
        """A client event, now."""
        frame = Text(json.dumps({"type": name, **fields}))
        self.session.feed(Received(Peer.CLIENT, frame), self.now)

    def wait(self, ms: float) -> None:
        """Let time pass."""
        self.now += round(ms * 1_000)
        self.session.wake(self.now)

    def say(self, text: str) -> None:
        """A user message."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.send("conversation.item.create", item=item)

    def ask(self, text: str | None = None, *, ms: float = 20_000, **response: Any) -> str:
        """``response.create``, after a user message where one is given; waits and returns the newest response's id."""
        if text is not None:
            self.say(text)
        self.send("response.create", response=response)
        self.wait(ms)
        return self.created[-1]["response"]["id"]

    def hand(self, sender: Sender, name: str, /, **fields: Any) -> None:
        """A frame of the test's own into the journal, as if it had crossed the wire."""
        frame = Text(json.dumps({"type": name, **fields}))
        self.journal.write(self.session.log, self.now, sender, frame)

    @property
    def created(self) -> list[dict[str, Any]]:
        """The bodies of response.created so far."""
        return self.journal.sent_by_server("response.created").bodies
