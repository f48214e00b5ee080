"""Secrets that are told by the name beside them, in any text: a member, an assignment, a header's line, a query, a
form, a
part of a multipart body, the login of a URL, a scheme such as ``Bearer``.

All of it is about *decoded* text and needs no whole document: a text may begin and end anywhere. What is told by the
objects and lists around it is in ``containers``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from mockserver.cassette.decode import BORDER, unbase64
from mockserver.cassette.patterns import TOKEN
from mockserver.cassette.secret_names import Tells, is_secret, kept_header, lets_in, parameter, tells
from mockserver.cassette.words import LONGEST_TEXT, STATUS, spaced, status, varied, wordlike
from mockserver.core.yielding import yield_to_others, yielding

NEAR = 1_000
"""So far from a word its probability may stand: its bytes come between."""
LONGEST_NAME = 80

_NAME = re.compile(r"([\"'])((?:[\w.\- ]|\\u[0-9a-fA-F]{4}){2,80})\1\s{0,64}(?:=>|[:=])\s{0,64}", re.ASCII)
_STRING = {
    '"': re.compile(rf'"([^"\\{BORDER}]*(?:\\.[^"\\{BORDER}]*)*)("|\\?\Z|(?={BORDER}))', re.DOTALL),
    "'": re.compile(rf"'([^'\\{BORDER}]*(?:\\.[^'\\{BORDER}]*)*)('|\\?\Z|(?={BORDER}))", re.DOTALL),
}
_SLASH = r"\\(?![\"'\\/bfnrtux])"
"""A backslash that escapes nothing: the others are undone on the next level, and a value ends at one."""
_RUN = rf"(?:[^\s&;\"'<>`\\{BORDER}]|{_SLASH})+"
_RUN_ON = re.compile(rf"(?:[^\s&;\"'<>`\\{BORDER}]|{_SLASH})*")
_EQUALS = re.compile(r"=(?<=[\w\-\] ]=)", re.ASCII)
_COLON = re.compile(r":(?<=[\w\- ]:)", re.ASCII)
_ASSIGNED = re.compile(r"(?<![\w.\-\[\]])(?:--?)?([A-Za-z_][\w.\-\[\]]{0,60})([ ]?)\Z", re.ASCII)
_ASSIGNS = re.compile(rf"(?:[ ]?([\"'])([^\"'\s\\{BORDER}]{{1,4096}})|({_RUN}))", re.ASCII)
_LINE = re.compile(rf"(^|[\"'\n{BORDER}]|\\n)?(?<![\w-])[ \t]{{0,16}}([A-Za-z][\w-]{{1,60}})[ \t]?\Z", re.ASCII)
_TELLS = re.compile(rf"[ \t]{{0,64}}([^\r\n\"'\\{BORDER}]{{1,512}})", re.ASCII)
"""What is looked at of a line; a secret in it may be longer."""
_BARE = re.compile(r"(?<![\w\"'.$-])([A-Za-z_$][\w$-]{1,60}) ?\Z", re.ASCII)
_QUOTED = re.compile(r"\s{0,8}([\"'])([^\"'\s\\]{4,4096})\1", re.ASCII)
_FLAG = re.compile(rf"--([A-Za-z][\w-]{{1,60}})\s(?!-)({_RUN})", re.ASCII)
_PART = re.compile(
    rf"name=(?:\"(?=[^\"]*\"))?([^\"\\\s;{BORDER}]{{1,100}}|[^\"\\\r\n{BORDER}]{{1,100}}(?=\"))\"?[^\r\n{BORDER}]{{0,200}}\r?\n(?:[A-Za-z-]{{1,60}}:[^\r\n]{{0,200}}\r?\n){{0,8}}\r?\n"
)
_ELEMENT = re.compile(
    rf"<([A-Za-z][\w:.-]{{1,60}})(?:\s[^<>{BORDER}]{{0,200}})?>(?:<!\[CDATA\[)?([^<>\\{BORDER}]{{1,4096}})(?=<|\]\]>)",
    re.ASCII,
)
_SCHEMES = ("bearer", "basic", "token", "apikey", "digest")
_SCHEME = re.compile(r"(?:[ \t]|\+(?=[A-Za-z0-9])){1,8}(?!REDACTED-)([A-Za-z0-9._~+/=\-]{4,})", re.ASCII)
_URL = re.compile(rf"//([^\s\"'<>`/?#\\{BORDER}]+)")
_QUERY = re.compile(rf"[?&#;]([^=&#?;\s\"'<>\\{BORDER}]{{1,200}})=((?:[^&#\s\"'<>`\\{BORDER}]|{_SLASH})+)")
_PUNCTUATION = ")]}.,;:!\\"
_ENDS = re.compile(r"[\s\"'<>`]")
_WORD = re.compile(r"[A-Za-z]+", re.ASCII)
_VISIBLE = bytes(range(32, 127))
CODE = re.compile(r"[(\[$<{]|\.\w+\.|^(?:os|process|self|this|settings|config|env)\.")


class Found(NamedTuple):
    """A secret: where it begins and ends in the text, its kind, where what gives it away begins, by which rule.
    ``open``:
    the text ends before it does. An empty kind is what nearly was one.
    """

    begin: int
    end: int
    kind: str
    start: int
    open: bool
    rule: str


def blank(value: str) -> bool:
    """Whether this is no secret any more."""
    if "REDACTED-" in value:
        value = TOKEN.sub("", value)
    return not value.strip("\0\ue000* ,;")


def found(text: str, low: str, secret: Callable[[str], bool]) -> Iterator[Found]:
    """All that is told by a name beside it. ``low`` is the text in lower case; ``secret`` tells the dialect's
    parameters.
    """
    if '"' in text or "'" in text:
        yield from _members(text)
    yield_to_others()
    if "=" in text:
        if "?" in text or "&" in text or "#" in text or ";" in text:
            yield from _queries(text, secret)
        yield from _assigned(text, secret)
        if "name=" in text:
            yield from _multipart(text)
    if ":" in text:
        yield from _colons(text)
    if "//" in text and "@" in text:
        yield from _logins(text)
    if "--" in text:
        for match in yielding(_FLAG.finditer(text)):
            if match.start() == 0 or not (text[match.start() - 1].isalnum() or text[match.start() - 1] == "-"):
                yield from _loose(match[1], match, 2, "a flag", Tells.SURELY)
    if "</" in text:
        for match in yielding(_ELEMENT.finditer(text)):
            value = match[2].removesuffix("]]").strip()
            if is_secret(tells(match[1]), value) and not blank(value):
                begin = text.index(value, match.start(2))
                yield Found(begin, begin + len(value), "field", match.start(), False, "an element's name")
    for scheme in _SCHEMES:
        at = low.find(scheme)
        while at >= 0:
            yield_to_others()
            end = at + len(scheme)
            if not (at and text[at - 1].isalnum()) and text[end : end + 1] in (" ", "\t", "+"):
                value_of = _SCHEME.match(text, end)
                if value_of is not None:
                    yield from _scheme(text, at, value_of, scheme)
                    end = value_of.end()
            at = low.find(scheme, end)


def _members(text: str) -> Iterator[Found]:
    """``"name": "value"``, with either quote; ``=`` and ``=>`` in the place of the colon."""
    past = 0
    for match in yielding(_NAME.finditer(text)):
        told = tells(match[2])
        at = match.end()
        if told is Tells.NOTHING or at < past or text[at : at + 1] not in _STRING:
            continue
        value = _STRING[text[at]].match(text, at)
        if value is None:
            continue
        past = value.end()
        cut = value[2] not in ('"', "'") and value.end() == len(text)
        content = value[1]
        begin, end = value.start(1), len(text) if cut else value.end(1)
        if blank(content):
            if cut and told is Tells.SURELY and not content:
                yield Found(begin, end, "", match.start(), True, "a field's name")
            continue
        if cut and begins(told, content):
            yield Found(begin, end, "", match.start(), True, "a field's name")
        elif cut and told is not Tells.MAYBE:
            yield Found(begin, end, "field", match.start(), True, "a field's name")
        elif is_secret(told, content) and not (told is Tells.MAYBE and probability(text, match.start(), value.end())):
            yield Found(begin, end, "field", match.start(), False, "a field's name")
        elif len(content) >= 4:
            yield Found(begin, end, "", match.start(), False, "a field's name")


def begins(told: Tells, content: str) -> bool:
    """Whether what a value may become decides if it is a secret: what is there of it says nothing yet."""
    if told is Tells.SURELY:
        return any(word.startswith(content.lower()) for word in STATUS)
    if told is Tells.PERHAPS:
        return not spaced(content) and not is_secret(told, content)
    return not spaced(content)


_DOUBT = re.compile(
    rf"([\"']?)([\w.\- ]{{2,80}})\1[ \t]{{0,8}}[:=][ \t]{{0,8}}([\"']?)([^\"'\s\\{BORDER}]{{1,320}})\Z", re.ASCII
)


def doubtful(text: str) -> int:
    """Where a value begins at the end of a text that may be a secret when it is whole; the text's length where
    none does.
    """
    tail = text[-420:]
    if ":" not in tail and "=" not in tail:  # most speech: to look for a name at every letter takes long
        return len(text)
    match = _DOUBT.search(tail)
    if match is None:
        return len(text)
    told = tells(match[2].strip())
    if told is Tells.NOTHING or blank(match[4]):
        return len(text)
    return len(text) - len(tail) + match.start(4)


def probability(text: str, begin: int, end: int) -> bool:
    """Whether a ``token`` is a word with its probability (``logprobs``): those are put together, elsewhere."""
    before, after = text[max(begin - NEAR, 0) : begin], text[end : end + NEAR]
    return '"logprob"' in before.rpartition("{")[2] or '"logprob"' in after.partition("}")[0]


def _machine(value: str) -> bool:
    """Whether what stands behind an equals sign is a value and not code or a word."""
    return (
        len(value) >= 4
        and not status(value)
        and CODE.search(value) is None
        and (varied(value) or not wordlike(value) or value[-1:].isdigit())
    )


def _assigned(text: str, secret: Callable[[str], bool]) -> Iterator[Found]:
    """``NAME=value``, in a shell, a connection string, the first field of a form."""
    past = 0
    for equals in yielding(_EQUALS.finditer(text)):
        before = _ASSIGNED.search(text, max(equals.start() - 64, 0), equals.start())
        if before is None or equals.start() < past or not (tells(before[1]) or secret(before[1])):
            continue
        match = _ASSIGNS.match(text, equals.end())
        if match is not None and match.end() - match.start() > 200:
            past = match.end()
        if match is None:
            continue
        name, quoted = before[1], match[2] is not None
        group = 2 if quoted else 3
        value = match[group] if quoted else match[group].rstrip(_PUNCTUATION)
        told = tells(name)
        if (told is Tells.NOTHING and not secret(name)) or blank(value) or not value:
            continue
        if quoted and value[0] in ",:]}":  # the quote ends a string of JSON that ends with the equals sign
            continue
        begin, end = match.start(group), match.start(group) + len(value)
        form = not before[2] and not quoted and _bounded(text, before.start(), end)
        if (
            (form and (parameter(name) or secret(name)) and not status(value))
            or (quoted and is_secret(told, value))
            or (
                told is not Tells.NOTHING
                and _machine(value)
                and is_secret(max(told, Tells.MAYBE) if len(value) >= 8 else told, value)
            )
            or (told is Tells.SURELY and _machine(value))
        ):
            yield Found(begin, end, "param" if form else "field", before.start(), end == len(text), "an assignment")
        else:
            yield Found(begin, end, "", before.start(), False, "an assignment")


def _bounded(text: str, begin: int, end: int) -> bool:
    """Whether a pair is a field of a form: nothing but another one, or an edge of the text, beside it."""
    before, after = text[begin - 1 : begin], text[end : end + 1]
    return (before in ("", "&", BORDER, '"', "\n", ";") and after in ("", "&", BORDER, '"', "\r", "\n", ";")) and (
        before in ("&", ";") or after in ("&", ";") or (before in ("", BORDER, '"') and after in ("", BORDER, '"'))
    )


def _queries(text: str, secret: Callable[[str], bool]) -> Iterator[Found]:
    """``?name=value`` in a URL, absolute or not."""
    for match in yielding(_QUERY.finditer(text)):
        name, value = unquote(match[1]), match[2].rstrip(_PUNCTUATION)
        if not value or blank(value) or status(value):
            continue
        sure = secret(name) or parameter(name)
        if sure and not _absolute(text, match.start()):
            sure = len(value) >= 4 and (tells(name) >= Tells.PERHAPS or not wordlike(value))
        if sure or is_secret(tells(name), value) or lets_in(name, value):
            end = match.start(2) + len(value)
            yield Found(match.start(2), end, "param", match.start(), end == len(text), "a parameter's name")


def _absolute(text: str, at: int) -> bool:
    """Whether a query belongs to a URL with a scheme, and so is no chance."""
    begin = max(text.rfind("://", max(at - 256, 0), at), 0)
    return begin > 0 and text[begin - 1].isalpha() and _ENDS.search(text, begin, at) is None


def _colons(text: str) -> Iterator[Found]:
    """What stands behind the colon of a name without quotes."""
    past = 0
    for colon in yielding(_COLON.finditer(text)):
        at = colon.start()
        line = _LINE.search(text, max(at - 80, 0), at)
        if line is not None and at >= past and tells(line[2]):
            value = _TELLS.match(text, colon.end())
            for one in _line(text, line, value) if value is not None else ():
                past = one.end if one.kind else past
                yield one
        quoted = _QUOTED.match(text, colon.end())
        if quoted is not None:
            bare = _BARE.search(text, max(at - 64, 0), at)
            if bare is not None:
                yield from _loose(bare[1], quoted, 2, "a bare name", Tells.MAYBE)


def _line(text: str, line: re.Match[str], match: re.Match[str]) -> Iterator[Found]:
    """A header's line, a line of YAML: ``X-Api-Key: value``."""
    name, value = line[2], match[1].rstrip()
    told = tells(name)
    if told is Tells.NOTHING or blank(value):
        return
    low = name.lower()
    begin = match.start(1)
    word = _WORD.match(value)
    scheme = _SCHEME.match(value, word.end()) if word and word[0].lower() in _SCHEMES else None
    header = "-" in name or low in ("authorization", "cookie")
    if line[1] is None and not header:
        return  # in the middle of a sentence
    if scheme is not None:
        begin, value = begin + scheme.start(1), value[scheme.start(1) :]
    words = value.split(None, 2)
    if header and low.endswith("cookie") and "=" in value:
        pass
    elif not words or (len(words) > 1 and scheme is None):
        return
    else:
        value = words[0].rstrip(",;")
    if blank(value):
        return
    strong = header and is_secret(max(told, Tells.PERHAPS), value)
    if strong or (len(value) >= 6 and _machine(value) and is_secret(told, value)):
        whole = _RUN_ON.match(text, begin + len(value))  # it may be longer than what was looked at
        end = whole.end() if whole and match.end() - match.start(1) >= 512 else begin + len(value)
        yield Found(begin, end, "header" if header else "field", line.start(2), end == len(text), "a line's name")
    else:
        yield Found(begin, begin + len(value), "", line.start(2), False, "a line's name")


def _multipart(text: str) -> Iterator[Found]:
    past = 0
    for match in yielding(_PART.finditer(text)):
        if match.start() < past:
            continue
        begin = match.end()
        end = text.find("\n--", begin)
        cut = end < 0
        if cut:
            end = len(text)
        past = end
        border = text.find(BORDER, begin, end)
        if border >= 0:
            end, cut = border, False
        value = text[begin:end].rstrip("\r\n") if not cut else text[begin:end]
        if (
            value
            and not blank(value)
            and (tells(match[1]) >= Tells.PERHAPS or parameter(match[1]) or is_secret(tells(match[1]), value))
            and not status(value)
        ):
            yield Found(begin, begin + len(value), "field", match.start(), cut, "a part's name")


def _logins(text: str) -> Iterator[Found]:
    """User and password in front of a host. Without a scheme only where there are both."""
    for match in yielding(_URL.finditer(text)):
        login = match[1].rpartition("@")[0]
        scheme = text[match.start() - 1 : match.start()] == ":" and text[max(match.start() - 2, 0)].isalnum()
        if login and not blank(login) and (scheme or ":" in login):
            yield Found(match.start(1), match.start(1) + len(login), "url", match.start(), False, "a URL's login")


def _loose(name: str, match: re.Match[str], group: int, rule: str, least: Tells) -> Iterator[Found]:
    told, value = tells(name), match[group].rstrip(_PUNCTUATION)
    if told >= least and not blank(value):
        kind = "field" if _machine(value) and is_secret(told, value) else ""
        yield Found(match.start(group), match.start(group) + len(value), kind, match.start(), False, rule)


def _scheme(text: str, start: int, match: re.Match[str], scheme: str) -> Iterator[Found]:
    """``Bearer x`` in any case, with any blanks between; ``Basic`` where it is base64 of a pair."""
    value = match[1].rstrip(".,")
    if len(value) < 8 or TOKEN.match(value):
        return
    if scheme == "bearer":
        sure = not _attribute(value) and not _words(value)
    elif scheme == "basic":
        sure = _pair(value)
    else:
        sure = len(value) >= 20 and varied(value) and not _words(value)
    at_end = match.end() == len(text)
    yield Found(match.start(1), match.start(1) + len(value), "token" if sure else "", start, at_end, "a scheme")


def _words(value: str) -> bool:
    return len(value) <= LONGEST_TEXT and wordlike(value.strip("=-_./~+"))


def _attribute(value: str) -> bool:
    """``Bearer realm="..."`` is no key."""
    return value.rstrip("=") != value and "=" not in value.rstrip("=") and wordlike(value.rstrip("="))


def _pair(value: str) -> bool:
    raw = unbase64(value)
    return raw is not None and b":" in raw and not raw.translate(None, _VISIBLE)


def header_line(text: str) -> tuple[str, int] | None:
    """Name and the value's place where a text is a header's line."""
    name, mark, value = text.partition(":")
    if (
        not mark
        or not value.strip()
        or len(name) > LONGEST_NAME
        or not re.fullmatch(r"[A-Za-z][\w-]*", name.strip(), re.ASCII)
    ):
        return None
    return name.strip(), len(name) + 1 + len(value) - len(value.lstrip())


def kept(name: str) -> bool:
    """Whether a header keeps its value."""
    return kept_header(name.lower())
