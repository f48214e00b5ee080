"""GOAWAY is taken out of a client's bytes, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.server.http2.leaving import GOAWAY, HEAD, LONGEST, PING, PREFACE, FrameTooLong, Sieve


def frame(kind: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, 0, 0, 0, 0, 1)) + payload


FRAMES = [frame(4, b""), frame(1, b"head"), frame(GOAWAY, bytes(8)), frame(0, b"data" * 50), frame(PING, bytes(8))]
WITHOUT = PREFACE + b"".join(one for one in FRAMES if one[3] != GOAWAY)


def test_a_cut_anywhere_changes_nothing() -> None:
    whole = PREFACE + b"".join(FRAMES)
    for cut in range(len(whole) + 1):
        sieve = Sieve()
        assert sieve.passed(whole[:cut]) + sieve.passed(whole[cut:]) == WITHOUT


def test_byte_by_byte() -> None:
    sieve = Sieve()
    whole = PREFACE + b"".join(FRAMES)
    assert b"".join(sieve.passed(bytes((one,))) for one in whole) == WITHOUT


def test_pings_are_taken_out_where_that_is_asked_for() -> None:
    sieve = Sieve()
    sieve.without |= {PING}
    assert sieve.passed(PREFACE + FRAMES[4] + FRAMES[1]) == PREFACE + FRAMES[1]


@given(st.lists(st.tuples(st.integers(0, 12), st.binary(max_size=40)), max_size=8), st.lists(st.integers(1, 30)))
def test_any_frames_in_any_pieces(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = PREFACE + b"".join(frame(kind, payload) for kind, payload in frames)
    sieve, out, place = Sieve(), b"", 0
    for cut in [*cuts, len(data)]:
        out += sieve.passed(data[place : place + cut])
        place += cut
    assert out == PREFACE + b"".join(frame(kind, payload) for kind, payload in frames if kind != GOAWAY)


def test_nothing_is_held_but_the_head_of_a_frame_and_one_that_is_too_long_is_told_at_once() -> None:
    sieve = Sieve()
    sieve.passed(PREFACE + LONGEST.to_bytes(3, "big") + bytes((0, 0, 0, 0, 0, 1)))
    assert len(sieve.passed(bytes(LONGEST))) == LONGEST
    assert len(sieve._head) < HEAD
    with pytest.raises(FrameTooLong, match="a frame of 16385 bytes: expected at most 16384"):
        sieve.passed((LONGEST + 1).to_bytes(3, "big") + bytes((0, 0, 0, 0, 0, 1)))
