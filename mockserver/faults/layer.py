"""The layer of one fault in one session: it finds the frames or the moment, and hands them to the fault's body.

The path of a frame that is not meant is kept short: a peek at its name, one look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mockserver.core.entry import SessionLog
from mockserver.core.frames import Abort, Close, Frame, Hangup, Item, Lost, Micros, Opened, Peer, Received, Send, Sender
from mockserver.core.machine import earliest
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import last_of
from mockserver.faults.action import Action
from mockserver.faults.body import Account, Body, Moment, Run, Sight, Tally
from mockserver.faults.where import Aim, Gate

CLIENT, SERVER = Sender.CLIENT, Sender.SERVER


class FaultLayer:
    """One fault in one session, as a ``core.session.Layer``: what it aims at goes through the fault's body."""

    def __init__(self, account: Account, action: Action, log: SessionLog, dialect: Dialect, now: Micros = 0) -> None:
        where, life = account.where, dialect.life
        self.account = account
        self._where = where
        self._dialect = dialect
        self._at_gate = action.aims == "moment" and not where.events and where.after is not None
        aim = Aim(where.events or action.on, life)
        self._aim = Aim((), life) if self._at_gate or action.aims == "handshake" else aim
        self._sender = where.spoken_by(action.sender, aim.names, dialect)
        self._run = Run(account, log, dialect, self._sender)
        self.body: Body = action.start(self._run)
        self._handshake = action.aims == "handshake"
        self._gate: Gate | None = None
        since = Aim((), life)
        if where.after is not None:
            told = action.since if where.after.since is None else where.after.since
            since = Aim(() if told is None else (told,), life)
            self._gate = Gate(where.after, since=since, began=now)
        # Only where a reply has no event for its begin do the frames before one tell whether it is the first.
        self._replies = dialect.replies(log.lens) if self._aim.first or since.first else None
        self._responses: dict[str, int] = {}
        self._items: dict[str, int] = {}
        self._owner: dict[str, str] = {}  # item -> response
        self._chance = self._run.rng("aim")
        self._lens = log.lens
        self._peek = log.lens.peek
        self._client, self._server = account.tallies[CLIENT], account.tallies[SERVER]
        self._attentive = (
            self._gate is not None
            or self._replies is not None
            or where.response is not None
            or where.item is not None
            or self.body.screens
        )
        self._counts_audio = where.after is not None and where.after.unit == "audio"
        self._format = (24_000, "pcm")
        self._others = type(self.body).other is not Body.other
        self._matched = self._hits = 0
        self._on = where.meets(log.number + 1)

    # --- the machine ---

    def feed(self, item: Item, now: Micros) -> Iterable[Item]:
        """One item of either direction."""
        kind = type(item)
        frame: Frame
        if kind is Send:
            assert isinstance(item, Send)
            if item.peer is not Peer.CLIENT:
                return self.body.other(item, now)
            frame, sender, tallies = item.frame, SERVER, self._server
        elif kind is Received:
            assert isinstance(item, Received)
            if item.peer is not Peer.CLIENT:
                return self.body.other(item, now)
            frame, sender, tallies = item.frame, CLIENT, self._client
        elif isinstance(item, Opened):
            return self._open(item, now)
        elif isinstance(item, Hangup) and item.peer is Peer.CLIENT:
            frame, sender, tallies = Close(item.code, item.reason), SERVER, self._server
        elif isinstance(item, Abort) and item.peer is Peer.CLIENT:
            frame, sender, tallies = Lost("reset by server"), SERVER, self._server
        else:
            return self.body.other(item, now) if self._on else (item,)
        name = self._peek(frame, sender)
        tally = tallies.get(name)
        if tally is None:
            tally = tallies[name] = Tally(sender is self._sender and self._aim.means(name))
        tally.seen += 1
        if not tally.meant and not self._attentive:
            return self.body.other(item, now) if self._others else (item,)
        if not self._on:
            self.account.missed["of a connection that is not meant"] += tally.meant
            return (item,)
        return self._look(Sight(item, frame, name, sender, self._lens), tally.meant, now)

    def wake_at(self) -> Micros | None:
        """The body's due time or the gate's."""
        due = self.body.wake_at()
        if self._gate is None or self._gate.due is None:
            return due
        return earliest(due, self._gate.due)

    def wake(self, now: Micros) -> Iterable[Item]:
        """What is due: the body first."""
        out: list[Item] = []
        due = self.body.wake_at()
        if due is not None and due <= now:
            out += self.body.wake(now)
        struck = self._gate is not None and self._gate.tick(now) and self._at_gate and self._on
        if struck and self._within(None) and self._lucky():
            assert isinstance(self.body, Moment)
            out += self.body.strike(None, now)
        return out

    @property
    def passes(self) -> bool:
        """Whether the fault does nothing but to the frames or at the moments that it aims at."""
        return not self._others and not self.body.screens

    @property
    def spec(self) -> str:
        """The fault in words."""
        return self.account.spec

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """What the body holds back."""
        return self.body.held()

    def release(self, now: Micros) -> Iterable[Item]:
        """What the body holds back."""
        return self.body.release(now)

    # --- finding ---

    def _open(self, item: Opened, now: Micros) -> Iterable[Item]:
        self.account.attempts += 1
        if not self._on:
            return (item,)
        if not self._handshake or not self._lucky():
            return self.body.other(item, now)
        return self.body.hit(Sight(item, Lost(), "handshake", CLIENT, self._lens), now)

    def _look(self, sight: Sight, meant: bool, now: Micros) -> Iterable[Item]:
        if self.body.screens:
            taken = self.body.screen(sight, now)
            if taken is not None:
                return taken
        begins = self._begins(sight)
        opened = self._gate is not None and self._gate.see(
            sight.name, sight.sender is self._sender, self._audio(sight), now, begins=begins
        )
        if self._where.response is not None or self._where.item is not None:
            self._learn(sight)
        if self._at_gate:
            if opened and self._within(sight) and self._lucky():
                return self.body.hit(sight, now)
            return self.body.other(sight.item, now)
        if not meant or not self._aim.hits(sight.name, begins) or not self._fits(sight):
            return self.body.other(sight.item, now)
        return self.body.hit(sight, now)

    def _begins(self, sight: Sight) -> bool:
        """Whether a frame is the first of a reply, where that is asked."""
        if self._replies is None:
            return False
        before = last_of(self._replies.open)
        self._replies.see(sight.sender, sight.frame, name=sight.name)
        after = last_of(self._replies.open)
        return after is not None and after != before

    def _within(self, sight: Sight | None) -> bool:
        """Whether a frame is of the response and item that are meant; without a frame, whether the newest ones are."""
        for name, wanted, known in (
            ("response", self._where.response, self._responses),
            ("item", self._where.item, self._items),
        ):
            if wanted is None:
                continue
            if sight is None:
                found = next(reversed(known), None)
            elif name == "item":
                found = sight.view.item_id
            else:
                found = sight.view.response_id or self._owner.get(sight.view.item_id or "")
            if found is None or wanted not in (found, known.get(found)):
                self.account.missed[f"not in {name} {wanted}"] += 1
                return False
        return True

    def _fits(self, sight: Sight) -> bool:
        where, missed = self._where, self.account.missed
        if not self._within(sight):
            return False
        if self._gate is not None and not self._gate.open:
            missed[f"not {self._gate.after.spec}"] += 1
            return False
        self._matched += 1
        if where.nth is not None and self._matched != where.nth:
            missed[f"not number {where.nth}"] += 1
            return False
        if where.every is not None and self._matched % where.every:
            missed[f"not every {where.every}"] += 1
            return False
        return self._lucky()

    def _lucky(self) -> bool:
        where = self._where
        if where.probability < 1 and self._chance.random() >= where.probability:
            self.account.missed["by chance not"] += 1
            return False
        if where.times is not None and self._hits >= where.times:
            self.account.missed[f"after the {where.times} allowed"] += 1
            return False
        self._hits += 1
        return True

    def _learn(self, sight: Sight) -> None:
        """Numbers responses and items in the order in which the server first names them."""
        if sight.sender is not SERVER or self._dialect.life.is_delta(sight.name):
            return  # a delta names nothing that was not named before it, and deltas are most of a session
        view = sight.view
        if view.response_id is not None:
            self._responses.setdefault(view.response_id, len(self._responses) + 1)
            if view.item_id is not None:
                self._owner.setdefault(view.item_id, view.response_id)
        if view.item_id is not None:
            self._items.setdefault(view.item_id, len(self._items) + 1)

    def _audio(self, sight: Sight) -> Micros:
        """Microseconds of audio in a frame, where they count."""
        if not self._counts_audio:
            return 0
        if sight.sender is SERVER and not self._dialect.life.is_delta(sight.name):
            self._format = self._dialect.output_format(sight.view) or self._format
        if self._gate is None or self._gate.open:
            return 0  # nothing is counted, so nothing needs to be read
        audio = sight.view.audio
        return 0 if audio is None else round(audio.milliseconds(*self._format) * 1_000)
