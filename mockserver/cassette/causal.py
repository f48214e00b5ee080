"""A connection's frames by cause: the order that a conversation has, without the order that chance has given them.

What a client sends keeps its order, and so does what one cause brought the service to say (the chains of
``dialects.causes``, which replay keeps too). How the two sides interleave is chance: a client's second request may
cross the answer to its first. So each frame of the service is put behind the client frame that it answers. Frames that
the dialect calls floating stand apart, and pieces of different streams in one unbroken run are put together by stream.

Two recordings of one conversation have the same order here. A service whose causes nobody knows keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mockserver.cassette.model import Record
from mockserver.core.frames import Close, Frame, Lost, Sender
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect, SampleFormat
from mockserver.dialects.causes import LOOK, Cause, On
from mockserver.dialects.life import listed

Place = tuple[int, int]
"""A client frame, by its number among the client's (-1: the connection itself), and what it brought about, in order."""
LAST = 1 << 60
FLOATS = "~"
"""How the chain of a floating frame begins."""


@dataclass(slots=True)
class CausalGroup:
    """Records that keep their order: a client frame, the client's audio in a row, or what one cause brought about.

    ``opened``: audio that the client did not end, or of which the service took a turn by itself before; and that of a
    service which speaks without end. ``form``: what the session says of it. ``answered``: where the last frame stands
    that the service said of it by itself.
    """

    sender: Sender
    chain: str
    records: list[int] = field(default_factory=list)
    key: str = ""
    opened: bool = False
    form: SampleFormat = SampleFormat()
    answered: int = 0


class _Order:
    """Sorts the records of one connection. ``blank`` is a text that is the same for the same frame of any recording."""

    def __init__(self, records: Sequence[Record], dialect: Dialect, blank: Callable[[View, Frame], str]) -> None:
        self._records, self._dialect, self._blank = records, dialect, blank
        self._causes = dialect.causes()
        self._at = 0
        self._client: list[CausalGroup] = []  # what the client sent
        self._server: dict[Place, dict[str, CausalGroup]] = {}
        self._labels: dict[str, Place] = {}
        self._steps: list[int] = []  # step -> its place in ``_client``
        self._audio: int | None = None  # the running stretch of client audio, by its place
        self._speaking: CausalGroup | None = None  # the same, from its first piece on
        self._form = SampleFormat()
        self._fresh: dict[int, int] = {}  # how many things each client frame has brought about
        self._ended = False

    def groups(self) -> Iterator[CausalGroup]:
        """All groups in order."""
        for place, record in enumerate(self._records):
            self._at = place
            view = self._dialect.view(record.frame, record.sender)
            if view.kind is Kind.KEEPALIVE:
                continue
            if record.sender is Sender.CLIENT:
                self._from_client(view, record.frame)
            else:
                self._from_server(view, record.frame)
        self._silent()
        yield from self._behind(-1)
        for place, group in enumerate(self._client):
            yield group
            yield from self._behind(place)
        yield from self._behind(LAST)

    def _behind(self, place: int) -> Iterator[CausalGroup]:
        mine = sorted(one for one in self._server if one[0] == place)
        for one in mine:
            yield from sorted(self._server[one].values(), key=lambda group: (group.chain.startswith(FLOATS), group.key))

    # --- the client ---

    def _from_client(self, view: View, frame: Frame) -> None:
        form = self._dialect.audio_format(view, self._form)
        if form != self._form:
            self._silent()
        self._form = form
        if view.kind is Kind.AUDIO and view.audio is not None:
            self._causes.audio()
            if self._speaking is None:
                self._speaking = CausalGroup(Sender.CLIENT, "audio", opened=True, form=form)
            self._speaking.records.append(self._at)
            return
        ends = listed(view.name, self._dialect.audio_ends)
        if ends and self._speaking is not None:
            self._speaking.opened = self._speaking.answered > 0
        if ends or isinstance(frame, Close | Lost):
            self._silent()
        self._causes.client(len(self._steps), view, self._ahead)
        self._steps.append(len(self._client))
        self._client.append(CausalGroup(Sender.CLIENT, "step", [self._at]))

    def _silent(self) -> None:
        """The stretch of audio is over."""
        self._placed()
        self._audio = self._speaking = None

    def _placed(self) -> None:
        """The client's audio stands where the service first took something from it, or where it ended.

        When a microphone was opened says nothing: it races with all else that a client sends.
        """
        if self._speaking is not None and self._audio is None:
            self._audio = len(self._client)
            self._client.append(self._speaking)

    # --- the service ---

    def _from_server(self, view: View, frame: Frame) -> None:
        if isinstance(frame, Close | Lost):
            self._put((LAST, 0), "end", view, frame)
            return
        cause = self._causes.server(view.name, frame, self._ahead)
        if cause.on in (On.AUDIO, On.BOTH) and self._speaking is not None:
            self._placed()
            self._speaking.answered = self._at
        place = self._place(cause)
        if cause.label:
            self._labels[cause.label] = place
        chain = cause.chain
        if listed(view.name, self._dialect.floating):
            if not (view.item_id or view.response_id):
                place = LAST, -1  # whose it is, only its place would say
                chain = f"{FLOATS}{view.name}"
            elif cause.on not in (On.AUDIO, On.BOTH):  # what it hears, it says in order
                chain = f"{FLOATS}{cause.chain} {view.item_id} {view.response_id}"
        self._put(place, chain, view, frame)

    def _put(self, place: Place, chain: str, view: View, frame: Frame) -> None:
        groups = self._server.setdefault(place, {})
        group = groups.get(chain)
        if group is None:
            group = groups[chain] = CausalGroup(Sender.SERVER, chain, key=self._blank(view, frame))
            if view.audio is not None and place == (LAST, -1):
                # A service that speaks on a clock of its own is silent as long as it likes, too.
                group.opened, group.form, group.answered = True, self._form, LAST
        group.records.append(self._at)

    def _place(self, cause: Cause) -> Place:
        match cause.on:
            case On.OPENING:
                return -1, 0
            case On.STEPS:
                return self._steps[max(cause.steps)], 0
            case On.LIKE:
                return self._labels.get(cause.like) or self._latest()
            case On.AUDIO:
                if cause.label in self._labels:
                    return self._labels[cause.label]
                return self._anew(len(self._client) - 1 if self._audio is None else self._audio)
            case On.BOTH:
                return self._anew(self._latest()[0])
            case On.BEFORE:
                return self._latest()

    def _anew(self, place: int) -> Place:
        """One more thing that this client frame, or the audio, has brought about."""
        number = self._fresh[place] = self._fresh.get(place, 0) + 1
        return place, number

    def _latest(self) -> Place:
        step = self._steps[-1] if self._steps else -1
        return max(step, -1 if self._audio is None else self._audio), 0

    def _ahead(self) -> Iterator[tuple[str, Frame]]:
        for place in range(self._at + 1, min(self._at + 1 + LOOK, len(self._records))):
            record = self._records[place]
            if record.sender is Sender.SERVER:
                yield self._dialect.peek(record.frame, Sender.SERVER), record.frame


def arranged(records: Sequence[Record], dialect: Dialect, blank: Callable[[View, Frame], str]) -> Iterator[CausalGroup]:
    """The records of a connection in the order of their causes, without keep-alives.

    A floating frame behind all others, where the client then left, is left out: another client leaves before it comes.
    """
    late = _too_late(records, dialect)
    for group in _Order(records, dialect, blank).groups():
        group.records = [place for place in group.records if place not in late]
        if group.records:
            yield group


def server_frames(records: Sequence[Record], dialect: Dialect) -> list[Frame]:
    """What the service sent, in the order of its causes."""
    groups = _Order(records, dialect, lambda view, frame: view.name).groups()
    return [records[place].frame for group in groups if group.sender is Sender.SERVER for place in group.records]


def _too_late(records: Sequence[Record], dialect: Dialect) -> set[int]:
    late: set[int] = set()
    leaves = False
    for place in range(len(records) - 1, -1, -1):
        record = records[place]
        if isinstance(record.frame, Close | Lost):
            leaves = leaves or record.sender is Sender.CLIENT
            if record.sender is Sender.SERVER:
                break
        elif record.sender is Sender.SERVER and listed(dialect.peek(record.frame, record.sender), dialect.floating):
            late.add(place)
        elif record.sender is Sender.SERVER or dialect.view(record.frame, record.sender).kind is not Kind.AUDIO:
            break
    return late if leaves else set()
