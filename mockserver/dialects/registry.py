"""Dialects by name, and the one that recognises a handshake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mockserver.core.frames import Frame, Handshake, Sender
from mockserver.dialects.azure import AZURE, AZURE_DATED, AZURE_VOICE_LIVE
from mockserver.dialects.base import Dialect
from mockserver.dialects.elevenlabs import ELEVENLABS
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.gpt_live import GPT_LIVE
from mockserver.dialects.keys import ANY_SUBPROTOCOLS
from mockserver.dialects.nova_sonic import NOVA_SONIC
from mockserver.dialects.openai.lens import OPENAI
from mockserver.dialects.openai_beta import OPENAI_BETA
from mockserver.dialects.personaplex import PERSONAPLEX
from mockserver.dialects.phonic import PHONIC
from mockserver.dialects.ultravox import ULTRAVOX
from mockserver.dialects.xai import XAI_VOICE
from mockserver.errors import UsageError

_CLAIMS: list[Dialect] = [
    *(GPT_LIVE, AZURE_VOICE_LIVE, AZURE_DATED, AZURE, OPENAI_BETA, XAI_VOICE, OPENAI),
    *(GEMINI, ELEVENLABS, PHONIC, PERSONAPLEX, ULTRAVOX, NOVA_SONIC, GENERIC),
]
"""Who may claim a handshake first: of the family that shares ``/realtime``, those that need most to
be recognised.
"""

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _CLAIMS}

FAMILIAR = OPENAI
"""The provider whose events stand in help where nobody has said which provider is meant."""


def claim(dialect: Dialect) -> None:
    """Make a dialect known. It is asked about a handshake before the others are. UsageError where its name is taken."""
    if dialect.name in DIALECTS:
        raise UsageError(f"a provider is called {dialect.name!r} already; give yours another name")
    DIALECTS[dialect.name] = dialect
    _CLAIMS.insert(0, dialect)


def dialect_named(name: str) -> Dialect:
    """The dialect of this name. UsageError where there is none."""
    try:
        return DIALECTS[name]
    except KeyError:
        listed = ", ".join(sorted(DIALECTS))
        raise UsageError(f"unknown provider {name!r}: expected one of {listed}{meant(name, DIALECTS)}") from None


def meant(name: str, known: Iterable[str]) -> str:
    """What to add to an error about a name that is near to a known one."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def key_prefixes() -> tuple[str, ...]:
    """The prefixes of subprotocols behind which a key stands, with any provider."""
    known = (prefix for dialect in _CLAIMS for prefix in dialect.keys.secret_subprotocols)
    return (*ANY_SUBPROTOCOLS, *dict.fromkeys(known))


def speakers(said: Sequence[tuple[Sender, Any]]) -> tuple[Dialect, ...]:
    """Whose session these JSON messages are: one dialect, several that cannot be told apart by them, or none."""
    shown = [(dialect, dialect.shows(said)) for dialect in _CLAIMS]
    sure = tuple(dialect for dialect, answer in shown if answer)
    return sure[:1] or tuple(dialect for dialect, answer in shown if answer is None)


def named_in(text: str) -> list[str]:
    """The dialects whose name, or another word for them, stands in a text such as a path: the longest word first."""
    words = sorted(((word, one.name) for one in _CLAIMS for word in (one.name, *one.words)), key=lambda it: -len(it[0]))
    return [name for word, name in words if word in text]


def recorded_with(recorder: str) -> Dialect | None:
    """The provider whose SDKs are tested with this recorder."""
    return next((dialect for dialect in _CLAIMS if dialect.recorder == recorder), None)


def opens(sender: Sender, frame: Frame) -> bool:
    """Whether this is the frame with which a session of some provider begins."""
    return any(dialect.peek(frame, sender) in dialect.life.first for dialect in _CLAIMS)


def dialect_for(handshake: Handshake) -> Dialect:
    """The first dialect that recognises a handshake; generic where none does."""
    return next((dialect for dialect in _CLAIMS if dialect.recognises(handshake)), GENERIC)
