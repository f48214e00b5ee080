"""What a lens remembers of the frame that all ask about."""

from __future__ import annotations

import pytest

from mockserver.core.frames import Frame, Sender, Text
from mockserver.core.view import Memo, View
from mockserver.dialects.base import Dialect


class Plain(Dialect):
    """A dialect whose names are found by reading the frame."""

    name = "plain-test"

    def __init__(self) -> None:
        self.read_frames = 0

    def view(self, frame: Frame, sender: Sender) -> View:
        self.read_frames += 1
        return super().view(frame, sender)


class Peeking(Plain):
    """One that finds them without."""

    name = "peeking-test"

    def peek(self, frame: Frame, sender: Sender) -> str:
        return "peeked"


@pytest.mark.parametrize(("lens", "name", "times"), [(Plain(), "a", 1), (Peeking(), "peeked", 0)])
def test_a_name_is_found_without_reading_a_frame_twice(lens: Plain, name: str, times: int) -> None:
    memo, frame = Memo(lens), Text('{"type":"a"}')
    assert memo.peek(frame, Sender.SERVER) == name
    assert lens.read_frames == times
    assert memo.view(frame, Sender.SERVER).name == "a"
    assert memo.peek(frame, Sender.SERVER) == name
    assert lens.read_frames == 1
    memo.view(Text('{"type":"a"}'), Sender.SERVER)
    assert lens.read_frames == 2, "another frame of the same words"
