"""Phonic as a source: one conversation a connection, or the one that was lost before it."""

from __future__ import annotations

from collections.abc import Mapping

from mockserver.core.frames import SECOND, Accept, Handshake, Hangup, Refuse
from mockserver.core.ids import Ids
from mockserver.dialects.base import Dialect
from mockserver.engines import base
from mockserver.engines.answered import Answered
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.phonic.conversation import Talk
from mockserver.engines.simulator.phonic.engine import PhonicEngine
from mockserver.engines.simulator.phonic.options import PhonicOptions
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.engines.simulator.resumable import Resumable

MOST_TALKS = 1_000
"""Conversations that are remembered; the oldest makes room."""


class PhonicSource(SimulatorSource[PhonicOptions]):
    """Remembers its conversations, so that a client can come back to one."""

    def __init__(self, dialect: Dialect, options: PhonicOptions, replier: Replier) -> None:
        super().__init__(dialect, options, replier)
        self.talks: dict[str, Talk] = {}
        self._lost: Resumable[str] = Resumable()

    @property
    def default_model(self) -> str:
        """The only one that a config can name (phonic.md#2)."""
        return "merritt"

    def knows(self, model: str) -> bool:
        """The SDK knows of one (phonic.md#2)."""
        return super().knows(model) and (self.options.models is not None or model == self.default_model)

    def begin(self, handshake: Handshake, context: base.SessionContext) -> base.Engine:
        """A conversation. A bad key is refused at the upgrade (phonic.md#1)."""
        if not self.accepts(self.key_of(handshake)):
            return Answered(Refuse(401))
        wanted = handshake.param("reconnect_conv_id")
        if wanted is None:
            talk = Talk(Ids(context.rng("conversation")).mint("conv_", 24))
            if len(self.talks) >= MOST_TALKS:
                self._forget(next(iter(self.talks)))
            self.talks[talk.id] = talk
            return self._engine(talk, context, again=False)
        found = self.talks.get(wanted)
        if found is None or not self._alive(found, context.unix_us):
            return Answered(Accept(None), Hangup(code=self.options.reconnect_code))
        found.lost_at = None
        self._lost.taken_up(wanted)
        return self._engine(found, context, again=True)

    def _alive(self, talk: Talk, now: int) -> bool:
        if talk.over or talk.config is None:
            return False
        return talk.lost_at is None or now - talk.lost_at <= round(self.options.grace_s * SECOND)

    def _left(self, talk: Talk) -> None:
        """A socket is gone. A conversation that has ended is never taken up again: it is as if there had been none."""
        if talk.over:
            self._forget(talk.id)
        elif talk.id in self.talks:
            for ident in self._lost.left(talk.id, talk.items):
                del self.talks[ident]

    def _forget(self, ident: str) -> None:
        self.talks.pop(ident, None)
        self._lost.taken_up(ident)

    def _engine(self, talk: Talk, context: base.SessionContext, *, again: bool) -> PhonicEngine:
        return PhonicEngine(
            options=self.options,
            context=context,
            talk=talk,
            again=again,
            knows=self.knows,
            replier=self.replier,
            ear=self.new_ear(),
            failed=self.failed,
            left=self._left,
        )


PROVIDERS: Mapping[str, Provider] = {"phonic": Provider("phonic", PhonicOptions, PhonicSource)}
