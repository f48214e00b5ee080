"""Where the secrets of a text are: one walk, for redaction and for the check after it.

A text is looked at level by level (``decode``): on each, the shapes of keys (``shapes``), what a name tells (``pairs``,
``containers``), the values that are known (``known``), the user's rules, and words of base64, which are looked into
in the
same way. What was found is a stretch of the text as it is written, so that it can be cut out there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from mockserver.cassette import containers, near, pairs, shapes
from mockserver.cassette.decode import (
    BORDER,
    DEEPEST,
    Level,
    base64_as,
    base64_words,
    dissolved,
    texty,
    unbase64,
)
from mockserver.cassette.known import Known
from mockserver.cassette.patterns import TOKEN
from mockserver.cassette.quiet import Quiet
from mockserver.cassette.secret_names import MARKS
from mockserver.cassette.spans import holding, lowered, overlapped, strings, values
from mockserver.core.yielding import yield_to_others, yielding

_HIDES = (
    ("\\", re.compile(r"\\(?:u00|x)[2-7]")),
    ("%", re.compile(r"%[2-7][0-9A-Fa-f]")),
    ("&#", re.compile("&#")),
)
"""Escapes of a character that a shape or a name could be made of."""
_ESCAPED_NAME = re.compile(r'"[\w.\- ]{0,80}\\u00[2-7][0-9a-fA-F][\w.\- \\]{0,80}"\s{0,8}:', re.ASCII)
"""The name of a member with an escape in it, which hides what it says."""
_NAME_MARKS = tuple(mark for mark in MARKS if mark != "sig")
_MORE_MARKS = (
    *(
        "sig=",
        'sig"',
        "signature",
        "header",
        "basic ",
        "otp",
        "kty",
        "_code",
        "ycode",
        "code=",
        "device",
        "_pw",
        'pw"',
        "pw=",
    ),
    *(
        "securestring",
        "identified by",
        "jdbc:",
        "curl ",
        "mysql",
        "login",
        "sessionid=",
        "sessid=",
        "?t=",
        "&t=",
        "sid=",
    ),
    *("session=", "ticket=", "?st=", "&st="),
)
_ALL_MARKS = (*_NAME_MARKS, *_MORE_MARKS)
WORDS = 1024
"""Of so many deltas it is remembered whether there may be something in them."""
_PAYLOAD = re.compile(r'"([A-Za-z0-9+/]{64,}+={0,2}|[A-Za-z0-9_-]{400,}+={0,2})"')
"""A quoted string of nothing but base64. What is read is not given back: no other character could follow it. In the
alphabet of URLs only a long one: keys are written in it."""
_FIELD = re.compile(r'"(\w{1,64})"\s{0,64}:\s{0,64}"((?:[^"\\]|\\.)+)"')
"""A field with a text, as a short-lived key stands in a reply that hands one out."""


_NAME = re.compile(r'"\s*:')
"""What stands behind the name of a field."""


class Put(Protocol):
    """Takes what was found: where it begins and ends, its kind, and the rule that found it."""

    def __call__(self, begin: int, end: int, kind: str, rule: str, *, quoted: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of a text that is a secret. ``new`` is what stands for it, where that is no token (base64 made
    anew).
    """

    begin: int
    end: int
    kind: str
    rule: str
    secret: str
    new: str | None = None
    quoted: bool = False
    """Whether the token needs quotes of its own: it stands for a number of JSON, or another value that is no string."""


class Search:
    """Looks for secrets. ``inside`` cleans the bytes of a word of base64: the same object where there is nothing
    in them.
    """

    def __init__(self, known: Known, rules: tuple[re.Pattern[str], ...], params: frozenset[str]) -> None:
        self.known, self.rules = known, rules
        self.params = params
        self._bare_of = self._bare = ""
        self.quiet = Quiet()
        self.reply: frozenset[str] = frozenset()
        """The fields that hold a key, where what is looked at is a reply that hands one out."""
        self._told: dict[str, bool] = {}

    # --- whether to look at all ---

    def suspicious(self, text: str) -> bool:
        """Whether a text may hold a secret: one that cannot is not looked at more closely."""
        quiet = self.quiet
        if quiet.same(text):
            return self.named(text)
        words = None if self.reply else quiet.differs_in(text)
        if words is not None:
            return self._words_may(words) or self.named(text)
        if self._may_hold(self.bare(text)) or self.named(text):
            return True
        quiet.remember(text)
        return False

    def _may_hold(self, bare: str) -> bool:
        return self.marked(bare) or next(base64_words(bare), None) is not None

    def _words_may(self, words: str) -> bool:
        """The same for a few words: they come again and again, and each save looks at them three times."""
        told = self._told.get(words)
        if told is None:
            if len(self._told) >= WORDS:
                self._told.clear()
            told = self._told[words] = self._may_hold(words)
        return told

    def marked(self, bare: str) -> bool:
        """The same for a text without its payloads, known values and base64 aside."""
        if self.reply or shapes.marked(bare):
            return True
        low = bare.lower()
        for mark in yielding(_ALL_MARKS, every=8):
            if mark in low:
                return True
        if "//" in bare and "@" in bare:
            return True
        return any(mark in bare and hides.search(bare) for mark, hides in _HIDES)

    def named(self, text: str) -> bool:
        """Whether a text may hold one of the values that are known, or what a rule of the user's finds."""
        if self.known.may_be_in(text):
            return True
        for rule in self.rules:  # noqa: SIM110 - for every frame, and a generator costs more than the searches
            if rule.search(text):
                return True
        return False

    def bare(self, text: str) -> str:
        """A text without its payloads: they are noise in which any marker turns up. Remembers the last one."""
        if text is not self._bare_of:
            self._bare_of, self._bare = text, _PAYLOAD.sub(_emptied, text)
        return self._bare

    # --- looking ---

    def cuts(
        self, text: str, inside: Callable[[bytes], bytes] | None = None, missed: list[Cut] | None = None
    ) -> tuple[list[Cut], list[str]]:
        """What is to be cut out of a text, left to right, none inside another; and the kinds of what cannot be.

        ``missed`` gets what nearly was a secret.
        """
        made: list[Cut] = []
        standing: list[str] = []
        level: Level | None = Level(text)
        for depth in range(DEEPEST):
            if level is None:
                break
            self._level(level, depth, made, standing, inside, missed)
            level = level.below()
        return _apart(made, text), standing

    def spans(self, text: str) -> list[tuple[int, int, str, bool]]:
        """The same for a text in pieces: begin, end, kind, whether it goes on behind the text's end."""
        cuts, _ = self.cuts(text)
        return [(one.begin, one.end, one.kind, one.end == len(text)) for one in cuts]

    def _level(
        self,
        level: Level,
        depth: int,
        made: list[Cut],
        standing: list[str],
        inside: Callable[[bytes], bytes] | None,
        missed: list[Cut] | None,
    ) -> None:
        text = level.text
        hollow = _PAYLOAD.sub(_hollow, text)
        yield_to_others()
        low = lowered(hollow)

        def put(
            begin: int, end: int, kind: str, rule: str, into: list[Cut] | None = made, *, quoted: bool = False
        ) -> None:
            if into is None or begin >= end or pairs.blank(text[begin:end]) or BORDER in text[begin:end]:
                return
            one, two = level.origin(begin, end)
            into.append(Cut(one, two, kind, rule, dissolved(text[begin:end]), quoted=quoted))

        for begin, end, kind, shape in shapes.found(hollow) if shapes.marked(hollow) else ():
            put(begin, end, kind, f"the shape {shape.marker}", made if kind else missed)
        if any(mark in low for mark in yielding(_ALL_MARKS, every=8)) or "//" in text:
            for one in yielding(pairs.found(text, low, self._secret)):
                put(one.begin, one.end, one.kind, one.rule, made if one.kind else missed)
            for one in yielding(near.found(text, low)):
                put(one.begin, one.end, one.kind, one.rule)
            if containers.marked(text, low):
                for one in yielding(containers.found(text)):
                    put(one.begin, one.end, one.kind, one.rule)
        elif _ESCAPED_NAME.search(text) is not None:
            for one in yielding((*pairs.found(text, low, self._secret), *containers.found(text))):
                put(one.begin, one.end, one.kind, one.rule, made if one.kind else missed)
        elif "=" in text and ("?" in text or "&" in text):
            for one in yielding(pairs.found(text, low, self._secret)):
                put(one.begin, one.end, one.kind, one.rule, made if one.kind else missed)
        if self.reply:
            for match in yielding(_FIELD.finditer(text)):
                if match[1] in self.reply:
                    put(*match.span(2), "field", "a reply that hands out keys")
        yield_to_others()
        self._given(text, depth, put, standing)
        yield_to_others()
        if inside is not None:
            self._base64(level, made, inside)

    def _secret(self, name: str) -> bool:
        return name.lower() in self.params

    def _given(self, text: str, depth: int, put: Put, standing: list[str]) -> None:
        """Known values and the user's rules. In JSON a token may only stand inside a string, or for a whole value."""
        within: list[tuple[int, int]] | None = None
        for begin, end, kind in self.known.spans(text):
            if depth == 0:
                within = strings(text) if within is None else within
                if not any(low <= begin and end <= high for low, high in holding(within, begin)):
                    self._outside(text, [(begin, end)], kind, "a value that is known", put, standing)
                    continue
            put(begin, end, kind, "a value that is known")
        for rule in self.rules:
            left = text
            for low, high in yielding(strings(text)):
                for match in rule.finditer(text[low:high]):
                    if match[0] and not pairs.blank(match[0]) and "REDACTED-" not in match[0]:
                        put(low + match.start(), low + match.end(), "rule", "a rule of the user's")
                        left = ""
            if left and depth == 0 and rule.search(TOKEN.sub("\ue000", text)):
                found = [match.span() for match in rule.finditer(text)]
                self._outside(text, found, "rule", "a rule of the user's", put, standing)

    def _outside(
        self, text: str, found: list[tuple[int, int]], kind: str, rule: str, put: Put, standing: list[str]
    ) -> None:
        """What stands outside the strings of JSON: whole values are taken out, or the strings that it touches.

        In a text that only begins like JSON a token may stand anywhere.
        """
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            for begin, end in found:
                put(begin, end, kind, rule)
            return
        whole = overlapped(values(text), found)
        for begin, end in whole:
            put(begin, end, kind, rule, quoted=True)
        touched = [] if whole else overlapped(strings(text), found)
        said = [(begin, end) for begin, end in touched if not _NAME.match(text, end)]
        for begin, end in said or touched:  # names of fields only where nothing else is touched
            put(begin, end, kind, rule)
        if not whole and not touched:
            standing.append(kind)

    def _base64(self, level: Level, made: list[Cut], inside: Callable[[bytes], bytes]) -> None:
        text = level.text
        words = list(base64_words(text))
        if self.known.may_be_in(text):
            words += self.known.in_base64(text)
        for begin, end, raw in words:
            new = inside(raw)
            if new is raw:
                continue
            one, two = level.origin(begin, end)
            whole = two - one == end - begin  # nothing in it is escaped, so that it can be written anew in its place
            made.append(
                Cut(
                    one,
                    two,
                    "base64",
                    "inside base64",
                    text[begin:end],
                    base64_as(text[begin:end], new) if whole else None,
                )
            )


def _apart(cuts: list[Cut], text: str) -> list[Cut]:
    """Left to right; of those that touch the same characters, one that covers them all. What is a token already
    is none.
    """
    made: list[Cut] = []
    longest_first = sorted(cuts, key=attrgetter("end"), reverse=True)
    for one in yielding(sorted(longest_first, key=attrgetter("begin"))):
        last = made[-1] if made else None
        if last is None or one.begin >= last.end:
            made.append(one)
        elif one.end > last.end or last.new is not None:
            begin, end = last.begin, max(one.end, last.end)
            wide = one if last.new is not None or one.end - one.begin > last.end - last.begin else last
            same = (begin, end) == (wide.begin, wide.end)
            made[-1] = Cut(
                begin,
                end,
                wide.kind,
                wide.rule,
                wide.secret if same else dissolved(text[begin:end]),
                wide.new if same else None,
                wide.quoted,
            )
    return made


def _payload(value: str) -> bool:
    """Whether a quoted base64 text is noise: padded as it should be, and no text inside."""
    urls = "_" in value or "-" in value
    if (urls or len(value) <= shapes.WHOLE or value.startswith(shapes.LONG_WORDS)) and any(
        kind and not begin for begin, _, kind, _ in shapes.found(value[: shapes.WHOLE])
    ):
        return False
    if not urls and len(value) % 4:
        return False
    head = unbase64(value[:88])
    return head is not None and not texty(head)


def _emptied(match: re.Match[str]) -> str:
    return '""' if _payload(match[1]) else match[0]


def _hollow(match: re.Match[str]) -> str:
    yield_to_others()
    return f'"{chr(0xE000) * len(match[1])}"' if _payload(match[1]) else match[0]


def missed_by(search: Search, text: str) -> Iterator[Cut]:
    """What nearly was a secret in a text, for a report."""
    missed: list[Cut] = []
    cuts, _ = search.cuts(text, missed=missed)
    yield from (
        one for one in _apart(missed, text) if not any(cut.begin < one.end and one.begin < cut.end for cut in cuts)
    )
