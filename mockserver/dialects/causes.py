"""Which client frame a recorded server frame answers: the shape of the answer, and what holds for
any stream.

Replay walks a recording once and asks a ``Causes`` tracker about every frame, in recorded order. The tracker says what
a server frame waits for (``Cause``); replay turns that into anchors and delays (``engines.replay.recording``). A
tracker holds no times and never looks at the live session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Protocol

from mockserver.core.frames import Frame
from mockserver.core.view import Kind, View

LOOK = 5_000
"""So many records are looked at for what comes after one (``Ahead``)."""


class On(Enum):
    """What a server frame waits for."""

    OPENING = "the connection"
    STEPS = "client frames"  # Cause.steps
    AUDIO = "client audio"  # as much as had been recorded before it
    BEFORE = "all client frames recorded before it"
    BOTH = "all client frames and as much audio as recorded before it"
    LIKE = "what another frame waited for"  # Cause.like


class Role(Enum):
    """What a server frame is to a response that can be cancelled."""

    NONE = 0
    BEGINS = 1
    DELTA = 2  # a cancel drops those that have not been sent
    PART = 3
    ENDS = 4


@dataclass(frozen=True, slots=True)
class Cause:
    """What a server frame waits for, and the chain that it keeps its place in.

    Frames of one ``chain`` never overtake each other; frames of two chains may. ``label`` names this frame's anchor for
    later frames (``like``). ``response`` and ``role`` say what a cancel does to it. ``closing``: it must be sent in the
    end even if the client never sends the optional frame it waits for. ``prompt``: the service answers such requests
    one after another, so that no later answer comes before this one.
    """

    on: On
    chain: str = "main"
    steps: tuple[int, ...] = ()
    like: str = ""
    label: str = ""
    response: str = ""
    role: Role = Role.NONE
    closing: bool = False
    prompt: bool = False


TURNS = "turns"
"""The chain of all responses in the default conversation: one begins when the one before it has
ended.
"""
APART = "apart"
"""The chain of what a service says on a clock of its own, whatever it hears."""
OPENING = Cause(On.OPENING)
BEFORE = Cause(On.BEFORE)
Ahead = Callable[[], Iterable[tuple[str, Frame]]]
"""The server frames recorded after this one, as (name, frame), for the few questions that need a
look ahead.
"""


class Causes(Protocol):
    """Told every recorded frame in order."""

    def client(self, step: int, view: View, ahead: Ahead) -> str:
        """A client frame that is not audio. Returns the response it is about where it may only come while that one
        runs.
        """
        ...

    def server(self, name: str, frame: Frame, ahead: Ahead) -> Cause:
        """A server frame. ``name`` is its peeked name; a tracker parses the frame only where it must."""
        ...

    def audio(self) -> None:
        """A client audio frame passed."""
        ...


class InOrder:
    """For a stream nobody knows anything about: what comes before any client frame waits for the connection only."""

    def __init__(self) -> None:
        self._begun = False

    def client(self, step: int, view: View, ahead: Ahead) -> str:
        """The first client frame ends the opening."""
        self._begun = True
        return ""

    def audio(self) -> None:
        """Audio is a client frame like any other here."""
        self._begun = True

    def server(self, name: str, frame: Frame, ahead: Ahead) -> Cause:
        """After all client frames recorded before it."""
        return BEFORE if self._begun else OPENING


class Turns:
    """For services that stream audio both ways and know turns but no requests (Gemini, Ultravox, Phonic ...).

    A frame that reacts to what the user says (``heard``) and the first frame of the server's turn wait for the client's
    audio up to there. What follows in the turn keeps its distance to that frame, however the microphone goes on. A
    client frame that is not audio begins anew: what comes after it waits for it. Frames ``apart`` run on a clock of
    their own from the first answer on.
    """

    def __init__(self, *, heard: tuple[str, ...] = (), ends: tuple[str, ...] = (), apart: tuple[str, ...] = ()) -> None:
        self._heard, self._ends, self._apart = heard, ends, apart
        self._begun = False
        self._fresh = True  # a client step, or the end of a turn, since the last server frame
        self._audio = False  # client audio since the last frame that waited for audio
        self._stepped = False
        self._first = True
        self._label = ""  # of the frame that the turn is told from

    def client(self, step: int, view: View, ahead: Ahead) -> str:
        """What comes now waits for this frame."""
        if view.kind is not Kind.KEEPALIVE:
            self._begun = self._fresh = self._stepped = True
        return ""

    def audio(self) -> None:
        """More of the user was heard."""
        self._begun = self._audio = True

    def server(self, name: str, frame: Frame, ahead: Ahead) -> Cause:
        """The first frame of a turn waits for what the client did; the rest keeps its distance to that frame."""
        if not self._begun:
            return OPENING
        if any(fnmatchcase(name, pattern) for pattern in self._apart) and not self._first:
            return Cause(On.LIKE, chain=APART, like="first")
        heard = any(fnmatchcase(name, pattern) for pattern in self._heard)
        if not (self._audio or self._stepped) or not (self._fresh or heard):
            self._fresh = self._fresh or any(fnmatchcase(name, pattern) for pattern in self._ends)
            return Cause(On.LIKE, like=self._label)
        on = On.BOTH if self._audio else On.BEFORE
        self._audio = self._stepped = False
        self._fresh = any(fnmatchcase(name, pattern) for pattern in self._ends)
        self._label, self._first = "first" if self._first else "turn", False
        return Cause(on, label=self._label)
