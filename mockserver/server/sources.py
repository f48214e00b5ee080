"""``replay(...)`` and ``relay(...)``: the constructors that touch files or the environment, around the pure engines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mockserver.core.frames import Handshake
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS, dialect_for, dialect_named
from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.cassette.model import Cassette
    from mockserver.engines.relay import Relay
    from mockserver.engines.replay import Replay


def replay(cassette: str | Path | Cassette, **options: Any) -> Replay:
    """Answer from a cassette, given as a path or in memory. For the options see ``mockserver.engines.replay.Replay``."""
    from mockserver.engines.replay import Replay

    if isinstance(cassette, str | Path):
        from mockserver.cassette.store import load

        cassette = load(cassette)
    return Replay(cassette, **options)


def relay(upstream: str, *, dialect: str | Dialect | None = None, key_env: str | None = None) -> Relay:
    """Pass everything through to the real service and back.

    ``upstream`` is a provider's name ("openai"), the base URL that its clients take, or the URL of its socket.
    ``dialect`` is found from it where it is not given. ``key_env`` names an environment variable with the key that is
    added on the way to the upstream; without it the client's own key goes through. Raises UsageError.
    """
    from mockserver.engines.relay import Relay

    if "://" not in upstream:
        named = dialect_named(upstream)
        if named.upstream is None:
            raise UsageError(
                f"provider {upstream!r} has no fixed address: give its URL as the upstream, and {upstream!r} as the dialect"
            )
        dialect, upstream = dialect or named, named.upstream
    if isinstance(dialect, str):
        dialect = dialect_named(dialect)
    key: str | None = None
    if key_env is not None:
        key = os.environ.get(key_env)
        if not key:
            raise UsageError(f"the environment variable {key_env} is not set: it should hold the key for {upstream}")
    return Relay(upstream, dialect or dialect_of(upstream), key=key)


def dialect_of(upstream: str) -> Dialect:
    """The dialect that an upstream's URL speaks: by host, then by socket path, then by base path; generic otherwise."""
    parts = urlsplit(upstream)
    known = [dialect for dialect in DIALECTS.values() if dialect.upstream]
    for dialect in known:
        if urlsplit(dialect.upstream or "").hostname == parts.hostname:
            return dialect
    path = parts.path.rstrip("/")
    found = dialect_for(Handshake(path or "/"))
    if any(path.endswith(ending) for ending in found.paths):
        return found
    return next((dialect for dialect in DIALECTS.values() if path and dialect.base_path == path), found)
