"""Base64 comes back letter for letter; the audio policy touches audio and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import example, given

from mockserver.cassette.audio import audio_of, join, quiet, split, unbase64
from mockserver.cassette.model import Record
from mockserver.core.frames import Binary, Sender, Text
from mockserver.core.view import Audio, Kind, View
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.openai.lens import OPENAI
from tests.cassette.make import audio_delta, event, noise, texts


@given(texts)
@example('"' + "A" * 63 + '"')
@example('"' + "A" * 66 + "==" + '"')
@example('"' + "A" * 65 + "B==" + '"')  # the bits that padding hides are set: not what an encoder writes
@example('"' + "A" * 64 + '""' + "A" * 64 + '"')
def test_joined_again_it_is_the_same_text(text: str) -> None:
    assert join(split(text)) == text


def test_only_what_an_encoder_would_write_is_taken_for_base64() -> None:
    assert unbase64("AAAA") == b"\0\0\0"
    assert [unbase64(text) for text in ("AAA", "AA==A", "AAB=", "A-AA", "AAAA\n", "éAAA")] == [None] * 6
    assert split('{"delta":"' + "A" * 65 + 'B=="}') == ['{"delta":"' + "A" * 65 + 'B=="}']


@pytest.mark.parametrize("size", [3, 960])
def test_silence_keeps_the_length(size: int) -> None:
    record = Record(7, Sender.SERVER, audio_delta(noise(size), item_id="item_1"))
    made = quiet(record, OPENAI, "silence")
    body = json.loads(made.frame.data)  # type: ignore[union-attr]
    assert base64.b64decode(body["delta"]) == bytes(size)
    assert (body["item_id"], made.at, made.digests) == ("item_1", 7, ())


def test_digest_keeps_length_and_hash() -> None:
    raw = noise(960)
    made = quiet(Record(0, Sender.SERVER, audio_delta(raw)), OPENAI, "digest")
    assert made.digests == (hashlib.sha256(raw).hexdigest(),)
    assert quiet(made, OPENAI, "digest") == made


def test_what_is_no_audio_stays() -> None:
    image = event(type="conversation.item.create", image=base64.b64encode(noise(960)).decode())
    words = event(type="response.output_text.delta", delta="hello")
    for frame in (image, words, Binary(noise(9))):
        record = Record(0, Sender.SERVER, frame)
        assert quiet(record, OPENAI, "silence") is record
    heard = Record(0, Sender.SERVER, audio_delta(noise(960)))
    assert quiet(heard, OPENAI, "keep") is heard


def test_geminis_parts_are_audio_by_their_type() -> None:
    def part(kind: str) -> dict[str, object]:
        return {"inlineData": {"mimeType": kind, "data": base64.b64encode(noise(96)).decode()}}

    frame = event(serverContent={"modelTurn": {"parts": [part("audio/pcm;rate=24000"), part("image/png")]}})
    made = quiet(Record(0, Sender.SERVER, frame), GENERIC, "digest")
    # The same bytes twice: once they are sound, once a picture. They cannot be told apart in the text, so both go.
    assert made.digests[0] == hashlib.sha256(noise(96)).hexdigest()


def test_binary_frames_are_audio_where_the_lens_says_so() -> None:
    class Phone(type(GENERIC)):  # type: ignore[misc]
        def view(self, frame: object, sender: Sender) -> View:
            return View(Kind.AUDIO, "audio", audio=Audio(4))

    made = quiet(Record(0, Sender.SERVER, Binary(b"abcd")), Phone(), "digest")
    assert made.frame == Binary(bytes(4))
    assert made.digests == (hashlib.sha256(b"abcd").hexdigest(),)
    assert quiet(Record(0, Sender.SERVER, Text("")), Phone(), "silence").frame == Text("")


@pytest.mark.parametrize("policy", ["silence", "digest"])
def test_the_other_alphabet_of_base64_is_audio_too(policy: str) -> None:
    """google-genai writes audio in the URL-safe one (RFC 4648 section 5)."""
    raw = noise(960)
    said = base64.urlsafe_b64encode(raw).decode()
    assert "-" in said or "_" in said
    for size in (960, 30):  # the short ones are silenced too
        data = base64.urlsafe_b64encode(raw[:size]).decode()
        frame = event(realtime_input={"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}})
        record = Record(7, Sender.CLIENT, frame)
        assert audio_of(record, GEMINI.view(frame, Sender.CLIENT)) == raw[:size]
        made = quiet(record, GEMINI, policy)  # type: ignore[arg-type]
        body = json.loads(made.frame.data)  # type: ignore[union-attr]
        assert base64.b64decode(body["realtime_input"]["audio"]["data"]) == bytes(size)
        if policy == "digest" and size == 960:
            assert made.digests == (hashlib.sha256(raw).hexdigest(),)
