"""Very many inputs, drawn by a seed and not by hypothesis: frames and cassettes with a few bytes changed.

Hypothesis finds small examples of what is rare; this finds what only numbers find. MANY says how many inputs each test
has (``make fuzz`` sets it); what fails names the seed that makes it again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from mockserver.cassette.redact import Redactor
from mockserver.cassette.spread import Spread
from mockserver.core.frames import Binary, Frame, Sender, Text
from mockserver.dialects.registry import DIALECTS
from tests.bench import material
from tests.fuzz.test_files import WHOLE, read_all

MANY = int(os.environ.get("MANY", "300"))
TOLD = 20_000
"""After so many inputs a line is printed."""
BITS = (
    *(
        '"',
        "\\",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        '""',
        "\\u0000",
        "\\ud800",
        "é",
        "\x00",
    ),
    *(
        '"type":',
        '"delta":',
        '"audio":',
        '"item":{',
        '"session":{',
        '"event_id":',
        "AAAA",
        "sk-",
        "Bearer ",
        "://",
        "%41",
    ),
)
TEXTS = (
    material.created(),
    material.added(material.LIVE_ITEM),
    material.delta(240, 1),
    material.delta(900, 2),
    material.append(20),
    *material.ask(material.LIVE_ITEM, material.LIVE_TAG),
    json.dumps({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AA=="}}]}},
                "usageMetadata": {"totalTokenCount": 1}}),
    json.dumps({"setup": {"model": "models/x", "generationConfig": {"responseModalities": ["AUDIO"]}}}),
    json.dumps({"user_audio_chunk": "AAAA"}),
    json.dumps({"type": "audio", "audio_event": {"audio_base_64": "AAAA", "event_id": 1}}),
    json.dumps({"headers": [{"name": "Authorization", "value": "Bearer x"}], "api_key": ["a"],
                "x": json.dumps({"token": "b"})}),
)  # fmt: skip


def changed(text: str, rng: Random) -> str:
    """A text with a few stretches taken out, doubled, put in or exchanged."""
    for _ in range(rng.randrange(1, 4)):
        begin = rng.randrange(len(text) + 1)
        end = min(len(text), begin + rng.choice((0, 1, 1, 4, 20)))
        put = rng.choice((rng.choice(BITS), "", text[begin:end] * 2, chr(rng.randrange(0x250))))
        text = text[:begin] + put + text[end:]
    return text


def frame(rng: Random) -> Frame:
    """One of the frames above, changed."""
    text = changed(rng.choice(TEXTS), rng)
    if rng.random() < 0.8:
        return Text(text)
    return Binary(rng.choice((b"", b"\x01", b"\x02", b"\xff")) + text.encode("utf-8", "replace"))


def run(many: int, act: Callable[[Random], None], told: Callable[[str], None], name: str) -> None:
    """So many inputs, each with a seed of its own; the number is told."""
    count = 0
    for seed in range(many):
        try:
            act(Random(f"{name}/{seed}"))
        except Exception as error:
            error.add_note(f"seed {seed} of {name}")
            raise
        count += 1
        if count % TOLD == 0:
            told(f"inputs: {TOLD}")
    told(f"inputs: {count % TOLD}")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a line past pytest."""

    def say(line: str) -> None:
        if "MANY" in os.environ:
            with capsys.disabled():
                print(f"\n{line}", flush=True)

    return say


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_lens_reads_changed_frames(name: str, told: Callable[[str], None]) -> None:
    dialect = DIALECTS[name]

    def act(rng: Random) -> None:
        one, sender = frame(rng), rng.choice((Sender.CLIENT, Sender.SERVER))
        view = dialect.view(one, sender)
        assert isinstance(view.name, str)
        assert isinstance(dialect.summary(view), str)
        assert isinstance(dialect.peek(one, sender), str)

    run(MANY, act, told, name)


def test_a_redactor_takes_changed_frames_and_finds_nothing_in_what_it_made(told: Callable[[str], None]) -> None:
    spread = Spread(redactor := Redactor(values=["correct horse"]))

    def act(rng: Random) -> None:
        one = frame(rng)
        made = redactor.frame(one)
        assert redactor.frame(made) == made
        spread.frame(0, rng.randrange(1 << 30), Sender.SERVER, one)

    run(MANY, act, told, "redact")


def test_a_changed_cassette_is_read_or_is_a_clear_error(told: Callable[[str], None]) -> None:
    whole = read_all(WHOLE, partial=False)
    counts: Counter[int] = Counter()

    def act(rng: Random) -> None:
        data = bytearray(WHOLE)
        for _ in range(rng.randrange(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        cut = bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
        counts[read_all(cut, partial=rng.random() < 0.5)] += 1

    run(MANY, act, told, "cassette")
    # No change makes more of it, and among so many there are all kinds: whole, cut off, and an error.
    assert max(counts) == whole > 0
    assert counts[0]
    assert len(counts) > 2
