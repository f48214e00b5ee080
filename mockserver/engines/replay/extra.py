"""Rules about single frames that were learned: frames that may come once more than recorded, pairs in either order."""

from __future__ import annotations

from mockserver.cassette.varies import Which, added, which
from mockserver.core.view import View
from mockserver.dialects.base import MatchRules
from mockserver.engines.replay.matching import Matcher


class Extra:
    """What one session has left of them."""

    __slots__ = ("_left", "_matcher", "_pairs")

    def __init__(self, rules: MatchRules, matcher: Matcher) -> None:
        self._matcher = matcher
        self._pairs = [tuple(map(which, line.split())) for line in rules.unordered]
        self._left = [added(line) for line in rules.added]

    def unordered(self, one: tuple[str, int], other: tuple[str, int], connection: int) -> bool:
        """Whether two recorded frames, each a name and its number, may come in either order."""
        return any(_fit(pair, one, other, connection) or _fit(pair, other, one, connection) for pair in self._pairs)

    def takes(self, view: View) -> bool:
        """Whether a live frame is one that may be added. Each is taken once."""
        for place, (wanted, body) in enumerate(self._left):
            if body is None or not wanted.fits(view.name, 0, 0):
                continue
            if not self._matcher.compare(view.name, body, view.body).differences:
                del self._left[place]
                return True
        return False


def _fit(pair: tuple[Which, ...], one: tuple[str, int], other: tuple[str, int], connection: int) -> bool:
    return pair[0].fits(*one, connection) and pair[1].fits(*other, connection)
