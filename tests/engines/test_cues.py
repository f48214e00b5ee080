"""Telling the next piece of a response from where its type and response stand."""

from __future__ import annotations

import pytest

from mockserver.core.frames import Binary, Frame, Text
from mockserver.engines.cues import alike, layout

FIRST = Text('{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1","delta":"AAAA"}')


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (FIRST, True),
        (Text(FIRST.data.replace("event_1", "event_2").replace("AAAA", "B" * 5000)), True),
        (Text(FIRST.data.replace("resp_1", "resp_2")), False),
        (Text(FIRST.data.replace("audio.delta", "audio.dolta")), False),
        (Text(FIRST.data.replace("event_1", "event_12")), False),
        (Text(FIRST.data.replace('"event_id":"event_1"', '"event_id":"e\\",\\"a"')), False),
        (Text('{"type":"response.done"}'), False),
        (Binary(FIRST.data.encode()), False),
    ],
)
def test_only_the_same_type_and_response_at_the_same_place_is_alike(frame: Frame, expected: bool) -> None:
    assert alike(layout(FIRST), frame) is expected


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"response.done","event_id":"event_1","response_id":"resp_1"}',
        '{"event_id":"e","type":"x.delta"}',
        "no json",
    ],
)
def test_other_frames_have_no_layout(text: str) -> None:
    assert layout(Text(text)) is None
    assert not alike(layout(Text(text)), FIRST)
