"""Secrets that are told by the objects and lists around them: ``"api_key": ["..."]``, ``"password": {"value": "..."}``,
``{"name": "Authorization", "value": "..."}``, and headers as an object, a list of objects, of pairs, of lines, of
names and
values in turn.

A text is read once, from left to right. What is no whole document is read as far as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mockserver.cassette.decode import BORDER
from mockserver.cassette.pairs import Found, blank, header_line, kept
from mockserver.cassette.secret_names import Tells, is_secret, tells
from mockserver.cassette.words import wordlike
from mockserver.core.yielding import yielding

_HEADERS = re.compile(
    r"(?:(?:http|extra|request|response|default|custom|additional|auth|server|raw|multivalue|multi)[_\- ]?)?"
    r"headers(?:[_\- ]?(?:list|map))?",
    re.IGNORECASE,
)
"""Not those of a table (``column_headers``)."""
_TOKENS = re.compile(
    rf'"([^"\\{BORDER}]*(?:\\.[^"\\{BORDER}]*)*)("|\\?\Z|(?={BORDER}))([ \t\r\n]{{0,64}}:)?|[{{}}\[\]{BORDER}]',
    re.DOTALL,
)
_OPENS = re.compile(
    r'"((?:[\w.\- ]|\\u[0-9a-fA-F]{4}){2,80})"\s{0,64}:\s{0,64}[\[{]|\[\s{0,64}"([\w.\- ]{2,80})"\s{0,64},', re.ASCII
)
_PAIRED = re.compile(r'"(?:value|values|val|content|secret|data|\w{3,9}value|kty)"\s{0,64}:', re.IGNORECASE)
_TYPES = frozenset(("object", "string", "array", "null", "boolean", "number", "integer"))
_NAME_KEYS = frozenset(
    (
        *("name", "key", "header", "headername", "field", "param", "parameter", "variable", "var", "k", "n"),
        *("parametername", "paramname", "fieldname", "variablename", "secretname"),
    )
)
_VALUE_KEYS = frozenset(
    (
        *("value", "values", "val", "content", "secret", "data", "v", "headervalue"),
        *("parametervalue", "paramvalue", "fieldvalue", "variablevalue", "secretvalue"),
    )
)
_KEY_PARTS = frozenset(("d", "p", "q", "dp", "dq", "qi", "k"))
"""The members of a JSON Web Key that are secret: RFC 7518, section 6."""
SHORTEST_KEY_PART = 16
_SECRET_TYPES = frozenset(("securestring", "secret", "password"))
_ASIDE = frozenset(
    (
        *(
            "id",
            "name",
            "type",
            "object",
            "title",
            "description",
            "format",
            "kind",
            "provider",
            "scheme",
            "in",
            "label",
        ),
        *("created_at", "expires_at", "status", "url", "username", "user", "email", "project_id", "client_id", "role"),
        *(
            "client_email",
            "client_x509_cert_url",
            "auth_uri",
            "token_uri",
            "universe_domain",
            "private_key_id",
            "pattern",
        ),
        *("default", "example", "examples", "hint", "message", "error", "code", "enum", "required", "ref", "location"),
    )
)
"""Under a name that holds a secret these say something about it."""


@dataclass(slots=True)
class _Box:
    """An object or a list that has begun."""

    is_list: bool
    tells: Tells = Tells.NOTHING
    headers: bool = False
    top: bool = False  # the outermost one of headers
    schema: bool = False  # it describes what may stand there
    http: bool = False  # a table has headers too
    web_key: bool = False
    parts: list[tuple[int, int, bool]] = field(default_factory=list)  # secret where it is a JSON Web Key
    sensitive: bool = False  # its type says so
    values: bool = False  # a list of the values of one header
    key: str = ""
    name: str = ""
    value: tuple[int, int, bool, str] | None = None
    last: tuple[str, int] | None = None  # the string before, and how many there were
    start: int = 0
    made: list[Found] = field(default_factory=list)


def marked(text: str, low: str) -> bool:
    """Whether it is worth to read a text for this."""
    if "{" not in text and "[" not in text:
        return False
    if "header" in low or _PAIRED.search(text):
        return True
    return any(tells(match[1] or match[2]) for match in yielding(_OPENS.finditer(text)))


def found(text: str) -> Iterator[Found]:
    """The secrets, in no particular order."""
    boxes: list[_Box] = [_Box(is_list=True)]
    made: list[Found] = []
    for match in yielding(_TOKENS.finditer(text)):
        mark = text[match.start()]
        if mark == '"':
            if match[3]:
                _key(boxes[-1], match[1])
            else:
                cut = match[2] != '"' and match.end() == len(text)
                _value(boxes[-1], match[1], match.start(1), len(text) if cut else match.end(1), cut)
        elif mark in "{[":
            boxes.append(_inside(boxes[-1], mark == "[", match.start()))
        elif mark == BORDER:
            _end(boxes, made, 1)
            boxes[0] = _Box(is_list=True)
        elif len(boxes) > 1:
            _end(boxes, made, len(boxes) - 1)
    _end(boxes, made, 1)
    return iter([*made, *boxes[0].made])


def _inside(box: _Box, is_list: bool, at: int) -> _Box:
    key = box.key if not box.is_list else ""
    told = tells(key) if key else Tells.NOTHING
    inner = _Box(is_list=is_list, start=at)
    low = key.lower()
    if key and _HEADERS.fullmatch(key):
        inner.headers, inner.top = True, not box.headers
    elif box.headers:
        inner.values = is_list and bool(key) and low not in _NAME_KEYS and low not in _VALUE_KEYS
        inner.headers = not (inner.values and kept(low))
    inner.tells = told or (box.tells if low not in _ASIDE else Tells.NOTHING)
    box.key = ""
    return inner


def _key(box: _Box, key: str) -> None:
    box.key = key
    if key.startswith("$"):
        box.schema = True
    if box.headers and not box.is_list:
        low = key.lower()
        box.http = box.http or "-" in low or kept(low) or tells(key) > Tells.NOTHING


def _value(box: _Box, value: str, begin: int, end: int, cut: bool) -> None:
    if box.is_list:
        _item(box, value, begin, end, cut)
        return
    key, low = box.key, box.key.lower()
    box.key = ""
    if low == "type" and value in _TYPES:
        box.schema = True
    if low == "type" and value.lower() in _SECRET_TYPES:
        box.sensitive = True
    if low == "kty":
        box.web_key = True
    elif key in _KEY_PARTS and len(value) >= SHORTEST_KEY_PART:
        box.parts.append((begin, end, cut))
    if low in _NAME_KEYS and not box.name:
        box.name = value
    elif low in _VALUE_KEYS and box.value is None:
        box.value = (begin, end, cut, value)
    if blank(value):
        return
    if box.headers:
        if not kept(low) and not (low in _NAME_KEYS or low in _VALUE_KEYS) and value:
            box.made.append(Found(begin, end, "header", box.start, cut, "a header"))
    elif box.tells and low not in _ASIDE and key and not key.startswith("$") and is_secret(box.tells, value):
        box.made.append(Found(begin, end, "field", box.start, cut, "the name of what it is in"))


def _item(box: _Box, value: str, begin: int, end: int, cut: bool) -> None:
    last, count = box.last or ("", 0)
    box.last = (value, count + 1)
    if blank(value) or not value:
        return
    if box.values and box.headers:
        box.made.append(Found(begin, end, "header", box.start, cut, "a header"))
    elif box.headers:
        line = header_line(value)
        if line is not None:
            box.http = box.http or "-" in line[0] or kept(line[0]) or tells(line[0]) > Tells.NOTHING
            if not kept(line[0]):
                box.made.append(Found(begin + line[1], end, "header", box.start, cut, "a header's line"))
        elif not box.tells and count % 2 and _is_header(last) and not (kept(last) or _names_one(value)):
            box.http = True
            box.made.append(Found(begin, end, "header", box.start, cut, "a header in a list"))
        elif not count % 2 and (kept(value) or ("-" in value and _is_name(value))):
            box.http = True
    elif box.tells:
        if is_secret(box.tells, value) and not _names_one(value):
            box.made.append(Found(begin, end, "field", box.start, cut, "the name of what it is in"))
    elif count == 1 and tells(last) and not _names_one(value) and is_secret(min(tells(last), Tells.MAYBE), value):
        box.made.append(Found(begin, end, "field", box.start, cut, "the name before it"))


def _names_one(text: str) -> bool:
    """Whether a value is a name itself: ``"required": ["password", "api_key"]``."""
    return tells(text) > Tells.NOTHING and wordlike(text)


def _is_header(text: str) -> bool:
    return _is_name(text) and ("-" in text or kept(text) or tells(text) > Tells.NOTHING)


def _is_name(text: str) -> bool:
    return (
        1 < len(text) <= 80
        and text.isascii()
        and text.replace("-", "").replace("_", "").isalnum()
        and not text[0].isdigit()
    )


def _end(boxes: list[_Box], made: list[Found], down_to: int) -> None:
    """Close boxes: what was found in one goes to the one around it, or is dropped with a description of values."""
    while len(boxes) > down_to:
        box = boxes.pop()
        around = boxes[-1]
        if box.web_key:
            box.made += [Found(*part[:2], "key", box.start, part[2], "a part of a JSON Web Key") for part in box.parts]
        if box.name and box.value is not None:
            begin, end, cut, value = box.value
            pair = Found(begin, end, "header" if box.headers else "field", box.start, cut, "the name beside it")
            box.http = box.http or (box.headers and _is_name(box.name))
            if not blank(value) and (
                not kept(box.name) if box.headers else box.sensitive or is_secret(tells(box.name), value)
            ):
                box.made.append(pair)
        elif box.headers and box.value is not None and not blank(box.value[3]):
            box.made.append(Found(box.value[0], box.value[1], "header", box.start, box.value[2], "a header"))
        if box.schema and box.value is None:
            continue
        if box.headers and not box.top:
            around.http = around.http or box.http
        elif box.headers and not box.http:
            continue
        if len(boxes) == 1 or not (around.tells or around.headers):
            made += box.made
        else:  # the longer list takes in the shorter one: however deep it is, little is copied
            long, short = (around.made, box.made) if len(around.made) > len(box.made) else (box.made, around.made)
            long += short
            around.made = long
