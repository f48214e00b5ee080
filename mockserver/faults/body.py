"""A fault at work in one session: what it sees, what it may use, and the body that does the one thing it is about.

``docs/write-your-own-fault.md`` starts from the smallest body. Nothing here knows a provider.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from mockserver.core.entry import SessionLog
from mockserver.core.frames import Binary, Frame, Item, Micros, Note, Sender, Text, frame_to_client, from_client
from mockserver.core.ids import Ids, rng
from mockserver.core.view import Lens, View
from mockserver.dialects.base import Dialect
from mockserver.faults.where import Where


class Tally:
    """How often a name was seen, and whether the fault means it."""

    __slots__ = ("meant", "seen")

    def __init__(self, meant: bool) -> None:
        self.meant = meant
        self.seen = 0


class Account:
    """What the sessions of one server share of a fault: where it applies, how often it fired, what it saw."""

    def __init__(self, spec: str, where: Where, seed: object) -> None:
        self.spec = spec
        self.where = where
        self.seed = seed
        self.fired = 0
        self.attempts = 0
        self.tallies: dict[Sender, dict[str, Tally]] = {Sender.CLIENT: {}, Sender.SERVER: {}}
        self.missed: Counter[str] = Counter()  # why frames with a matching name were let by


class Sight:
    """One frame on its way, as a fault sees it. The view is made when asked for."""

    __slots__ = ("_lens", "frame", "item", "name", "sender")

    def __init__(self, item: Item, frame: Frame, name: str, sender: Sender, lens: Lens) -> None:
        self.item = item
        self.frame = frame
        self.name = name
        self.sender = sender
        self._lens = lens

    @property
    def view(self) -> View:
        """The frame through the session's lens."""
        return self._lens.view(self.frame, self.sender)

    def as_text(self) -> Sight | None:
        """JSON that came in a binary frame, as if it had come as text; None for any other frame."""
        if not isinstance(self.frame, Binary) or not isinstance(self.view.body, dict | list):
            return None
        return Sight(self.item, Text(self.frame.data.decode(errors="replace")), self.name, self.sender, self._lens)


class Run:
    """What a body may use of the session it works in."""

    def __init__(self, account: Account, log: SessionLog, dialect: Dialect, sender: Sender) -> None:
        self.account = account
        self.log = log
        self.dialect = dialect
        self.sender = sender  # whose frames the fault is about
        self.random = self.rng("chance")
        self.ids = Ids(self.rng("ids"))

    @property
    def lens(self) -> Lens:
        """The session's lens; it remembers the frame at hand."""
        return self.log.lens

    def rng(self, part: str) -> random.Random:
        """Randomness for one part of this fault in this session. A fault's own seed replaces the session's."""
        account = self.account
        if account.where.seed is not None:
            return rng("fault", account.where.seed, self.log.number, part)
        return rng(self.log.seed, account.seed, account.spec, part)

    def sight(self, item: Item) -> Sight | None:
        """A frame of either side, or None where the item is none."""
        for frame, sender in ((frame_to_client(item), Sender.SERVER), (from_client(item), Sender.CLIENT)):
            if frame is not None:
                return Sight(item, frame, self.lens.peek(frame, sender), sender, self.lens)
        return None

    def fire(self, did: str, sight: Sight | None = None, **more: Any) -> Note:
        """The fault did something: count it, and say so in the journal."""
        self.account.fired += 1
        spec = self.account.spec
        data: dict[str, Any] = {"fault": spec, "did": did}
        if sight is not None:
            view = sight.view
            data["event"] = sight.name
            data["sender"] = sight.sender.value
            for name in ("response_id", "item_id", "event_id"):
                value = getattr(view, name)
                if value is not None:
                    data[name] = value
        data.update(more)
        subject = f" {sight.name}" if sight is not None else ""
        return Note("fault", f"{did}{subject} ({spec})", data)


class Body:
    """One fault at work in one session. The least that one has to say is ``hit``.

    ``screens``: whether ``screen`` wants to see every frame before the aim does.
    """

    screens: ClassVar[bool] = False

    def __init__(self, run: Run) -> None:
        self.run = run

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame that is meant. What is returned goes on in its place."""
        raise NotImplementedError

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """Anything that is not meant."""
        return (item,)

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Any frame, before it is aimed at. None lets it go on to be aimed at; () swallows it."""
        return None

    def wake_at(self) -> Micros | None:
        """When the body wants to be woken."""
        return None

    def wake(self, now: Micros) -> Iterable[Item]:
        """What is due."""
        return ()

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """What is held back, each with when it goes on; None where no time is set."""
        return ()

    def release(self, now: Micros) -> Iterable[Item]:
        """The fault is being taken away: what is held back and should not be lost."""
        return ()


class Moment(Body):
    """A fault that happens at a moment rather than to a frame. ``sight`` is None where only time has passed.

    ``instead``: the frame that marks the moment is not let on.
    """

    instead: ClassVar[bool] = False

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The moment has come."""
        raise NotImplementedError

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """A frame marks the moment: it goes first, or with ``before`` second."""
        struck = list(self.strike(sight, now))
        if self.instead:
            return struck
        if self.run.account.where.before:
            return [*struck, sight.item]
        return [sight.item, *struck]
