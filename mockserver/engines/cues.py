"""What a recording is read into: steps of the client, cues of the server, the anchors that cues
wait for, chains that keep order.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from mockserver.core.frames import Abort, Frame, Hangup, Micros, Text
from mockserver.core.view import View
from mockserver.dialects.causes import Role
from mockserver.engines.aliases import Parts


@dataclass(eq=False, slots=True)
class Anchor:
    """``base`` is its recorded time, ``time`` its live time once everything it waits for has
    come.
    """

    base: Micros
    missing: int
    words: str = ""
    optional: bool = False  # waits for a client frame that may never come
    left: bool = False  # the client has gone on without that frame
    time: Micros | None = None
    waiting: list[Chain] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Cue:
    """One server frame, ready to go out."""

    index: int
    at: Micros
    delay: Micros
    frame: Frame
    effect: Hangup | Abort | None  # None: the frame is sent
    parts: Parts | None
    anchor: Anchor
    chain: Chain
    response: str
    role: Role
    closing: bool
    owed: bool  # a client that does what was recorded will see it, optional frames left out
    dropped: bool = False


@dataclass(eq=False, slots=True)
class Chain:
    """Cues that keep their order."""

    name: str
    cues: deque[Cue] = field(default_factory=deque)
    last: Micros = 0  # when the last one went out
    read: Cue | None = None  # the last one read, gone out or not


@dataclass(eq=False, slots=True)
class Step:
    """One recorded client frame that is not audio."""

    number: int
    index: int
    at: Micros
    view: View
    frame: Frame
    optional: bool
    about: str  # the response that it is about, where it may only come while that one runs
    audio_us: Micros  # how much client audio had been recorded before it
    audio_bytes: int
    state: str = (
        "pending"  # "done", "left" (an optional one that the client passed over; it may still come)
    )
    time: Micros = 0  # when it came, live
    anchors: list[Anchor] = field(default_factory=list)


Layout = tuple[str, str, int]
"""How a piece of a response begins: its type, its response, and where the latter stands."""
_HEAD = re.compile(
    r'(\{"type":"[^"\\]+\.delta","event_id":")[^"\\]*",("response_id":"[^"\\]+")'
)


def layout(frame: Frame) -> Layout | None:
    """The layout of a piece of a response; None for any other frame."""
    found = _HEAD.match(frame.data) if isinstance(frame, Text) else None
    return None if found is None else (found[1], found[2], found.start(2))


def alike(before: Layout | None, frame: Frame) -> bool:
    """Whether a frame is the next piece of the same response, told from where type and response
    stand: there are fifty a second of them, and they differ in one id and the payload.
    """
    if before is None or type(frame) is not Text:
        return False
    head, about, at = before
    text = frame.data
    return (
        text.startswith(head)
        and text.startswith(about, at)
        and text.find('"', len(head)) == at - 2
    )
