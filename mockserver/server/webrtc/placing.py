"""A call that becomes a session: what it asks of the server, and what is put around its engine. Needs no aiortc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mockserver.core.frames import Handshake
from mockserver.core.session import Session
from mockserver.dialects.base import Dialect
from mockserver.dialects.calls import CallFacts
from mockserver.dialects.ledger import Ledger
from mockserver.engines.base import CallTerms, HttpReply, ProcessPlace, Source, TakingCalls
from mockserver.engines.calls.layer import CallLayer
from mockserver.errors import ExpectationFailed
from mockserver.server.pump import Pump


class Placed:
    """A call that is to become a session. ``layer``: what stands around its engine, once it has one."""

    layer: CallLayer

    def __init__(self, calls: CallFacts, terms: CallTerms) -> None:
        self.calls = calls
        self.terms = terms

    def surround(self, session: Session, dialect: Dialect, source: Source) -> None:
        """Put the layer before everything else."""
        knows = isinstance(source, TakingCalls)
        given = None if knows or not isinstance(self.terms.session, dict) else self.terms.session
        self.layer = CallLayer(
            self.calls,
            dialect,
            session.log.seed,
            lens=session.log.lens,
            begins_with=None if given is None else self.calls.settings(given),
            clear_truncates=source.clear_truncates if isinstance(source, TakingCalls) else True,
            session=self.terms.session,
        )
        session.add_layer(self.layer, at=0)
        from mockserver.faults.media import MEDIA  # only a call needs the faults

        session.log.obeys |= {MEDIA}
        session.ledger = Ledger(dialect)


class CallHost(Protocol):
    """What calls ask of the server."""

    source: Source
    place: ProcessPlace

    @property
    def seed(self) -> int | str: ...

    @property
    def ice(self) -> tuple[str, ...]: ...

    def open(
        self, handshake: Handshake, *, outlet: Callable[..., Any], transport: str, call: Any
    ) -> Pump | HttpReply: ...

    def closed(self, pump: Pump) -> None: ...

    def complain(self, problem: ExpectationFailed) -> None: ...
