"""An append that is like the one before it is not read again, and nobody can tell."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator.openai.appends import Appends
from tests.engines.simulator.stage import Stage

SOUND = base64.b64encode(random.Random(1).randbytes(960)).decode()


def append(audio: object = SOUND, **more: Any) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": audio, **more}, separators=(",", ":"))


SPOILED: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: text.replace(SOUND, SOUND[:-4]),
    lambda text: text.replace(SOUND, ""),
    lambda text: text.replace(SOUND, SOUND[:-1]),
    lambda text: text.replace(SOUND, SOUND[:100] + "\\u0041\\u0041\\u0041\\u0041" + SOUND[100:]),
    lambda text: text.replace(SOUND, SOUND[:100] + "====" + SOUND[100:]),
    lambda text: text.replace(SOUND, SOUND[:100] + "éöä-" + SOUND[100:]),
    lambda text: text.replace(SOUND, SOUND[:100] + '","audio":"' + SOUND[100:]),
    lambda text: text.replace(SOUND, SOUND + '","more":"' + SOUND),
    lambda text: text.replace(":", ": ").replace(",", ", "),
    lambda text: text[:-1],
    lambda text: text + " ",
    lambda text: text.replace("append", "appendix"),
    lambda text: text.replace(f'"{SOUND}"', "7"),
    lambda text: text.replace(f'"{SOUND}"', "null"),
    lambda text: text.replace("{", '{"event_id":"event_mine",', 1),
    lambda text: text.replace("{", f'{{"audio":"{SOUND}",', 1),
    lambda text: '{"type":"input_audio_buffer.clear"}',
    lambda text: '{"type":"input_audio_buffer.commit"}',
    lambda text: '{"type":"response.cancel"}',
]


def frames(chance: random.Random) -> Iterator[str]:
    """A client that speaks, with what is wrong or merely other between."""
    spoken = speech.encode("good morning to you") + bytes(48_000)
    for begin in range(0, len(spoken), 960):
        yield append(base64.b64encode(spoken[begin : begin + 960]).decode())
        if chance.random() < 0.3:
            yield chance.choice(SPOILED)(append())


def told(seed: int) -> list[tuple[float, dict[str, Any]]]:
    """All that a session says to it."""
    stage = Stage(replier=lambda context: "all right", check=False)
    stage.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}})
    for text in frames(random.Random(seed)):
        stage.text(text)
        stage.wait(20)
    stage.wait(5_000)
    return [(at, dict(body)) for at, body in stage.all]


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_a_client_can_see_depends_on_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = told(seed)
    taken = []
    plain = Appends.audio
    with monkeypatch.context() as patched:
        patched.setattr(Appends, "audio", lambda self, text: taken.append(plain(self, text)))
        assert told(seed) == quick
    names = {body["type"] for _, body in quick}
    assert {"input_audio_buffer.speech_started", "error"} <= names
    assert sum(one is not None for one in taken) > 50  # nearly all of the spoken ones


def test_only_what_is_the_same_around_the_audio_is_taken() -> None:
    appends = Appends()
    body = json.loads(append())
    assert appends.audio(append()) is None
    appends.learn(append(), body)
    assert appends.audio(append()) == base64.b64decode(SOUND)
    other = base64.b64encode(b"other").decode()
    assert appends.audio(append(other)) == b"other"
    for spoil in SPOILED[2:]:
        got = appends.audio(spoil(append()))
        assert got is None, spoil(append())


@pytest.mark.parametrize(
    "text",
    [
        append(event_id="event_1"),
        append("QUJD"),
        append()[:-1] + " " * 200 + "}",
        f'{{"audio":"{SOUND}","type":"input_audio_buffer.append","audio":"{SOUND}"}}',
        f'{{"type":"{SOUND[:64]}","audio":"{SOUND[:64]}","type":"input_audio_buffer.append"}}',
        f'{{"audio":"{SOUND[:64]}","type":"input_audio_buffer.append","\\u0061udio":"{SOUND[:64]}"}}',
    ],
    ids=["an id of its own", "short", "much around", "named twice", "as what it is", "named in two ways"],
)
def test_of_what_differs_in_more_nothing_is_learnt(text: str) -> None:
    appends = Appends()
    appends.learn(text, json.loads(text))
    assert appends.audio(text) is None
