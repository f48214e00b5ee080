"""The tokens that stand where secrets were: equal ones for equal secrets, all over a cassette."""

from __future__ import annotations

from itertools import count

from mockserver.cassette.patterns import TOKEN


class StandIns:
    """Gives them out. Redactors of one cassette share it, also from threads: each number is taken in one step."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._next: dict[str, count[int]] = {}

    def of(self, kind: str, secret: str) -> str:
        """What stands for a secret: the same for the same one."""
        key = (kind, secret)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers.setdefault(key, next(self._next.setdefault(kind, count(1))))
        return f"REDACTED-{kind}-{number}"

    def reserve(self, text: str) -> None:
        """Give out no token that stands in this text already, from a redaction of the past."""
        for match in TOKEN.finditer(text) if "REDACTED-" in text else ():
            _, kind, number = match[0].split("-")
            first = max(next(self._next.get(kind, count(1))), int(number) + 1)
            self._next[kind] = count(first)


class NoStandIns(StandIns):
    """For a look that changes nothing."""

    def of(self, kind: str, secret: str) -> str:
        """Something that is a token."""
        return f"REDACTED-{kind}-0"


LOOK = NoStandIns()
