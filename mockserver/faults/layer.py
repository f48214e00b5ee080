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
from mockserver.faults.numbering import NumberedFrames
from mockserver.faults.share import Share
from mockserver.faults.where import Aim, Gate

CLIENT, SERVER = Sender.CLIENT, Sender.SERVER


class FaultLayer:
    """One fault in one session, as a ``core.session.Layer``: what it aims at goes through the fault's body."""

    def __init__(self, account: Account, action: Action, log: SessionLog, dialect: Dialect, now: Micros = 0) -> None:
        where, life = account.where, dialect.life
        self.account = account
        self._at_gate = action.aims == "moment" and not where.events and where.after is not None
        aim = Aim(where.events or action.on, life)
        self._aim = Aim((), life) if self._at_gate or action.aims == "handshake" else aim
        self._sender = where.spoken_by(action.sender, aim.names, dialect)
        run = Run(account, log, dialect, self._sender)
        self.body: Body = action.start(run)
        self._handshake = action.aims == "handshake"
        self._gate: Gate | None = None
        since = Aim((), life)
        if where.after is not None:
            told = action.since if where.after.since is None else where.after.since
            since = Aim(() if told is None else (told,), life)
            self._gate = Gate(where.after, since=since, began=now)
        # Only where a reply has no event for its begin do the frames before one tell whether it is the first.
        self._replies = dialect.replies(log.lens) if self._aim.first or since.first else None
        self._share = Share(where, run.rng("aim"))
        numbered = where.response is not None or where.item is not None
        self._numbered = NumberedFrames(where, life) if numbered else None
        heard = where.after is not None and where.after.unit == "audio"
        self._audio = AudioSeen(dialect) if heard else None
        self._lens = log.lens
        self._peek = log.lens.peek
        self._client, self._server = account.tallies[CLIENT], account.tallies[SERVER]
        self._attentive = self._gate is not None or self._replies is not None or numbered or self.body.screens
        self._others = type(self.body).other is not Body.other
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
        if struck and self._within(None) and self._meant(self._share.spared()):
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
        if not self._handshake or not self._meant(self._share.spared()):
            return self.body.other(item, now)
        return self.body.hit(Sight(item, Lost(), "handshake", CLIENT, self._lens), now)

    def _look(self, sight: Sight, meant: bool, now: Micros) -> Iterable[Item]:
        if self.body.screens:
            taken = self.body.screen(sight, now)
            if taken is not None:
                return taken
        begins = self._begins(sight)
        gate = self._gate
        opened = gate is not None and gate.see(
            sight.name, sight.sender is self._sender, self._heard(sight, gate), now, begins=begins
        )
        if self._numbered is not None:
            self._numbered.see(sight)
        if self._at_gate:
            if opened and self._within(sight) and self._meant(self._share.spared()):
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
        return self._numbered is None or self._meant(self._numbered.misses(sight))

    def _fits(self, sight: Sight) -> bool:
        if not self._within(sight):
            return False
        if self._gate is not None and not self._gate.open:
            return self._meant(f"not {self._gate.after.spec}")
        return self._meant(self._share.misses())

    def _meant(self, why_not: str) -> bool:
        """Count why a frame whose name is meant is let by; True where there is no reason."""
        if why_not:
            self.account.missed[why_not] += 1
        return not why_not

    def _heard(self, sight: Sight, gate: Gate) -> Micros:
        """Microseconds of audio in a frame, where they count."""
        return 0 if self._audio is None else self._audio.see(sight, counts=not gate.open)


class AudioSeen:
    """How much audio frames hold, in the format that the session has agreed on."""

    __slots__ = ("_dialect", "_format")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._format = (24_000, "pcm")

    def see(self, sight: Sight, *, counts: bool) -> Micros:
        """Microseconds of audio in a frame; 0 where they do not count, so that it need not be read."""
        if sight.sender is SERVER and not self._dialect.life.is_delta(sight.name):
            self._format = self._dialect.output_format(sight.view) or self._format
        audio = sight.view.audio if counts else None
        return 0 if audio is None else round(audio.milliseconds(*self._format) * 1_000)
