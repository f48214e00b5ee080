"""Send a recorded client side again, to a server that answers anew: when each frame may go, and with which ids.

The recording says what the client had seen when it sent a frame. The same frame goes out live once the live server has
sent as much: each event of that kind as often as recorded, deltas at least once (their number is the provider's). Audio
waits where an utterance begins; one that is under way goes on at its own pace, whatever the server says meanwhile. Ids
that the server mints are learned by pairing the n-th event of a kind with the n-th recorded one, and put into what is
sent after. This is the mirror of replay, where the client's ids are the ones that change.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from mockserver.cassette.causal import server_frames
from mockserver.cassette.model import Record
from mockserver.core.frames import MILLISECOND, SECOND, Close, Frame, Lost, Micros, Sender, Text
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect, SampleFormat
from mockserver.dialects.life import listed

_ID_KEY = re.compile(r"(^|_)id$|Id$")
_PLACE_KEY = re.compile(r"(^|_)(id|index)$|(Id|Index)$")
_SHORT_TEXT = re.compile(r'"([^"\\\s]{1,300})"')
"""A text that may be an id: one pass over a frame finds all of them, however many ids are known."""
LONGEST_PAUSE: Micros = 1 * SECOND
"""A recorded pause between two client frames is kept up to this."""
STAYED: Micros = 200 * MILLISECOND
"""A recorded client that heard nothing for so long before it left would have heard what was still to come."""
SILENCE: Micros = 300 * MILLISECOND
"""Audio that comes so much later than the piece before it has played begins an utterance."""
AHEAD: Micros = 500 * MILLISECOND
"""A client so far ahead of what a microphone gives sends from a store, and may wait for what it has heard by then."""


@dataclass(frozen=True, slots=True)
class FollowedStep:
    """One frame of the recorded client. ``after``: what the server had sent; ``pause``: what the client then waited.

    ``waits``: whether the frame goes only after that. Audio of an utterance that was under way does not.
    """

    frame: Frame
    after: Counter[str]
    pause: Micros
    waits: bool


class Follower:
    """Follows one recorded connection against a live server."""

    def __init__(
        self,
        records: Sequence[Record],
        dialect: Dialect,
        *,
        timed: bool = True,
        longest_pause: Micros = LONGEST_PAUSE,
    ) -> None:
        self._dialect = dialect
        self._longest_pause = longest_pause
        self.recorded = [record.frame for record in records if record.sender is Sender.SERVER]
        self.live: list[Frame] = []
        self._records = records
        self._exchanged: list[Record] = []
        self.steps = list(self._plan(records, timed))
        self._bodies = self._by_name(self.recorded)
        self._seen: Counter[str] = Counter()
        self._given_up: set[str] = set()
        self._ids: dict[str, str] = {}
        self.whole = Counter({name: len(bodies) for name, bodies in self._bodies.items()})
        names = {dialect.inside(dialect.view(frame, Sender.SERVER)) for frame in self.recorded}
        self._floated = {name for name in names if listed(name, dialect.floating)}
        self._hasty = _hasty(records, timed)
        self._twice = {  # what the recorded server itself said again
            name for name, bodies in self._bodies.items() if len({_place(body) for body in bodies}) < len(bodies)
        }
        self._complete: int | None = None

    def again(self) -> Follower:
        """For one more live session with the same recording, which has been read."""
        other = copy(self)
        other.live, other._exchanged = [], []
        other._seen, other._given_up, other._ids, other._complete = Counter(), set(), {}, None
        return other

    def _plan(self, records: Sequence[Record], timed: bool) -> Iterator[FollowedStep]:
        after: Counter[str] = Counter()
        microphone = _Microphone(self._dialect)
        last: Micros | None = None
        sent: Micros = 0
        for record in records:
            view = self._dialect.view(record.frame, record.sender)
            if record.sender is Sender.SERVER:
                if self._counts(view):
                    name = self._dialect.inside(view)
                    after[name] = 1 if listed(name, self._dialect.repeated) else after[name] + 1
            else:
                lasts, under_way = microphone.takes(view, record.at)
                under_way = under_way and timed
                if timed:
                    since = sent if under_way else record.at if last is None else last
                    pause = min(record.at - since, self._longest_pause)
                else:
                    pause = lasts
                yield FollowedStep(record.frame, Counter(after), max(pause, 0), waits=not under_way)
                sent = record.at
            last = record.at

    def _by_name(self, frames: Sequence[Frame]) -> dict[str, list[Any]]:
        named: dict[str, list[Any]] = {}
        for frame in frames:
            view = self._dialect.view(frame, Sender.SERVER)
            if self._counts(view):
                named.setdefault(self._dialect.inside(view), []).append(view.body)
        return named

    def _counts(self, view: View) -> bool:
        ends = view.kind in (Kind.CLOSE, Kind.LOST, Kind.KEEPALIVE)
        return not ends and (
            listed(view.name, self._dialect.own_clock) or not listed(view.name, self._dialect.floating)
        )

    def received(self, frame: Frame) -> None:
        """The live server sent this."""
        self.live.append(frame)
        self._exchanged.append(Record(0, Sender.SERVER, frame))
        view = self._dialect.view(frame, Sender.SERVER)
        name = self._dialect.inside(view)
        bodies = self._bodies.get(name, [])
        if not listed(name, self._dialect.repeated) and self._seen[name] < len(bodies):
            _learn(bodies[self._seen[name]], view.body, self._ids)
        self._seen[name] += 1
        if self._complete is None and not self.missing(self.whole):
            self._complete = len(self.live)

    def sent(self, frame: Frame) -> None:
        """The live server was sent this."""
        self._exchanged.append(Record(0, Sender.CLIENT, frame))

    def compared(self) -> tuple[list[Frame], list[Frame]]:
        """What the recorded and the live server sent, as far as it is to be compared, in the order of its causes."""
        heard = {id(frame) for frame in self.heard}
        live = server_frames(self._exchanged, self._dialect)
        return server_frames(self._records, self._dialect), [frame for frame in live if id(frame) in heard]

    @property
    def heard(self) -> list[Frame]:
        """The live frames that the recorded client would have heard too: it may have left in the middle of a burst.

        Behind the last event that counts, what is new may be the rest of the burst; what was said before is not.
        """
        if not self._hasty or self._complete is None:
            return self.live
        said = {self._said(frame) for frame in self.live[: self._complete]}
        heard = self.live[: self._complete]
        for frame in self.live[self._complete :]:
            place = self._said(frame)
            if self._was_heard(frame) or (place is not None and place in said):
                heard.append(frame)
            said.add(place)
        return heard

    def _said(self, frame: Frame) -> Hashable:
        """What a server says once: one event of one response or item, at one place in it. None for all else."""
        view = self._dialect.view(frame, Sender.SERVER)
        if not (view.response_id or view.item_id) or not self._counts(view):
            return None
        name = self._dialect.inside(view)
        if listed(name, self._dialect.repeated) or name in self._twice:
            return None
        return name, _place(view.body)

    def _was_heard(self, frame: Frame) -> bool:
        """Whether a frame behind the last one that counts stands for a recorded one, or ends the connection."""
        name = self._dialect.inside(self._dialect.view(frame, Sender.SERVER))
        return isinstance(frame, Close | Lost) or name in self._floated

    def missing(self, after: Counter[str]) -> list[str]:
        """What has not come yet of these, except what was given up waiting for."""
        return [
            name
            for name, count in after.items()
            if name not in self._given_up and self._seen[name] < (1 if listed(name, self._dialect.repeated) else count)
        ]

    def give_up(self, names: Sequence[str]) -> None:
        """Nothing waits for these any more: they have not come in time once."""
        self._given_up.update(names)

    def know(self, ids: Mapping[str, str]) -> None:
        """Other ids in the place of these: the client's own, which each call has anew."""
        self._ids.update(ids)

    def translated(self, frame: Frame) -> Frame:
        """The recorded client frame with the live ids; every other byte as recorded."""
        if not isinstance(frame, Text) or not self._ids:
            return frame
        data = _SHORT_TEXT.sub(self._other, frame.data)
        return frame if data == frame.data else Text(data)

    def _other(self, text: re.Match[str]) -> str:
        new = self._ids.get(text[1])
        return text[0] if new is None else json.dumps(new)


class _Microphone:
    """What the recorded client said, and when: does a piece of audio go on with an utterance, or begin one?"""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._format = SampleFormat()
        self._until: Micros | None = None
        self._played: Micros = 0

    def takes(self, view: View, at: Micros) -> tuple[Micros, bool]:
        """One client frame: how long its audio lasts, and whether an utterance was under way that it goes on with."""
        self._format = self._dialect.audio_format(view, self._format)
        if view.kind is not Kind.AUDIO:
            if listed(view.name, self._dialect.audio_ends):
                self._until = None
            return 0, False
        lasts = self._lasts(view)
        if self._until is None or at - self._until > SILENCE:
            under_way, self._played = False, at
        else:
            under_way = self._played - at <= AHEAD
        self._until = at + lasts
        self._played = max(self._played, at) + lasts
        return lasts, under_way

    def _lasts(self, view: View) -> Micros:
        if view.audio is None:
            return 0
        if view.audio.rate:
            return round(view.audio.milliseconds() * MILLISECOND)
        return self._format.micros(view.audio.size)


def _hasty(records: Sequence[Record], timed: bool) -> bool:
    """Whether the recording ends with the client leaving right after the server had spoken."""
    if not records or records[-1].sender is Sender.SERVER or not isinstance(records[-1].frame, Close | Lost):
        return False
    spoken = [record.at for record in records if record.sender is Sender.SERVER]
    return bool(spoken) and (not timed or records[-1].at - spoken[-1] < STAYED)


def _place(body: Any, key: str = "") -> tuple[Hashable, ...]:
    """The ids and indexes in an event, without its own id: an event is told again under another one."""
    match body:
        case dict():
            inner = ((name, _place(body[name], name)) for name in sorted(body) if name != "event_id")
            return tuple((name, place) for name, place in inner if place)
        case list():
            return tuple(place for one in body if (place := _place(one, key)))
        case str() | int() if _PLACE_KEY.search(key):
            return (str(body),)
        case _:
            return ()


def _learn(recorded: Any, live: Any, ids: dict[str, str], key: str = "") -> None:
    """Bind the ids of one event: strings under a key that names an id, at the same place in both."""
    match recorded, live:
        case dict(), dict():
            for name, value in recorded.items():
                if name in live:
                    _learn(value, live[name], ids, name)
        case list(), list():
            for one, other in zip(recorded, live, strict=False):
                _learn(one, other, ids, key)
        case str(), str() if recorded != live and _ID_KEY.search(key):
            ids.setdefault(recorded, live)
        case _:
            pass
