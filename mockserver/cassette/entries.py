"""What a recorder writes of each entry: redacted, in order, on its way to the file.

Each connection has a redactor and streams of its own, so that a frame that takes long can be looked at by a thread
while the other connections go on (``ahead``). Values that are known and tokens belong to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mockserver.cassette import audio, codec
from mockserver.cassette.clean import standing_error
from mockserver.cassette.model import Exchange, Record
from mockserver.cassette.redact import Redactor
from mockserver.cassette.spread import Spread
from mockserver.core.entry import Entry
from mockserver.core.frames import LONG, Answer, Binary, Close, Frame, Handshake, Lost, Micros, Note, Sender, Text
from mockserver.core.view import Lens
from mockserver.errors import SecretFound

WITHHELD = Text("REDACTED-frame-1")
"""What a partial file holds in the place of a frame whose secret cannot be taken out."""

Looked = tuple[Frame, Frame, str]
"""A frame, what is to be written of it, and the kind of a secret that still stands in that."""


@dataclass(slots=True)
class _Connection:
    """One connection of the recording."""

    number: int
    redactor: Redactor
    spread: Spread
    count: int = 0
    doubt: dict[tuple[int, int], tuple[Micros, Sender]] = field(default_factory=dict)
    ahead: Looked | None = None  # what a thread has found of the frame that comes next

    def look(self, sender: Sender, frame: Frame) -> tuple[Frame, str]:
        """The next frame as it may be written, and the kind of what still stands in it."""
        if self.ahead is not None:
            (seen, new, standing), self.ahead = self.ahead, None
            if seen is frame:
                return new, standing
            self.spread.forget(self.number, self.count)  # a fault has taken it away
        return self.spread.frame(self.number, self.count, sender, frame)


class EntryWriter:
    """Writes entries through a ``codec.Writer``, which keeps frames until it is asked to ``commit``.

    ``name``: what errors call the cassette. ``began``: when a session began.
    """

    def __init__(
        self,
        writer: codec.Writer,
        redactor: Redactor,
        lens: Lens,
        policy: audio.Policy,
        *,
        name: object,
        began: Callable[[int], Micros],
    ) -> None:
        self._writer, self._redactor, self._lens, self._policy = writer, redactor, lens, policy
        self._name, self._began = name, began
        self._connections: dict[int, _Connection] = {}
        self.frames = 0
        self.problem: SecretFound | None = None
        self.withheld: dict[tuple[int, int], Frame] = {}

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    def spreads(self) -> dict[int, Spread]:
        """What was seen of each connection's streams, by its number in the cassette. What they have counted is added
        up; nothing is looked at by a thread any more.
        """
        for one in self._connections.values():
            self._over(one)
        return {one.number: one.spread for one in self._connections.values()}

    def write(self, entry: Entry) -> None:
        """Keep one entry for the next ``commit``."""
        what, at = entry.what, entry.at
        here = self._connections.get(entry.session)
        if type(what) is not Text or here is None:  # as nearly none
            if isinstance(what, Note):
                return
            if here is None:
                here = self._begin(entry)
            if isinstance(what, Handshake):
                return
            if isinstance(what, Answer):
                self._writer.answer(here.number, at, self._redactor.answer(what))
                return
        place, sender = here.count, entry.sender or Sender.SERVER
        frame, standing = here.look(sender, what)
        if standing:
            # The recording goes on for the client's sake, but no cassette is made of it.
            where = f"connection {here.number}, frame {place} ({sender})"
            self.problem = self.problem or standing_error(self._name, where, standing)
            self.withheld[here.number, place] = what
            frame = WITHHELD
        if self._policy == "keep" and isinstance(frame, Text):
            self._writer.keep_text(here.number, at, sender, frame.data)
        else:
            self._writer.keep(here.number, audio.quiet(Record(at, sender, frame), self._lens, self._policy))
        if frame is not what and here.spread.in_doubt(here.number, place):
            here.doubt[here.number, place] = (at, sender)
        if given := here.spread.given():
            self._give(here, given)
        here.count = place + 1
        self.frames += 1
        if isinstance(what, Close | Lost):
            self._over(here)

    def texts(self, session: int, at: Micros, texts: Sequence[str]) -> None:
        """Keep text frames of the server that came together."""
        here = self._connections.get(session)
        if here is None or here.ahead is not None or self._policy != "keep":
            for text in texts:
                self.write(Entry(0, session, at, Sender.SERVER, Text(text)))
            return
        search, kept, number = here.redactor.search, self._writer.kept, here.number
        same, named, pack, kind = search.quiet.same, search.named, codec.pack, codec.TEXT + 1
        for text in texts:
            # Nearly all: like one before in which there was nothing, as ``Spread.frame`` says.
            if same(text) and not named(text):
                kept.append(pack([kind, number, at, text]))
                here.count += 1
                self.frames += 1
            else:
                self.write(Entry(0, session, at, Sender.SERVER, Text(text)))
                kept = self._writer.kept  # what was kept may have been written

    def ahead(self, session: int, sender: Sender, frame: Frame) -> Callable[[], None] | None:
        """What there is to do before the next frame of a session is written, where that may take long: a thread can do
        it, as long as nothing else of this session is written meanwhile.
        """
        here = self._connections.get(session)
        if here is None or here.ahead is not None or not isinstance(frame, Text | Binary) or len(frame.data) < LONG:
            return None
        if isinstance(frame, Text) and here.redactor.search.quiet.same(frame.data):
            return None
        connection = here

        def look() -> None:
            connection.ahead = (frame, *connection.look(sender, frame))

        return look

    def exchange(self, one: Exchange) -> None:
        """Write one HTTP request with its reply, as ``cleaned`` gives it."""
        self._writer.exchange(one)

    def cleaned(self, one: Exchange) -> Exchange:
        """An exchange without secrets. A thread may do this while frames are written."""
        redactor = self._redactor.beside()
        made = redactor.exchange(one)
        self._redactor.counts.update(redactor.counts)
        return made

    def give_all(self) -> None:
        """Nothing follows any more: what was held back of frames is written again."""
        for here in self._connections.values():
            self._give(here, here.spread.give_all())

    def _give(self, here: _Connection, frames: list[tuple[int, int, Frame]]) -> None:
        """Write again what was held back of a frame, now that it is known to be no secret."""
        for number, place, frame in frames:
            at, sender = here.doubt.pop((number, place))
            self._writer.given(number, place, audio.quiet(Record(at, sender, frame), self._lens, self._policy))

    def _over(self, here: _Connection) -> None:
        """A connection has ended: a recorder that runs long keeps of it what was found, and nothing else."""
        if here.redactor is not self._redactor:
            self._redactor.counts.update(here.redactor.counts)
            here.redactor = self._redactor
            here.spread.end(self._redactor)

    def _begin(self, entry: Entry) -> _Connection:
        redactor = self._redactor.beside()
        here = _Connection(len(self._connections), redactor, Spread(redactor))
        self._connections[entry.session] = here
        shake = entry.what if isinstance(entry.what, Handshake) else Handshake()
        self._writer.opened(here.number, self._began(entry.session), self._redactor.handshake(shake))
        return here
