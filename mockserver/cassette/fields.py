"""Secrets that are told by where they stand, whatever they look like: the value of a field (``"api_key": "..."``), of a
header inside a ``headers`` object, of a query parameter in a URL, a password in front of its host.

Names are compared without case, ``-``, ``_``, ``.`` and spaces. All of it is about *decoded* text, like ``patterns``,
and works on a piece of JSON as on a whole one: a text may begin and end anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from mockserver.cassette import patterns
from mockserver.cassette.patterns import KEPT_HEADERS, TOKEN

_SECRET = re.compile(
    r".*(?:secret|passw(?:or)?d|passphrase|passcode|credentials?|cookies?|connectionstring)|secret(?:value|string)|"
    r".*(?:api|access|secret|private|auth|session|signing|encryption|subscription|shared|account|storage|master|"
    r"service|functions|license)key|"
    r"(?:.*(?:access|refresh|auth|session|bearer|security|api|oauth|jwt|csrf|xsrf|secret)|id)token|"
    r"(?:proxy|x)?authorization|jwt|bearer"
)
"""Whole names, plain: without case and separators."""
_TOKEN_NAME = re.compile(
    r"(?!(?:.*(?:page|sync)|next|continuation|progress|resume|cursor|[be]os|pad|unk|sep|cls|mask|stop|start|end|first|last)"
    r"token$).*token"
)
"""Any other token, but for those of paging and of tokenizers; of these, a short value is no secret."""
SHORTEST_TOKEN = 8
_PARAMETER = re.compile(r"(?:x?-?amz-?)?(?:key|sig|signature|auth|authkey|pass|pwd|code_?verifier)|.*signature")
"""Names of query parameters, beside those of fields. Whole ones: ``keyword`` and ``sort_key`` are none."""
BLANK = "\ue000"
"""Stands for what was taken out while one looks for more. No control character: JSON in JSON stays whole."""
NEAR = 1_000
"""So far from a word its probability may stand: its bytes come between."""
_PLAIN = str.maketrans("", "", "-_. ")

_NAME = r'"([\w.\- ]{2,80})"\s*:\s*'
_VALUE = r'"([^"\\]*(?:\\.[^"\\]*)*)("|\\?\Z)'
_MEMBER = re.compile(_NAME + _VALUE, re.DOTALL | re.ASCII)
_CLIENT_SECRET = re.compile(r'"client[-_ ]?secret"\s*:\s*\{[^{}]*?"value"\s*:\s*' + _VALUE, re.DOTALL | re.IGNORECASE)
"""OpenAI's ``client_secret.value``."""
_HEADERS = re.compile(
    r'"(?:(?:http|extra|request|response|default|custom|additional|auth|server)[_\- ]?)?headers"\s*:\s*\{',
    re.IGNORECASE,
)
"""Not those of a table (``column_headers``)."""
_JSON = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)("|\\?\Z)(\s*:)?|[{}\[\]]', re.DOTALL)
_TYPES = frozenset(("object", "string", "array", "null", "boolean", "number", "integer"))

_MARKS: tuple[patterns.Group, ...] = (
    # Nearly every name ends with one of these; inside a JSON string its closing quote is escaped.
    ("key", ('key"', "key\\")),
    ("token", ('token"', "token\\")),
    *((mark, (mark,)) for mark in ("secret", "pass", "authorization", "credential", "cookie", "headers", "bearer")),
    *((mark, (mark,)) for mark in ("jwt", "connection")),
    ("://", ("@", "?", "#")),
    (":\\/", ("@", "?", "#")),
)
"""Pieces of which one is in every text that holds something of this module; in lower case."""

_URL = re.compile(r"(?<=[A-Za-z][A-Za-z0-9+.-])://([^\s\"'<>`]+)")
_QUERY = re.compile(r"(?<=[?&#;])([^=&#?;]{1,200})=([^&#]+)")


class Found(NamedTuple):
    """A secret: where it begins and ends in the text, its kind, where what gives it away begins. ``open``: the text
    ends before it does.
    """

    begin: int
    end: int
    kind: str
    start: int
    open: bool


def marked(text: str) -> bool:
    """Whether anything of this module can be in a text."""
    return patterns.marked(text.lower(), _MARKS)


def kept_header(name: str) -> bool:
    """Whether the value of a header (its name in lower case) is known to be harmless."""
    return name in KEPT_HEADERS or name.startswith("x-ratelimit-")


@lru_cache(maxsize=4096)
def _shortest(name: str) -> int:
    """From how many characters on the value of a field is a secret; 0 for an ordinary field."""
    plain = name.translate(_PLAIN).lower()
    if _SECRET.fullmatch(plain):
        return 1
    return SHORTEST_TOKEN if _TOKEN_NAME.fullmatch(plain) else 0


def parameter(name: str) -> bool:
    """Whether a query parameter inside a frame holds a secret."""
    return _shortest(name) > 0 or _PARAMETER.fullmatch(name.lower()) is not None


def found(text: str) -> list[Found]:
    """The values of fields and headers that are secrets, left to right."""
    if '"' not in text:
        return []
    made: dict[int, Found] = {}
    for one in (*_members(text), *_headers(text)):
        made.setdefault(one.begin, one)
    return [made[begin] for begin in sorted(made)]


def _members(text: str) -> Iterator[Found]:
    for match in _MEMBER.finditer(text):
        shortest = _shortest(match[1])
        if shortest and not (shortest > 1 and _probability(text, match.start(), match.end())):
            yield from _value(text, match, 2, "field", shortest)
    for match in _CLIENT_SECRET.finditer(text):
        yield from _value(text, match, 1, "field", 1)


def _value(text: str, match: re.Match[str], group: int, kind: str, shortest: int, start: int = -1) -> Iterator[Found]:
    """What is in the quotes, if it is long enough and no token. Of what is cut the length is not known."""
    cut = match[group + 1] != '"'
    begin, end = match.start(group), len(text) if cut else match.end(group)
    if shortest > 1 and any(char.isspace() for char in match[group]):
        return  # a value with a space in it is words, not a token
    if cut or (end - begin >= shortest and not blank(text[begin:end])):
        yield Found(begin, end, kind, match.start() if start < 0 else start, cut)


def blank(value: str) -> bool:
    """Whether this is no secret any more."""
    return not value.strip(f"\0{BLANK}") or TOKEN.fullmatch(value) is not None


def _probability(text: str, begin: int, end: int) -> bool:
    """Whether a ``token`` is a word with its probability (OpenAI's ``logprobs``)."""
    before, after = text[max(begin - NEAR, 0) : begin], text[end : end + NEAR]
    return '"logprob"' in before.rpartition("{")[2] or '"logprob"' in after.partition("}")[0]


def _headers(text: str) -> Iterator[Found]:
    past = 0
    for match in _HEADERS.finditer(text):
        if match.start() >= past:  # one inside another has been read with it
            past, made = _of_headers(text, match.start(), match.end())
            yield from made


def _of_headers(text: str, start: int, at: int) -> tuple[int, list[Found]]:
    """Where an object ends, and the strings under it, as headers; none where it is the JSON schema of one."""
    made: list[Found] = []
    http = False  # a table has headers too
    within, name, value_next, end = ["{"], "", False, len(text)
    for match in _JSON.finditer(text, at):
        mark = text[match.start()]
        if mark in "{[":
            within.append(mark)
        elif mark != '"':
            within.pop()
            if not within:
                end = match.end()
                break
        elif match[3]:
            name = match[1].lower()
            http = http or "-" in name or kept_header(name) or _shortest(name) > 0
            if name.startswith("$"):
                return match.end(), []
        elif value_next or within[-1] == "[":
            if name == "type" and match[1] in _TYPES:
                return match.end(), []
            if not kept_header(name):
                made += _value(text, match, 1, "header", 1, start)
        value_next = match[3] is not None
    return end, made if http else []


def url_spans(text: str, secret: Callable[[str], bool]) -> Iterator[tuple[int, int, str]]:
    """What stands for user and password in the URLs of a text, and the values of parameters that ``secret`` names."""
    for url in _URL.finditer(text):
        begin, rest = url.start(1), url[1]
        login = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[0]
        if login and not blank(login):
            yield begin, begin + len(login), "url"
        for match in _QUERY.finditer(text, begin, url.end()):
            value = match[2].rstrip(")]}.,;!\\")
            if value and not blank(value) and secret(unquote(match[1])):
                yield match.start(2), match.start(2) + len(value), "param"
