"""What a recording tells of what a simulator cannot know: what the model said, and what was in the client's audio.

``mockserver agree`` gives it to the simulator, so that what is left to compare is how the server behaves. A provider
whose recordings say more than this base takes from them has a subclass, named in its ``Provider``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver.cassette.model import Connection
from mockserver.core.frames import Frame, Handshake, Micros, Sender
from mockserver.core.view import View
from mockserver.dialects.base import Dialect
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Replier


class Likeness:
    """Of one recorded connection."""

    piece_us: Micros = 0
    """How long a frame of audio that ``said`` returns takes, where the recording does not tell the time."""

    def __init__(self, dialect: Dialect, connection: Connection) -> None:
        self.dialect = dialect
        self.connection = connection

    # --- a provider overrides these ---

    def replier(self) -> Replier:
        """What the recorded model said, turn by turn."""
        return Recall()

    def settings(self) -> Mapping[str, Any]:
        """Other settings of ``simulator(...)`` that the recording tells: models, transcripts."""
        return {}

    def handshake(self) -> Handshake:
        """The recorded client's, at an address where the simulated server answers."""
        recorded = self.connection.handshake
        return Handshake(self.dialect.socket_path, recorded.query, recorded.headers, recorded.subprotocols)

    def beside(self) -> tuple[Handshake, Sequence[Frame]] | None:
        """The client whose session this connection joins, and what it sends first. None: it has its own."""
        return None

    def joined(self, told: Sequence[Frame]) -> Handshake:
        """The handshake where ``beside`` is somebody. ``told``: what that client was sent."""
        return self.handshake()

    def said(self, frame: Frame, number: int) -> Frame:
        """A client's frame of audio, the ``number``-th: other audio where the recording does not keep its own."""
        return frame

    def meanwhile(self) -> tuple[Frame, Micros] | None:
        """What the client goes on to send while it waits, and how long that lasts, where nothing moves without."""
        return None

    def exceptions(self) -> Mapping[str, str]:
        """Server events that are left out of the comparison, with the reason."""
        return {}

    # --- for these ---

    def views(self, sender: Sender) -> Iterator[View]:
        """The frames of one side, through the dialect's lens."""
        for record in self.connection.records:
            if record.sender is sender:
                yield self.dialect.view(record.frame, sender)

    def bodies(self, *names: str) -> Sequence[Mapping[str, Any]]:
        """The server's events of these names."""
        return [
            view.body for view in self.views(Sender.SERVER) if view.name in names and isinstance(view.body, Mapping)
        ]
