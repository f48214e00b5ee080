"""Dialects by name, and the one that recognises a handshake."""

from __future__ import annotations

from mockserver.core.frames import Handshake
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.openai import OPENAI
from mockserver.errors import UsageError

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (OPENAI, GENERIC)}


def dialect_named(name: str) -> Dialect:
    """The dialect of this name. UsageError where there is none."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise UsageError(f"unknown provider {name!r}: expected one of {', '.join(sorted(DIALECTS))}") from None


def dialect_for(handshake: Handshake) -> Dialect:
    """The first dialect that recognises a handshake; generic where none does."""
    return next((dialect for dialect in DIALECTS.values() if dialect.recognises(handshake)), GENERIC)
