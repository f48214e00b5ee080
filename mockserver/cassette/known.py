"""Values that are known to be secrets: of key variables in the environment, given by the user, and what crossed as a
credential in this session. They are looked for everywhere and in every form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mockserver.cassette.decode import texty, unbase64
from mockserver.cassette.patterns import anchors, any_of, base64_forms, environment_secrets, text_forms
from mockserver.cassette.words import status, wordlike
from mockserver.core.yielding import yield_to_others, yielding
from mockserver.errors import UsageError

SEEN = 64
"""So many credentials of sessions are remembered; a recorder sees one or two."""
SHORTEST_BEGINNING = 4
"""So many characters of a known value are taken for its beginning."""
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-="
_WORD = re.compile(r"[A-Za-z0-9+/_=-]*")


class Known:
    """The values, and the patterns made of them."""

    def __init__(self, env: Mapping[str, str], values: Sequence[str]) -> None:
        if any(len(value) < 4 for value in values):
            raise UsageError("a secret value of fewer than 4 characters cannot be redacted: other text would suffer")
        self._given = sorted({*environment_secrets(env), *values}, key=lambda value: (-len(value), value))
        self._seen: dict[str, None] = {}
        self._make()

    def _make(self) -> None:
        self.values = sorted({*self._given, *self._seen}, key=lambda value: (-len(value), value))
        self.base64 = tuple(form for value in self.values for form in base64_forms(value))
        hexes = [
            form
            for value in self.values
            if len(value) >= 8
            for form in (value.encode().hex(), value.encode().hex().upper())
        ]
        self.pieces = tuple(
            dict.fromkeys((*(form for value in self.values for form in anchors(value)), *self.base64, *hexes))
        )
        self.exact = any_of([*(form for value in self.values for form in text_forms(value)), *hexes])
        self.raw = [value.encode("utf-8", "surrogatepass") for value in self.values]

    def see(self, value: str) -> None:
        """This crossed as a credential. A word, or what says nothing, is not looked for: other text would suffer."""
        value = value.strip()
        if (
            not 8 <= len(value) <= 4096
            or len(set(value)) < 5
            or status(value)
            or wordlike(value)
            or "REDACTED-" in value
        ):
            return
        if value not in self._seen and value not in self._given and len(self._seen) < SEEN:
            self._seen[value] = None
            self._make()

    def kind(self, secret: str) -> str:
        """Whether it was given or seen."""
        return "seen" if secret in self._seen else "env"

    def may_be_in(self, text: str) -> bool:
        """Whether one of the values may be in a text, whatever its form."""
        for piece in self.pieces:  # noqa: SIM110 - for every frame, and a generator costs more than the searches
            if piece in text:
                return True
        return False

    def spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where one stands in a decoded text: begin, end, kind."""
        if self.exact is not None and self.may_be_in(text):
            yield from ((*match.span(), self.kind(match[0])) for match in yielding(self.exact.finditer(text)))

    def in_base64(self, text: str) -> Iterator[tuple[int, int, bytes]]:
        """The words of base64 that hold one of them among bytes that are no text (the others are found as texts)."""
        for form in self.base64:
            at = text.find(form)
            while at >= 0:
                yield_to_others()
                begin = len(text[:at].rstrip(_ALPHABET))
                word = _WORD.match(text, at)
                end = word.end() if word else at + len(form)
                raw = unbase64(text[begin:end])
                if raw is not None and not (end - begin >= 16 and texty(raw)):
                    yield begin, end, raw
                at = text.find(form, end)

    def begins_at(self, text: str) -> int:
        """Where a beginning of a value stands at the end of a text; its length where none does."""
        first = len(text)
        for value in self.values:
            low = max(len(text) - len(value) + 1, 0)
            at = text.find(value[:SHORTEST_BEGINNING], low)
            while 0 <= at < first:
                if value.startswith(text[at:]):
                    first = at
                at = text.find(value[:SHORTEST_BEGINNING], at + 1)
        return first

    def standing(self, data: bytes) -> str:
        """The kind of a value that stands in bytes, "" where none does: a plain search, which shares nothing with
        the walk. Of fewer than 8 characters it is not looked for: among the bytes of audio any of those turns up.
        """
        for value in self.values:
            forms = {value, *text_forms(value), *base64_forms(value)} if len(value) >= 8 else set()
            if any(form.encode("utf-8", "surrogatepass") in data for form in forms):
                return self.kind(value)
        return ""
