"""What a person may be shown of a handshake: timelines and the control API print it as a cassette would hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mockserver.core.frames import Answer, Handshake
from mockserver.core.journal import Hide
from mockserver.dialects.base import Dialect

if TYPE_CHECKING:
    from mockserver.cassette.redact import Redactor


def hider(*dialects: Dialect) -> Hide:
    """Takes the secrets out of a handshake or an answer. What it needs is made when it is first asked."""
    made: list[Redactor] = []

    def hidden(what: Handshake | Answer) -> Handshake | Answer:
        if not made:
            from mockserver.cassette.store import redactor_for

            made.extend(redactor_for(dialect) for dialect in dialects)
        for one in made:
            what = one.handshake(what) if isinstance(what, Handshake) else one.answer(what)
        return what

    return hidden
