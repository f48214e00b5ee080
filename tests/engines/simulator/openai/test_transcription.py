"""Transcripts of the user's audio."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Scripted
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage

NAME = "conversation.item.input_audio_transcription."


def transcribing(model: str, *, include: list[str] | None = None, **settings: Any) -> Stage:
    stage = Stage(replier=Scripted([], then=lambda context: "I see"), **settings)
    more = {"include": include} if include else {}
    stage.update(audio={"input": {"transcription": {"model": model}}}, **more)
    return stage


@keeps("transcription-usage")
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("whisper-1", "duration"),
        ("gpt-realtime-whisper", "duration"),
        ("gpt-live-transcribe", "duration"),
        ("gpt-4o-transcribe", "tokens"),
        ("gpt-4o-mini-transcribe", "tokens"),
    ],
)
def test_usage_is_a_duration_or_tokens_by_model(model: str, kind: str) -> None:
    stage = transcribing(model)
    stage.talk("good morning to you")
    done = stage.until(NAME + "completed")
    ms = stage.last("input_audio_buffer.speech_stopped")["audio_end_ms"]
    ms -= stage.last("input_audio_buffer.speech_started")["audio_start_ms"]
    assert done["transcript"] == "good morning to you"
    assert done["usage"]["type"] == kind
    if kind == "duration":
        assert done["usage"]["seconds"] == -(-ms // 1_000)
    else:
        assert done["usage"]["input_token_details"] == {"text_tokens": 0, "audio_tokens": ms // 100}
        assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + done["usage"]["output_tokens"]


@keeps("transcription-deltas")
def test_deltas_join_to_the_transcript() -> None:
    stage = transcribing("gpt-4o-transcribe")
    stage.talk("good morning, all")
    done = stage.until(NAME + "completed")
    deltas = [body["delta"] for body in stage.of(NAME + "delta")]
    assert len(deltas) > 1
    assert "".join(deltas) == done["transcript"] == "good morning, all"


@keeps("transcription-deltas")
def test_whisper_sends_it_whole_and_realtime_whisper_begins_with_a_space() -> None:
    whole, spaced = transcribing("whisper-1"), transcribing("gpt-realtime-whisper")
    for stage in (whole, spaced):
        stage.talk("good morning")
        stage.until(NAME + "completed")
    assert [body["delta"] for body in whole.of(NAME + "delta")] == ["good morning"]
    assert "".join(body["delta"] for body in spaced.of(NAME + "delta")) == " good morning"


@keeps("transcription-floats")
def test_transcription_goes_on_beside_the_reply() -> None:
    stage = transcribing("gpt-realtime-whisper")
    stage.talk("these are quite a few words to write down")
    stage.until(NAME + "completed")
    names = [body["type"] for body in stage.events]
    assert names.index("response.created") < names.index(NAME + "delta")
    assert names.index("response.output_audio.delta") < names.index(NAME + "completed")


@keeps("transcription-item")
def test_the_transcript_enters_the_item_when_it_is_complete() -> None:
    stage = transcribing("whisper-1")
    stage.talk("good morning")
    assert stage.last("conversation.item.done")["item"]["content"][0]["transcript"] is None
    stage.until(NAME + "completed")
    assert stage.conversation[0]["content"][0]["transcript"] == "good morning"


@keeps("transcription-off")
def test_without_transcription_the_model_hears_all_the_same() -> None:
    stage = Stage()
    stage.talk("good morning")
    stage.wait(5_000)
    assert not any(name.startswith(NAME) for name in stage.names())
    assert stage.contexts[0].user == "good morning"
    assert speech.decode(stage.audio()) == "good morning"


@keeps("transcription-failed")
def test_audio_that_nobody_can_make_out_fails() -> None:
    stage = transcribing("whisper-1", transcripts=[None, "second time lucky"])
    noise = speech.babble(0, 800) + bytes(48 * 400)
    stage.hear(noise)
    failed = stage.until(NAME + "failed")
    item_id = stage.conversation[0]["id"]
    assert failed["error"] == {
        "type": "server_error",
        "code": None,
        "message": f"Input transcription failed for item '{item_id}'.",
        "param": None,
    }  # openai.md#207
    assert failed["item_id"] == item_id
    assert stage.contexts[0].user == ""
    stage.hear(noise)
    assert stage.until(NAME + "completed")["transcript"] == "second time lucky"


@keeps("transcription-segments")
def test_a_diarizing_model_sends_segments() -> None:
    stage = transcribing("gpt-4o-transcribe-diarize")
    stage.talk("good morning")
    stage.until(NAME + "completed")
    segment = stage.last(NAME + "segment")
    assert segment["text"] == "good morning"
    assert 0 < segment["start"] < segment["end"]


@keeps("transcription-logprobs")
def test_log_probabilities_are_included_where_asked() -> None:
    asked = transcribing("gpt-4o-transcribe", include=["item.input_audio_transcription.logprobs"])
    plain = transcribing("gpt-4o-transcribe")
    for stage in (asked, plain):
        stage.talk("good morning")
        stage.until(NAME + "completed")
    assert [one["token"] for one in asked.last(NAME + "completed")["logprobs"]] == [
        "good",
        " morning",
    ]
    assert "logprobs" not in plain.last(NAME + "completed")


def test_transcripts_may_be_a_function_of_the_audio() -> None:
    heard: list[int] = []

    def words(pcm: bytes) -> str:
        heard.append(len(pcm))
        return "from a function"

    stage = transcribing("whisper-1", transcripts=words)
    stage.hear(speech.babble(0, 800) + bytes(48 * 400))
    assert stage.until(NAME + "completed")["transcript"] == "from a function"
    assert heard[0] > 48 * 800
