"""The user's audio: whatever pieces it comes in, the same is kept, found and cut."""

from __future__ import annotations

from array import array
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.simulator.voice.activity import Turn
from mockserver.engines.simulator.voice.utterance import SPARED_MS, InputAudio

RATE = 8_000
LEVEL = 0.01
MS = 2 * RATE // 1000


def sound(*parts: tuple[int, int]) -> bytes:
    """Noise of these heights, so many milliseconds of each."""
    random = Random(1)
    out = array("h")
    for height, ms in parts:
        size = ms * RATE // 1000
        out.extend(random.randint(-height, height) for _ in range(size)) if height else out.frombytes(bytes(2 * size))
    return out.tobytes()


SAID = sound((0, 300), (9_000, 400), (2, 700), (900, 500), (0, 31_000), (20_000, 200), (0, 600))


def heard(cuts: list[int]) -> tuple[list[tuple[Turn, bytes]], float, bytes]:
    """The edges, with what was cut there; then where the audio ends, and the last of it."""
    audio, edges, start = InputAudio(RATE), [], 0
    for end in [*sorted(cuts), len(SAID)]:
        piece = SAID[start:end]
        start = end
        audio.append(piece, RATE)
        for turn in audio.edges(piece, LEVEL, 100, lambda silent: silent >= 200):
            pcm = audio.cut(turn.at_ms, turn.at_ms + 150)
            edges.append((turn, pcm))
            if turn.edge == "stop":
                audio.take(0, turn.at_ms)
    return edges, audio.position_ms, audio.cut(audio.position_ms - SPARED_MS, audio.position_ms)


WHOLE = heard([at * 20 * MS for at in range(1, len(SAID) // (20 * MS))])


def test_it_is_found_where_it_is() -> None:
    edges, end, _ = WHOLE
    assert [turn.edge for turn, _ in edges] == ["start", "stop"] * 3
    assert end == len(SAID) / MS
    begin, pcm = edges[0][0].at_ms, edges[0][1]
    assert len(pcm) > 100 * MS  # as far as it had come
    assert SAID[begin * MS :].startswith(pcm)


@given(st.lists(st.integers(0, len(SAID) // 2).map(lambda at: 2 * at), min_size=20, max_size=60))
def test_the_pieces_make_no_difference(cuts: list[int]) -> None:
    edges, end, last = heard(cuts)
    assert [turn for turn, _ in edges] == [turn for turn, _ in WHOLE[0]]
    assert abs(end - WHOLE[1]) < 1e-6
    assert last == WHOLE[2]
