"""The audio of a call: what is lost is silence of that length, and an engine gets the format that it asked for."""

from __future__ import annotations

import pytest

from mockserver import speech
from mockserver.server.webrtc.sound import LONGEST_GAP, RATE, CallerSound, Converter, Speaker, frame_of, pcm_of
from mockserver.speech import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

WORDS = "It is sunny."
PACKET = RATE // 50


def heard(*places: int) -> bytes:
    """What is handed on of packets that begin at these samples."""
    pieces: list[bytes] = []
    ear = CallerSound(pieces.append)
    for place in places:
        frame = frame_of(b"\1\1" * PACKET, RATE)
        frame.pts = place
        ear.hear(frame)
    return b"".join(pieces)


def test_packets_that_are_lost_are_silence_and_never_more_than_some() -> None:
    assert heard(0, PACKET) == b"\1\1" * PACKET * 2  # the negative control
    assert heard(0, 3 * PACKET) == b"\1\1" * PACKET + bytes(PACKET * 4) + b"\1\1" * PACKET
    assert len(heard(0, 60 * RATE)) <= 2 * (LONGEST_GAP * RATE + 2 * PACKET)
    assert heard(5 * PACKET, 0) == b"\1\1" * PACKET * 2  # a clock that goes back adds nothing


@pytest.mark.parametrize(("encoding", "decode"), [("ulaw", ulaw_decode), ("alaw", alaw_decode)])
def test_the_engine_hears_the_format_that_it_asked_for(encoding: str, decode: object) -> None:
    converter, pcm = Converter(), speech.encode(WORDS, RATE) + bytes(RATE)
    assert converter.converted(pcm, RATE, "pcm") == pcm
    narrow = converter.converted(pcm, 8_000, encoding)
    assert len(narrow) == pytest.approx(len(pcm) / 6, abs=200)
    assert speech.decode(decode(narrow), 8_000) == WORDS  # type: ignore[operator]


@pytest.mark.parametrize(("encoding", "encode"), [("ulaw", ulaw_encode), ("alaw", alaw_encode), ("pcm", bytes)])
async def test_what_an_engine_says_in_another_format_is_played(encoding: str, encode: object) -> None:
    speaker = Speaker()
    speaker.put(encode(speech.encode(WORDS, 8_000)), 8_000, encoding)  # type: ignore[operator]
    speaker.put(encode(bytes(8_000)), 8_000, encoding)  # type: ignore[operator]
    assert speech.decode(bytes(speaker._queued), RATE) == WORDS
    speaker.clear()
    assert pcm_of(await speaker.recv()) == bytes(2 * PACKET)
