"""What stands in the place of a secret, and the forms in which a value that is known can hide."""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, quote_plus

TOKEN = re.compile(r"REDACTED-[a-z0-9]+-\d{1,9}")
"""What stands where a secret was. The number tells two secrets of one cassette apart."""
_LOOSE = ("REDACTED-rule-", "REDACTED-split-")

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
