"""``replay(...)`` and ``relay(...)``: the constructors that touch files or the environment, around the pure engines."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from mockserver.cassette.model import Cassette
from mockserver.core.frames import Handshake
from mockserver.dialects.base import Dialect, MatchRules
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.registry import DIALECTS, dialect_for, dialect_named
from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.engines.relay.source import Relay
    from mockserver.engines.replay.pacing import Pacing
    from mockserver.engines.replay.source import Replay


def replay(
    cassette: str | Path | Cassette | Sequence[str | Path | Cassette],
    *,
    pacing: str | float | Pacing = "recorded",
    rules: MatchRules | Mapping[str, Any] | None = None,
    stall_after: float = 5.0,
    on_stall: Literal["note", "close"] = "note",
    patience: float = 5.0,
    allow_unplayed: bool | str | Sequence[str] = False,
    rerecord: str | None = None,
    redact: str | Sequence[str] = (),
) -> Replay:
    """Answer from one cassette or several of one provider, given as paths or in memory.

    For the options see ``mockserver.engines.replay.source.Replay``. Client frames are redacted as a recorder
    would redact them before they are compared; ``redact`` is the user's regular expression, or several, on
    top. Raises CassetteError and UsageError.
    """
    from mockserver.cassette.store import load, redactor_for
    from mockserver.engines.replay.source import Replay

    given: Any = (cassette,) if isinstance(cassette, str | Path | Cassette) else cassette
    if not isinstance(given, Sequence) or not all(isinstance(one, str | Path | Cassette) for one in given):
        raise UsageError(f"replay: cassette={cassette!r}: expected a path, a cassette, or a list of these")
    loaded = [load(one) if isinstance(one, str | Path) else one for one in given]
    redactor = redactor_for(dialect_named(loaded[0].header.dialect), rules=redact) if loaded else None
    return Replay(
        loaded,
        pacing=pacing,
        rules=rules,
        redact=None if redactor is None else redactor.frame,
        stall_after=stall_after,
        on_stall=on_stall,
        patience=patience,
        allow_unplayed=allow_unplayed,
        rerecord=rerecord,
    )


def relay(upstream: str, *, dialect: str | Dialect | None = None, key_env: str | None = None) -> Relay:
    """Pass everything through to the real service and back.

    ``upstream`` is a provider's name ("openai"), the base URL that its clients take, or the URL of its socket.
    ``dialect`` is found from it where it is not given. ``key_env`` names an environment variable with the key that is
    added on the way to the upstream; without it the client's own key goes through. Raises UsageError.
    """
    from mockserver.engines.relay.source import Relay, checked_upstream, shown

    if not isinstance(upstream, str):
        raise UsageError(f"relay: upstream={upstream!r}: expected a provider's name or a URL")
    if "://" not in upstream:
        named = dialect_named(upstream)
        if named.upstream is None:
            raise UsageError(
                f"provider {upstream!r} has no fixed address: give its URL as the upstream, "
                f"and {upstream!r} as the dialect"
            )
        spoken = dialect_named(dialect) if isinstance(dialect, str) else dialect or named
        if isinstance(dialect, str) and spoken is not GENERIC and spoken.upstream != named.upstream:
            raise UsageError(f"relay: {upstream} does not speak {dialect!r}: leave the dialect out, or give a URL")
        dialect, upstream = spoken, named.upstream
    checked_upstream(upstream)
    if isinstance(dialect, str):
        dialect = dialect_named(dialect)
    speaks = dialect or dialect_of(upstream)
    key: str | None = None
    if key_env is not None:
        if not speaks.keys.any:
            raise UsageError(f"relay: key_env={key_env!r}: {speaks.title} has no keys; leave it out")
        key = key_in(key_env, f"the key for {shown(upstream)}")
    return Relay(upstream, speaks, key=key)


def key_in(name: str, what: str) -> str:
    """The value of a variable that holds a key. UsageError where it is not set, or could not stand in a header."""
    key = os.environ.get(name, "")
    if not key.strip():
        raise UsageError(f"the environment variable {name} is not set: it should hold {what}")
    if key != key.strip() or not key.isascii() or not key.isprintable():
        raise UsageError(
            f"the environment variable {name} holds a line break, a space at an end or other than ASCII: that is no "
            f"key; it should hold {what} and nothing else"
        )
    return key


def spoken_at(upstream: str, dialect: str | None, *, option: str = "--dialect") -> str | None:
    """The dialect's name for a recording: asked for where the URL does not say. "generic" takes any websocket.

    UsageError with the candidates and the ``option`` that names one: to take a service for one that nobody knows would
    record it without its rules.
    """
    if dialect is not None or "://" not in upstream or dialect_of(upstream) is not GENERIC:
        return dialect
    from mockserver.engines.relay.source import shown

    path = urlsplit(upstream).path.rstrip("/")
    fitting = sorted(one.name for one in DIALECTS.values() if one.base_path == path and one is not GENERIC)
    names = fitting or sorted(name for name in DIALECTS if name != GENERIC.name)
    raise UsageError(
        f"{shown(upstream)}: the URL does not say what is spoken there: give {option} {', '.join(names)}, "
        f"or {GENERIC.name} for any websocket"
    )


def dialect_of(upstream: str) -> Dialect:
    """The dialect that an upstream's URL speaks: by host and path of the socket, then by base path; else generic."""
    from mockserver.engines.relay.source import checked_upstream

    checked_upstream(upstream)
    parts = urlsplit(upstream)
    path = parts.path.rstrip("/")
    # The registry asks the special before the general. A base URL says nothing special, so the general comes first.
    known = list(reversed(DIALECTS.values()))
    by_host = [dialect for dialect in known if urlsplit(dialect.upstream or "").hostname == parts.hostname]
    found = dialect_for(Handshake(path or "/"))
    if any(path.endswith(ending) for ending in found.paths) and (not by_host or found in by_host):
        return found
    by_base = (dialect for dialect in known if path and dialect.base_path == path)
    return next(iter(by_host), None) or next(by_base, found)
