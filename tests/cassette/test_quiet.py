"""Frames that are like one in which there was nothing are not searched again; nothing may slip through."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette import quiet as quiet_module
from mockserver.cassette.quiet import WORDS, Quiet
from mockserver.cassette.redact import Redactor
from mockserver.cassette.spread import Spread
from mockserver.core.frames import Frame, Sender, Text

KEY = "sk-proj-" + "Ab3" * 12
OWN = "correct-horse-battery-9"


def audio(number: int = 0, size: int = 300) -> str:
    return base64.b64encode(random.Random(number).randbytes(size)).decode()


def delta(event: str, payload: str, **more: Any) -> Text:
    body = {"type": "response.output_audio.delta", "event_id": event, "item_id": "item_1", "delta": payload}
    return Text(json.dumps({**body, **more}, separators=(",", ":")))


def written(
    frames: list[Text], *, values: tuple[str, ...] = (), rules: tuple[str, ...] = ()
) -> list[tuple[Frame, str]]:
    follows = Spread(Redactor(env={}, values=values, rules=rules))
    return [follows.frame(0, number, Sender.SERVER, frame) for number, frame in enumerate(frames)]


def test_most_frames_of_audio_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[Frame] = []
    clean = Redactor.clean
    monkeypatch.setattr(Redactor, "clean", lambda self, frame: (searched.append(frame), clean(self, frame))[1])
    frames = [delta(f"event_{number:05d}", audio(number)) for number in range(50)]
    assert written(frames) == [(frame, "") for frame in frames]
    assert searched == frames[:1]


@pytest.mark.parametrize(
    "frame",
    [
        delta(KEY, audio()),
        delta("event_2", audio(), note=KEY),
        delta("event_2", KEY + audio()),
        delta("event_2", audio(), secret="hunter2hunter2"),
        delta("event_2", audio(), item_id=KEY),
    ],
)
def test_a_secret_beside_the_audio_is_found_among_quiet_frames(frame: Text) -> None:
    quiet = [delta(f"event_{number}", audio(number)) for number in range(3)]
    *_, (made, _) = written([*quiet, frame])
    assert isinstance(made, Text)
    assert KEY not in made.data
    assert "hunter2" not in made.data


def test_a_key_that_is_written_as_base64_would_be_is_no_noise() -> None:
    """84 letters and digits, alone in the place of the audio; other base64 of that length is audio (the control)."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    key = "".join(random.Random(1).choices(plain, k=52)) + "JQQJ99BGACYeBjFXJ3w3AAABACOGXDuC"
    sound = base64.b64encode(random.Random(2).randbytes(63)).decode()
    assert len(key) == len(sound) == 84
    quiet = [delta(f"event_{number}", audio(number)) for number in range(3)]
    *_, (kept, _), (made, _) = written([*quiet, delta("event_3", sound), delta("event_4", key)])
    assert kept == delta("event_3", sound)
    assert isinstance(made, Text)
    assert key not in made.data
    assert "REDACTED-key" in made.data


@pytest.mark.parametrize(("words", "compared"), [(WORDS, True), (WORDS + 1, False)])
def test_of_a_delta_like_one_before_only_the_words_are_looked_at(words: int, compared: bool) -> None:
    quiet = Quiet()
    quiet.remember(delta("event_1", "a b " * 20).data)
    said = ("please book a table " * words)[:words]
    assert quiet.differs_in(delta("event_2", said).data) == (f'"{said}"' if compared else None)


def test_known_values_and_rules_are_looked_for_in_every_frame() -> None:
    payload = audio(1)
    frames = [delta("event_1", audio(0)), delta("event_2", payload)]
    for options in ({"values": (payload[40:80],)}, {"rules": (payload[40:80].replace("+", r"\+"),)}):
        (_, _), (made, _) = written(frames, **options)  # type: ignore[arg-type]
        assert isinstance(made, Text)
        assert payload[40:80] not in made.data


PAYLOADS = st.one_of(
    st.integers(0, 400).map(lambda size: audio(size, size)),
    st.sampled_from([KEY, "x" * 99, KEY[:20], KEY[20:], audio()[:-1] + "=", audio(0, 301), audio() + "\\", OWN]),
)
EVENTS = st.sampled_from(["event_1", "event_2", KEY, "a%20b", "a\\b", "", OWN])


@given(st.lists(st.builds(delta, EVENTS, PAYLOADS, text=PAYLOADS), max_size=8), st.booleans())
def test_remembering_changes_nothing(frames: list[Text], own: bool) -> None:
    values = (OWN,) if own else ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quiet_module, "outline", lambda text: ("", ""))
        patch.setattr(Quiet, "same", lambda self, text: False)
        expected = written(frames, values=values)
    assert written(frames, values=values) == expected
