"""The tokens of a fault spec, with their columns, so that an error can say where it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mockserver.errors import SpecError


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted text or a JSON value. ``value`` is what it stands for, ``text`` is as written."""

    text: str
    column: int
    value: Any
    bare: bool = True


_BARE = re.compile(r"[^\s,'\"]+")
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'")


def tokens(source: str) -> list[Token]:
    """The tokens of a spec. A comma is a token. SpecError where a quote or a JSON value is not closed."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        char = source[at]
        if char.isspace():
            at += 1
        elif char == ",":
            found.append(Token(",", at, ","))
            at += 1
        elif char == "'":
            match = _SINGLE.match(source, at)
            if match is None:
                raise SpecError(_say(source, at, "this quote is not closed"), source=source, column=at)
            found.append(Token(match[0], at, re.sub(r"\\(.)", r"\1", match[1]), bare=False))
            at = match.end()
        elif char in '"{[':
            try:
                value, end = json.JSONDecoder().raw_decode(source, at)
            except json.JSONDecodeError as error:
                raise SpecError(
                    _say(source, at, f"this is not a JSON value ({error.msg})"), source=source, column=at
                ) from None
            found.append(Token(source[at:end], at, value, bare=False))
            at = end
        else:
            match = _BARE.match(source, at)
            assert match is not None
            found.append(Token(match[0], at, match[0]))
            at = match.end()
    return found


def _say(source: str, column: int, message: str) -> str:
    shown = source if len(source) <= 200 else source[:199] + "…"
    return f"fault {shown!r}, column {column + 1}: {message}"


class Reader:
    """A place in a list of tokens."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.place = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """The next token, or None at the end."""
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def word(self, ahead: int = 0) -> str | None:
        """The next bare word in lower case, or None."""
        token = self.peek(ahead)
        return token.text.lower() if token is not None and token.bare else None

    def word_at(self, place: int) -> str:
        """The text of any token in lower case."""
        return self.tokens[place].text.lower()

    def take(self, *words: str) -> bool:
        """Whether the next tokens are these words; they are taken if so."""
        if any(self.word(ahead) != word for ahead, word in enumerate(words)):
            return False
        self.place += len(words)
        return True

    def next(self, expected: str) -> Token:
        """The next token. SpecError at the end."""
        token = self.peek()
        if token is None:
            raise self.error(f"the spec ends where {expected} was expected")
        self.place += 1
        return token

    def error(self, message: str, *, at: Token | None = None) -> SpecError:
        """A SpecError at a token, or at the next one."""
        token = at or self.peek()
        column = token.column if token is not None else len(self.source.rstrip())
        return SpecError(_say(self.source, column, message), source=self.source, column=column)


def nearest(word: str, known: Mapping[str, object] | list[str]) -> str:
    """ " Did you mean X?", or nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
