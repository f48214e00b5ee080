"""Cassettes for the tests of this folder, and what hypothesis draws them from."""

from __future__ import annotations

import base64
import json
import random
import re

from hypothesis import strategies as st

from mockserver.cassette.model import Cassette, Connection, Exchange, Header, Record
from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Sender, Text

words = st.text(max_size=40)
pairs = st.lists(st.tuples(words, words), max_size=3).map(tuple)
payloads = st.binary(max_size=400).map(lambda raw: base64.b64encode(raw).decode())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | words | payloads,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
indented = json_values.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1))
texts = words | json_values.map(json.dumps) | indented
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Text, texts),
    st.builds(Binary, st.binary(max_size=300)),
    st.builds(Close, st.none() | st.integers(1000, 4999), words),
    st.builds(Lost, words),
)
times = st.integers(0, 2**50)
records = st.builds(Record, times, st.sampled_from(Sender), frames)
values = words.map(lambda word: re.sub(r"[\r\n\0]", "", word))
heads = st.lists(st.tuples(values, values), max_size=3).map(tuple)
"""Header lines: they end no line themselves."""
handshakes = st.builds(Handshake, words, pairs, heads, st.lists(words, max_size=3).map(tuple), words)
answers = st.builds(Answer, st.integers(100, 599), heads, st.none() | words, st.binary(max_size=50))
blobs = st.binary(max_size=50)
exchanges = st.builds(Exchange, words, words, blobs, st.integers(100, 599), heads, blobs, times)
headers = st.builds(
    Header,
    dialect=st.sampled_from(["openai", "generic", "a dialect of tomorrow"]),
    upstream=words,
    recorded_on=words,
    package=words,
    ended=st.sampled_from(["clean", "upstream lost"]),
    origin=words,
    redaction=st.dictionaries(words, st.integers(0, 99), max_size=3),
    rules=st.dictionaries(words, json_values, max_size=3),
)


@st.composite
def cassettes(draw: st.DrawFn) -> Cassette:
    count = draw(st.integers(0, 3))
    start = draw(st.sampled_from([0, 126]))  # at 128 the number of a connection needs a second byte
    return Cassette(
        draw(headers),
        tuple(
            Connection(
                start + number,
                draw(handshakes),
                draw(answers),
                draw(times),
                tuple(draw(st.lists(records, max_size=5))),
                draw(st.booleans()),
            )
            for number in range(count)
        ),
        tuple(draw(st.lists(exchanges, max_size=2))),
    )


def event(**body: object) -> Text:
    return Text(json.dumps(body, separators=(",", ":"), ensure_ascii=False))


def audio_delta(raw: bytes, **more: object) -> Text:
    return event(type="response.output_audio.delta", delta=base64.b64encode(raw).decode(), **more)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def cassette(*frames: Frame | tuple[Sender, Frame], **header: object) -> Cassette:
    """One connection with these frames, a millisecond apart; the server's unless said otherwise."""
    sided = [frame if isinstance(frame, tuple) else (Sender.SERVER, frame) for frame in frames]
    shake = Handshake("/v1/realtime", target="/v1/realtime")
    made = tuple(Record(number * 1_000, sender, frame) for number, (sender, frame) in enumerate(sided))
    return Cassette(Header(**{"dialect": "openai", **header}), (Connection(0, shake, records=made),))
