"""What a secret looks like: token patterns, and the forms in which a known value can hide.

Everything here is about *decoded* text: JSON escapes and percent-encoding are undone by ``redact`` before it asks. What
is told by where it stands is in ``fields``.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, quote_plus

TOKEN = re.compile(r"REDACTED-[a-z0-9]+-\d{1,9}")
"""What stands where a secret was. The number tells two secrets of one cassette apart."""
_LOOSE = ("REDACTED-rule-", "REDACTED-split-")

_NOT = r"(?!REDACTED-[a-z0-9]+-\d)"
_EDGE = r"(?<![A-Za-z0-9])"

PATTERNS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (kind, marker, re.compile(pattern))
    for kind, marker, pattern in (
        # OpenAI keys (sk-, sk-proj-, sk-svcacct-, sk-ant-). Short ones too: better a word lost than a key kept.
        ("key", "sk-", _EDGE + r"sk-" + _NOT + r"[A-Za-z0-9_-]{8,}"),
        # Client secrets of POST /v1/realtime/client_secrets, and what a browser's session is opened with.
        ("token", "ek_", r"(?<![A-Za-z0-9_])ek_[A-Za-z0-9_-]{8,}"),
        ("token", "sess-", _EDGE + r"sess-[A-Za-z0-9]{16,}"),
        # Google: API keys (old and new shape), Live ephemeral tokens, OAuth access tokens.
        ("key", "AIza", _EDGE + r"AIza[A-Za-z0-9_-]{20,}"),
        ("key", "AQ.", _EDGE + r"AQ\.[A-Za-z0-9_-]{30,}"),
        ("token", "auth_tokens/", r"(?<=auth_tokens/)" + _NOT + r"[A-Za-z0-9_-]{8,}"),
        ("token", "ya29.", _EDGE + r"ya29\.[A-Za-z0-9_-]{16,}"),
        ("key", "xai-", _EDGE + r"xai-(?=[A-Za-z_-]*\d)" + _NOT + r"[A-Za-z0-9_-]{20,}"),
        ("token", "eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
        ("key", "AKIA", _EDGE + r"AKIA[0-9A-Z]{16}(?![0-9A-Za-z])"),
        ("key", "ASIA", _EDGE + r"ASIA[0-9A-Z]{16}(?![0-9A-Za-z])"),
        *(("token", f"gh{letter}_", _EDGE + rf"gh{letter}_[A-Za-z0-9]{{20,}}") for letter in "pousr"),
        ("token", "github_pat_", _EDGE + r"github_pat_[A-Za-z0-9_]{20,}"),
        ("key", "PRIVATE KEY-", r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.|\n)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        ("token", "earer", r"(?<=[Bb]earer )" + _NOT + r"[A-Za-z0-9._~+/=-]{8,}"),
        ("token", "EARER", r"(?<=BEARER )" + _NOT + r"[A-Za-z0-9._~+/=-]{8,}"),
    )
)
"""Kind, a piece of text without which the pattern cannot match, the pattern."""

TOKEN_PATH = re.compile(r"secret|token|/sessions$", re.IGNORECASE)
"""Neighbours of the socket that hand out short-lived keys (``/v1/realtime/client_secrets``)."""
TOKEN_FIELD = re.compile(r'("(?:value|token|jwt)"\s*:\s*")(?!REDACTED-[a-z0-9]+-\d+")((?:[^"\\]|\\.)+)"')
"""Where such a key stands in their replies."""

_SHARED = ("-", ".", "gh")
"""Pieces that several markers have in common: without the piece a text has none of them. Most frames hold none."""


Group = tuple[str, tuple[str, ...]]
"""A piece, and markers: what is looked for has both the piece and one of the markers in it."""


def _grouped() -> Iterator[Group]:
    left = [marker for _, marker, _ in PATTERNS]
    for piece in _SHARED:
        yield piece, tuple(marker for marker in left if piece in marker)
        left = [marker for marker in left if piece not in marker]
    yield from ((marker, (marker,)) for marker in left)


_MARKERS = tuple(_grouped())


def marked(text: str, groups: tuple[Group, ...] = _MARKERS) -> bool:
    """Whether a text holds what these groups ask for; without them, whether any pattern of this module can match.

    For every frame, so a plain loop.
    """
    for piece, markers in groups:
        if piece in text:
            for marker in markers:
                if marker in text:
                    return True
    return False


PARAMETER = re.compile(r"key|token|secret|passw|credential|signature|^sig$|^auth$|authorization", re.IGNORECASE)
"""Query parameters that hold a secret, beside the dialect's own."""

SUBPROTOCOL_PREFIXES = ("openai-insecure-api-key.", "base64url.bearer.authorization.", "bearer.", "token.", "auth.")
"""Subprotocols that carry a key after a prefix, beside the dialect's own."""

KEPT_HEADERS = frozenset(
    (
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "host",
        "openai-beta",
        "openai-processing-ms",
        "openai-version",
        "origin",
        "pragma",
        "retry-after",
        "sec-websocket-extensions",
        "sec-websocket-version",
        "server",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "vary",
        "www-authenticate",
        "x-goog-api-client",
        "x-request-id",
        "x-stainless-arch",
        "x-stainless-lang",
        "x-stainless-os",
        "x-stainless-package-version",
        "x-stainless-runtime",
        "x-stainless-runtime-version",
    )
)
"""Headers whose value is kept. Of any other only the name is: nobody can list all the headers that hold a key."""

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:\w*API_?KEY|KEYS?|TOKENS?|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|CONNECTION_STRING)(?:_|\d|$)",
    re.IGNORECASE,
)
_COMMON = frozenset(
    (
        *(
            "undefined",
            "changeme",
            "password",
            "disabled",
            "required",
            "optional",
            "localhost",
            "not-needed",
            "anything",
        ),
        # Words of the protocols: a variable that holds one is no secret, and to redact it would ruin every frame.
        *(
            "realtime",
            "response",
            "session",
            "assistant",
            "conversation",
            "function",
            "message",
            "transcript",
            "arguments",
        ),
    )
)


def environment_secrets(env: Mapping[str, str]) -> list[str]:
    """The values of variables that are named like a key (``OPENAI_API_KEY``, ``DB_PASSWORD``), longest first.

    Shorter than 8 characters, all one character, or one of a few placeholders: no secret, and to redact it would
    damage ordinary text.
    """
    found = {
        value.strip()
        for name, value in env.items()
        if _SECRET_NAME.search(name) and len(set(value.strip())) > 2 and len(value.strip()) >= 8
    }
    return sorted((value for value in found if value.lower() not in _COMMON), key=lambda value: (-len(value), value))


def text_forms(value: str) -> Iterator[str]:
    """How a value stands in text: as it is, inside JSON (both ways), percent-encoded."""
    plain = json.dumps(value, ensure_ascii=False)[1:-1]
    escaped = json.dumps(value)[1:-1]
    percent = {quote(value, safe=""), quote(value), quote_plus(value)}
    yield from dict.fromkeys((value, plain, escaped, escaped.replace("/", "\\/"), *sorted(percent)))


def anchors(value: str) -> Iterator[str]:
    """Pieces of which one is in any text that holds the value, however escaped: its longest plain word will do."""
    words = sorted(re.findall(r"[A-Za-z0-9]+", value), key=len)
    if words and len(words[-1]) >= 4:
        yield words[-1]
    else:
        yield from text_forms(value)


def base64_forms(value: str) -> Iterator[str]:
    """The stretch of base64 that any data holding the value must contain, for each of the three alignments.

    Only characters that depend on nothing but the value; standard and URL alphabets.
    """
    raw = value.encode()
    for shift in range(3):
        first = -(-shift * 8 // 6)
        last = (shift + len(raw)) * 8 // 6
        core = b2a_base64(bytes(shift) + raw, newline=False).decode()[first:last]
        yield core
        if "+" in core or "/" in core:
            yield core.replace("+", "-").replace("/", "_")


def stands_for(recorded: str, live: str) -> bool:
    """Whether a text can be the recorded one: what stands as a token in that is any text of one character or more.

    Where a token stands in the live text too, it is this token alone: what follows it is text to compare. Only what a
    rule took out, or what was in pieces, may have been longer than what is known to be a secret there.
    """
    if "REDACTED-" not in recorded:
        return recorded == live
    at, done, wild = 0, 0, ""  # how far in the live text, in the recorded one; the token before this place
    for token in (*TOKEN.finditer(recorded), None):
        part = recorded[done : token.start()] if token else recorded[done:]
        if wild:
            known = None if wild.startswith(_LOOSE) else TOKEN.match(live, at)
            if known:
                at = known.end()
            elif token is None:
                at = max(at + 1, len(live) - len(part))
            else:
                at = live.find(part, at + 1)
        if at < 0 or not live.startswith(part, at):
            return False
        at += len(part)
        if token is None:
            return at == len(live)
        done, wild = token.end(), token[0]
    return False


def any_of(forms: Sequence[str]) -> re.Pattern[str] | None:
    """One pattern for all the forms, the longest first."""
    if not forms:
        return None
    return re.compile("|".join(re.escape(form) for form in sorted(set(forms), key=lambda form: (-len(form), form))))


def apart(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Left to right; of spans that touch the same characters, one that covers them all."""
    made: list[tuple[int, int, str]] = []
    for begin, end, kind in sorted(spans):
        if made and begin < made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]), made[-1][2])
        else:
            made.append((begin, end, kind))
    return made
