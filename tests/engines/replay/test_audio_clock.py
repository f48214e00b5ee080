from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.frames import Binary, Sender, Text
from mockserver.core.view import Audio
from mockserver.dialects.base import SampleFormat
from mockserver.dialects.openai.lens import OPENAI
from mockserver.dialects.ultravox import ULTRAVOX
from mockserver.engines.replay.audio_clock import AudioClock, audio_bytes


@given(st.lists(st.integers(0, 5_000), max_size=20))
def test_chunking_does_not_change_the_time(sizes: list[int]) -> None:
    cut, whole = AudioClock(), AudioClock()
    for size in sizes:
        cut.take(Audio(size))
    whole.take(Audio(sum(sizes)))
    assert (cut.us, cut.size) == (whole.us, whole.size)


def test_formats() -> None:
    ear = AudioClock()
    ear.take(Audio(48_000))
    assert ear.us == 1_000_000
    ear.switch(SampleFormat(8_000, 1))
    ear.take(Audio(8_000))
    assert ear.us == 2_000_000
    ear.take(Audio(32_000, 16_000, "pcm"))
    assert ear.us == 3_000_000
    ear.jump(5_000_000)
    ear.take(Audio(32_000, 16_000, "pcm"))
    assert ear.us == 6_000_000


def test_audio_of_a_frame() -> None:
    data = base64.b64encode(b"abcd").decode()
    append = Text(f'{{"type":"input_audio_buffer.append","audio":"{data}"}}')
    assert audio_bytes(OPENAI.view(append, Sender.CLIENT), append) == b"abcd"
    binary = Binary(b"ab")
    assert audio_bytes(ULTRAVOX.view(binary, Sender.CLIENT), binary) == b"ab"
    broken = Text('{"type":"input_audio_buffer.append","audio":"a"}')
    assert audio_bytes(OPENAI.view(broken, Sender.CLIENT), broken) == b""
