"""What runs on text from outside takes time in proportion to it: each pattern, on texts made to be slow for it, of two
sizes. Where the work grows with the square of the length, eight times the text takes 64 times as long.
"""

from __future__ import annotations

import json
from time import process_time

import pytest

from mockserver.cassette.redact import Redactor
from mockserver.cassette.shapes import SHAPES
from mockserver.cassette.spread import Spread
from mockserver.core.frames import Binary, Sender, Text

SIZE = 2_000
TIMES = 8
SLACK = 24
"""Times as long for eight times the text: what is linear takes 8, what is quadratic 64. So both have room to err."""
UNITS = [
    *dict.fromkeys(shape.marker for shape in SHAPES),
    *(f"{shape.marker}a" for shape in SHAPES[::7]),
    *("xai-xai-", "sk-learn-", "eyJ.", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "aaaaaaaa.", "123456789:AA"),
    *('"password": "', '"password":"a', '{"headers": ', '{"headers": {"a": 1, ', '"client_secret": {', '"api_key": ['),
    *('["api_key",', '{"name":"api_key","value":', '"headers": ["a: ', '"a":', "'a'=>", '\\"', "\\\\", "\\u0041"),
    *("\\u005c", "%25", "%", "&amp;", "&#38;", "bearer ", "Bearer  ", "basic a", "token=", "?token=", "&a=", "a=b&"),
    *("&token=abcd", "password=", "--api-key ", "X-Api-Key: ", "a: b\n", "\n", 'name="a"\r\n\r\n', "aaa8Q~", "a:'b'"),
    *('name="api_key"\r\n\r\nx', 'name="a"\r\na: b\r\n', "<apiKey>", "<apiKey>a</", "https://", "//a:b@", "://", "@"),
    *("a://", "a", "A1", "a-", "aB", " ", "\ue000", "\x1e", "REDACTED-key-1", "REDACTED-", "QUJD", "H4sI", "[", "{"),
    *(
        ":AA",
        "a: ",
        "api-key:",
        "x-api-key: a",
        "a=",
        "token=",
        "api_key=b",
        "bearer+",
        "Authorization: ",
        "?a=",
        "//a@",
    ),
    *(
        "password is ",
        'apiKey("',
        "key ",
        "code-",
        '<a name="password" ',
        '<a name="',
        "a,token\n",
        "a,token\nb,c1\n",
        "|token|\n",
    ),
    *(
        "-u a:",
        "login -p",
        "authorization: a ",
        "auth=('a',",
        "jdbc:aa:aa:a",
        "passwordx ",
        "A" * 76 + "\n",
        '{"kty":"oct","k":"',
    ),
    *('"', "'", '{"logprob"', '"token":"a",'),
]


def took(act: object, text: object) -> float:
    began = process_time()
    act(text)  # type: ignore[operator]
    return process_time() - began


def grows(act: object, make: object, size: int = SIZE, enough: float = SLACK) -> float:
    """How many times as long eight times the text takes; the least of some tries."""
    ratio, small, large = 99.0, make(size), make(TIMES * size)  # type: ignore[operator]
    for _ in range(4):
        one = min(took(act, small) for _ in range(2))
        ratio = min(ratio, took(act, large) / max(one, 0.0002))
        if ratio < enough:
            break
    return ratio


@pytest.mark.parametrize("unit", UNITS)
def test_eight_times_the_text_takes_eight_times_as_long(unit: str) -> None:
    def make(size: int) -> str:
        return unit * (size // len(unit))

    def act(text: str) -> str:
        return Redactor(values=["correct horse"]).text(text)

    assert grows(act, make) < SLACK
    assert grows(act, lambda size: json.dumps({"text": make(size)})) < SLACK
    assert grows(act, lambda size: f'{{"api_key":"{make(size)}') < SLACK


@pytest.mark.parametrize(
    "unit", [b"\x1f\x8b\x08", b"\x00{", b'\xff{"password":"', b"\x78\x9c", b"\x01a", b"\xef\xbb\xbf"]
)
def test_the_same_for_bytes(unit: bytes) -> None:
    assert grows(lambda raw: Redactor().frame(Binary(raw)), lambda size: unit * (size // len(unit))) < SLACK


def _square(text: str) -> int:
    return sum(1 for one in text for other in text if one == other)


def test_the_control_sees_the_square() -> None:
    assert grows(_square, lambda size: "a" * size, 150) > SLACK


def delta(text: str) -> Text:
    return Text(json.dumps({"type": "x.delta", "item_id": "i", "delta": text}))


@pytest.mark.parametrize(
    "first",
    ["://", " sk-", '"api_key": "', " Bearer ", "-----BEGIN PRIVATE KEY-----", '{"headers": {"a": "', "https://me:pa"],
)
@pytest.mark.parametrize("piece", ["a", " ", '"', "-", "\\", "%41"])
def test_a_long_delta_and_many_short_ones(first: str, piece: str) -> None:
    """Each delta costs as much as what is remembered of the stream, however much was said before."""

    def follow(size: int) -> float:
        spread = Spread(Redactor(values=["correct horse"]))
        spread.frame(0, 0, Sender.SERVER, delta("word " * (size // 5) + first))
        frames = [delta(piece)] * 30
        began = process_time()
        for number, frame in enumerate(frames, 1):
            spread.frame(0, number, Sender.SERVER, frame)
        return process_time() - began

    short, long = (min(follow(size) for _ in range(2)) for size in (4_000, 60_000))
    assert long < 2.5 * short + 0.02
    assert long < 0.5, "thirty short deltas"


def test_many_deltas_take_as_long_as_they_are_many() -> None:
    def follow(count: int) -> None:
        spread = Spread(Redactor())
        for number in range(count):
            spread.frame(0, number, Sender.SERVER, delta(f"https://host/{number % 7}?token sk-"))

    # The first deltas are cheaper, until as much is remembered as ever is; the square would be 64.
    assert grows(follow, lambda size: size, 30, 40) < 40
