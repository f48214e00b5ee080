"""Names that hold secrets: of fields, headers, query parameters, form fields, variables. One table, any spelling.

A name is read as words (``OPENAI_API_KEY_PROD``, ``apiKey1``, ``x-api-key``: "api key"), without what only tells
several
of a kind apart. How much the name says decides what its value must look like.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

from mockserver.cassette.words import drawn, spaced, status, wordlike
from mockserver.dialects.registry import DIALECTS


class Tells(IntEnum):
    """How much a name tells about its value."""

    NOTHING = 0
    MAYBE = 1  # a value that looks drawn at random is a secret
    PERHAPS = 2  # any value but a single word: "authorization": "required"
    SURELY = 3  # any value that does not only talk about it


_CASES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_APART = frozenset(
    (
        *(
            "prod",
            "production",
            "dev",
            "devel",
            "development",
            "test",
            "testing",
            "stage",
            "staging",
            "live",
            "sandbox",
        ),
        *("local", "default", "primary", "secondary", "main", "backup", "old", "new", "current", "previous", "value"),
        *("str", "string", "raw", "plain", "plaintext", "text", "b64", "base64", "encoded", "eu", "us", "uk", "asia"),
        *(
            "a",
            "b",
            "c",
            "v",
            "env",
            "data",
            "pem",
            "again",
            "confirm",
            "confirmation",
            "repeat",
            "override",
            "header",
            "param",
        ),
    )
)
"""Words at the end of a name that tell several of a kind apart and do not change what it is."""
_ABOUT = frozenset(
    (
        *("id", "ids", "name", "names", "type", "types", "count", "counts", "length", "len", "size", "limit", "limits"),
        *(
            "prefix",
            "suffix",
            "hint",
            "url",
            "uri",
            "path",
            "file",
            "filename",
            "dir",
            "required",
            "enabled",
            "expires",
        ),
        *(
            "expiry",
            "expiration",
            "ttl",
            "at",
            "in",
            "policy",
            "reset",
            "manager",
            "strength",
            "format",
            "field",
            "index",
        ),
        *("usage", "details", "budget", "rate", "cost", "price", "label", "title", "description", "version", "status"),
        *("endpoint", "location", "algorithm", "alg", "scheme", "scope", "scopes", "provider", "source", "changed"),
        *("date", "time", "per", "used", "left", "remaining", "max", "min", "total", "and", "or", "is", "for", "of"),
    )
)
"""Words at the end of a name that make it a name of something else: ``api_key_id``, ``token_count``."""

_SURE = re.compile(
    r".*(?:secret|passw(?:or)?d|passphrase|passcode|connectionstring|passwort)s?|secret(?:value|string)|"
    r".*(?:api|access|secret|private|auth|session|signing|encryption|subscription|shared|account|storage|master|"
    r"service|functions|license|hmac|signature|webhook|decryption|deploy|admin|consumer|ephemeral|servicerole|client)keys?|"
    r"secretaccess|.*(?:seed|recovery|mnemonic)phrase|.*contrasena|.*kennwort|(?:mot)?depasse|samlresponse|idtokenhint|"
    r".*keypem|.*connstr|.*privatepem|"
    r".*psk|"
    r"(?:.*(?:access|refresh|auth|session|bearer|security|api|oauth|jwt|csrf|xsrf|secret)|id)tokens?|"
    r"clientassertion|codeverifier|(?:proxy|x)authorization|apikeyauth|sastoken"
)
_PERHAPS = re.compile(
    r".*(?:credential|cookie|jwt)s?|authorization|bearer|x?auth|.*(?:pwd|passw)|"
    r"(?:db|smtp|user|my|root|admin|ftp|http|login|proxy|sudo|ssh|store|key|trust)?pass|"
    r"mnemonic"
)
"""Of these a word or a path is no secret: ``"authorization": "required"``, ``"pwd": "/home/me"``."""
_MAYBE = re.compile(
    r"(?!(?:.*(?:page|sync)|next|continuation|progress|resume|cursor|[be]os|pad|unk|sep|cls|mask|stop|start|end|first|last)"
    r"tokens?$).*tokens?|sig|signature|.*signature|otp|totp"
)
"""Any other token, but for those of paging and of tokenizers."""
_PARAMETER = re.compile(
    r"(?:x?amz)?(?:keys?|sig|signature|auth|pass|pwd|jwt|cookies?|bearer|token|authorization|jsessionid|phpsessid)|.*signature"
)
"""Query parameters, whatever their value: nobody writes words there. Whole ones: ``keyword`` and ``sort_key`` are
none.
"""
SHORTEST = 8
"""A value is drawn at random only from so many characters on."""
_PATH = re.compile(r"(?:~|\.{0,2})?/|[A-Za-z]:[\\/]|https?://")

MARKS = (
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "auth",
    "credential",
    "cookie",
    "jwt",
    "bearer",
    "connection",
    "sig",
    "verifier",
    "assertion",
    "mnemonic",
    "phrase",
    "saml",
    "psk",
    "hmac",
    "xsrf",
    "pem",
    "connstr",
    "conn_str",
)
"""Of each name that tells something one is a part, in lower case."""


NEAR_MARKS = ("code", "pw")
"""The same for names that only hint. These are parts of many words, so that they alone start no search."""
_HINTS = re.compile(
    r"(?!(?:.*(?:public|primary|foreign|sort|partition|cache|idempotency|routing|group|row|object|hot|mon|lookup|hash|range|"
    r"shard|message|event|feature|flag|project|item|map|config|translation|i18n|dedup|dedupe|deduplication|unique|"
    r"composite|index|column|field|label|track|node|arrow|modifier|shortcut|search|musical|websocket|accept|metadata|"
    r"turn|trace|sequence|order|ordering|join|dict|s3|file|image|media|blob|resource|tenant|registry|issue|ssh\w*public))keys?$).+keys?|"
    r"(?:.*(?:device|auth|authorization|recovery|backup|login|pairing|activation)codes?)|.*pw|"
    r".*(?:hmac|xsrf|secretid|assertion|[a-z]auth|otp)"
)
"""Names of which the value is a secret where it looks drawn at random, and is long."""


@lru_cache(maxsize=4096)
def hinted(name: str) -> bool:
    """Whether a name only hints at a secret: ``stream_key``, ``device_code``."""
    words = [word.lower() for word in _CASES.findall(name)]
    while len(words) > 1 and (words[-1] in _APART or words[-1].isdigit()):
        words.pop()
    return _HINTS.fullmatch("".join(words)) is not None


_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")


@lru_cache(maxsize=4096)
def tells(name: str) -> Tells:
    """How much a name of any spelling tells."""
    if "\\" in name:
        name = _UNICODE.sub(lambda match: chr(int(match[1], 16)), name)
    low = name.lower()
    if len(name) > 100 or not any(mark in low for mark in (*MARKS, "otp")):
        return Tells.NOTHING
    words = [word.lower() for word in _CASES.findall(name)]
    made = _of("".join(word for word in words if not word.isdigit()))
    kept = list(words)
    while len(kept) > 1 and (kept[-1] in _APART or kept[-1].isdigit()):
        kept.pop()
    if made is Tells.NOTHING and len(kept) < len(words):
        made = _of("".join(kept))
    if made is Tells.NOTHING and kept and kept[-1] not in _ABOUT:
        # What stands behind it is not known: then the value has to look like one.
        for end in range(len(kept) - 1, 0, -1):
            if _of("".join(kept[:end])) is Tells.SURELY and kept[end] not in _ABOUT:
                return Tells.MAYBE
    return made


def _of(plain: str) -> Tells:
    if _PERHAPS.fullmatch(plain):
        return Tells.PERHAPS
    if _SURE.fullmatch(plain):
        return Tells.SURELY
    return Tells.MAYBE if _MAYBE.fullmatch(plain) else Tells.NOTHING


@lru_cache(maxsize=4096)
def parameter(name: str) -> bool:
    """Whether a query parameter or a form's field holds a secret, whatever it looks like."""
    plain = "".join(_CASES.findall(name)).lower()
    return tells(name) >= Tells.PERHAPS or _PARAMETER.fullmatch(plain) is not None


_TICKETS = frozenset(
    ("code", "t", "ticket", "st", "sid", "session", "sessionid", "state", "nonce", "signed", "hash", "refresh")
)


TICKET = 16  # so long is what lets one in, at the least, under a name that says little


def lets_in(name: str, value: str) -> bool:
    """Whether a query parameter that may hold anything holds what lets one in: it is long, and drawn at random."""
    return (name.lower() in _TICKETS or hinted(name)) and drawn(value, TICKET)


def hides(name: str) -> bool:
    """Whether a query parameter or a header may hold a secret: for what is told to people, or sent to strangers."""
    return parameter(name) or tells(name) > Tells.NOTHING


def is_secret(name: Tells, value: str) -> bool:
    """Whether a value is a secret under a name that tells so much."""
    if name is Tells.NOTHING or not value or status(value):
        return False
    if name is Tells.SURELY:
        return True
    if name is Tells.PERHAPS:
        if " " in value.strip():
            return True
        return not (wordlike(value) or _PATH.match(value))
    if len(value) < SHORTEST or spaced(value):
        return False
    return not (wordlike(value) or _PATH.match(value) or value.startswith("<"))


KEPT_HEADERS = frozenset(
    (
        *("accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-encoding"),
        *(
            "content-length",
            "content-type",
            "date",
            "host",
            "origin",
            "pragma",
            "retry-after",
            "sec-websocket-extensions",
            "sec-websocket-version",
            "server",
        ),
        *(
            "transfer-encoding",
            "upgrade",
            "user-agent",
            "vary",
            "www-authenticate",
            "x-request-id",
        ),
        *("x-stainless-arch", "x-stainless-lang", "x-stainless-os", "x-stainless-package-version"),
        *("x-stainless-runtime", "x-stainless-runtime-version"),
    )
)
"""Headers whose value is kept, beside each provider's harmless ones. Of any other only the name is: nobody can list all
that hold a key."""


def kept_header(name: str) -> bool:
    """Whether the value of a header (its name in lower case) is known to be harmless."""
    return (
        name in KEPT_HEADERS
        or name.startswith("x-ratelimit-")
        or any(name in dialect.harmless_headers for dialect in DIALECTS.values())
    )


SUBPROTOCOL_NAMES = frozenset(
    (
        *("token", "bearer", "auth", "authorization", "jwt", "apikey", "api-key", "api_key", "access_token", "key"),
        *("access-token", "x-api-key", "basic", "secret", "password"),
    )
)
"""Subprotocols after which the next one is a key: ``new WebSocket(url, ["token", KEY])``."""

LONGEST_PROTOCOL = 20
"""What is as long and drawn at random names no protocol."""


def behind(subprotocol: str) -> int | None:
    """Where a key begins in a subprotocol: behind one of these words (``bearer-KEY``, ``token:KEY``), or at once."""
    for at, char in enumerate(subprotocol[:24]):
        if char in "-_.:=" and subprotocol[:at].lower() in SUBPROTOCOL_NAMES and drawn(subprotocol[at + 1 :], SHORTEST):
            return at + 1
    return 0 if "." not in subprotocol and drawn(subprotocol, LONGEST_PROTOCOL) else None
