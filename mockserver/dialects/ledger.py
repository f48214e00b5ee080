"""The account of one connection, kept where the engine speaks: what was asked for and has not been said yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from mockserver.core.debts import Debt
from mockserver.core.frames import Close, Frame, Lost, Micros, Sender, Text
from mockserver.dialects.base import Dialect

MOST = 1_000
"""So many requests without an answer are remembered; a client that sends more gets no exact account."""


class Ledger:
    """Told each frame that reaches the engine and each that it says. Which events ask and answer, the dialect knows."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._replies = dialect.replies()
        self._deltas = {name for name, _ in dialect.life.deltas} if dialect.life.begins else frozenset()
        self._head = ""  # how the last delta begins, up to its name
        self._asked: deque[tuple[Micros, str]] = deque(maxlen=MOST)
        self._unsaid: deque[tuple[Micros, str]] = deque(maxlen=MOST)  # requests that are acknowledged, with their names
        self._began: dict[str, Micros] = {}
        self.over = False
        self.spoke_at: Micros = 0

    @property
    def settled(self) -> bool:
        """Whether every reply that was asked for has come and ended."""
        return not (self._replies.open or self._asked)

    def see(self, sender: Sender, frame: Frame, now: Micros) -> None:
        """One frame, in order."""
        self.over = self.over or isinstance(frame, Close | Lost)
        if self.over:
            return
        dialect, life = self._dialect, self._dialect.life
        name = dialect.peek(frame, sender)
        if sender is Sender.CLIENT:
            if _any(name, life.requests):
                self._asked.append((now, name))
            elif name in dialect.acknowledged:
                self._unsaid.append((now, name))
        else:
            self.spoke_at = now
        if name in self._deltas:
            head = f'{{"type":"{name}"'
            self._head = head if isinstance(frame, Text) and frame.data.startswith(head) else ""
            return  # most of a session, and no news
        self._replies.see(sender, frame, name=name)
        if sender is Sender.SERVER:
            self._pay(name)
        if self._replies.open.keys() != self._began.keys():
            self._began = {reply: self._began.get(reply, now) for reply in self._replies.open}

    def see_texts(self, texts: Sequence[str], now: Micros) -> None:
        """Text frames of the server that came together."""
        for text in texts:
            if not (self._head and text.startswith(self._head)):
                self.see(Sender.SERVER, Text(text), now)
        self.spoke_at = now

    def debts(self) -> Iterator[Debt]:
        """What is owed. Nothing once either side has ended the connection."""
        if self.over:
            return
        for since, name in self._asked:
            yield Debt("answer", name, since)
        if self._dialect.life.ends:
            for reply, since in self._began.items():
                yield Debt("end", reply, since)
        for since, name in self._unsaid:
            yield Debt("acknowledgement", name, since)

    def _pay(self, name: str) -> None:
        """What a server frame settles: the oldest request that it answers; a refusal, the newest one."""
        dialect, life = self._dialect, self._dialect.life
        if _any(name, dialect.refusals):
            lines = (line for line in (self._asked, self._unsaid) if line)
            newest = max(lines, key=lambda line: line[-1], default=None)
            if newest:
                newest.pop()
        elif _any(name, life.begins) or (not life.begins and self._replies.open):
            if self._asked:
                self._asked.popleft()
        else:
            for entry in self._unsaid:
                if name in dialect.acknowledged[entry[1]]:
                    self._unsaid.remove(entry)
                    return


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return name in patterns or any("*" in pattern and fnmatchcase(name, pattern) for pattern in patterns)
