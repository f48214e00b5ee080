"""What the client streams: activity found and marked, transcription, images."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Pace, Scripted
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gemini.stage import MODEL, RATE, Stage

V31, V38 = "gemini-3.1-flash-live-preview", "gemini-3.8-live"
HEARD = {"inputAudioTranscription": {}}
MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
HELLO = speech.encode("good morning", RATE)


def silence(ms: int) -> bytes:
    return bytes(2 * RATE * ms // 1000)


@keeps("gemini-activity")
def test_a_spoken_turn_is_found_heard_and_answered() -> None:
    stage = Stage(setup=HEARD, pace="instant")
    stage.hear(HELLO)
    assert stage.of("turnComplete") == []
    stage.hear(silence(700))
    assert [one["text"] for one in stage.of("inputTranscription")] == [" good", " morning"]
    assert stage.said() == "good morning"
    (item,) = [one for one in stage.inside["conversation"] if one["origin"] == "audio"]
    assert item["audio_ms"] > 500


@keeps("gemini-transcription-order")
def test_the_transcription_comes_before_the_answer() -> None:
    stage = Stage(setup=HEARD, pace=Pace(transcription_ms=200, audio_speed=1_000.0))
    stage.talk("good morning")
    stage.until("turnComplete")
    names = stage.names()
    assert names.index("inputTranscription") < names.index("modelTurn")
    assert "inputTranscription" not in names[names.index("modelTurn") :]


def test_on_2_5_nothing_is_transcribed_unasked() -> None:
    stage = Stage(pace="instant")
    stage.talk("good morning")
    assert stage.of("inputTranscription") == []
    assert stage.said() == "good morning"


@keeps("gemini-3-transcription")
@pytest.mark.parametrize("model", [V31, V38])
def test_3_x_transcribes_unasked_in_one_piece_between_its_voice_activity(model: str) -> None:
    stage = Stage(model=model, pace="instant")
    stage.talk("good morning")
    names = stage.names()
    activity = [(one["type"], one["audioOffset"]) for one in stage.of("voiceActivity")]
    assert [name for name, _ in activity] == ["ACTIVITY_START", "ACTIVITY_END"]
    start, end = (float(at.removesuffix("s")) for _, at in activity)
    assert 0 <= start < 0.2
    assert end > 1
    assert [one["text"] for one in stage.of("inputTranscription")] == ["good morning"]
    label = "serverContent+voiceActivity" if model == V31 else "voiceActivity"
    first = names.index(label)
    assert names[first : first + 3] == [label, "inputTranscription", label]


@keeps("gemini-manual-activity")
def test_marked_activity_is_a_turn_and_nothing_else_is() -> None:
    stage = Stage(setup={**MANUAL, **HEARD}, pace="instant")
    stage.hear(HELLO + silence(2_000))
    assert stage.names() == ["setupComplete"]
    stage.send("realtimeInput", {"activityStart": {}})
    stage.hear(speech.encode("well done", RATE))
    assert stage.names() == ["setupComplete"]
    stage.send("realtimeInput", {"activityEnd": {}})
    assert stage.said() == "well done"


def test_marks_interrupt() -> None:
    stage = Stage(
        setup=MANUAL, replier=Scripted(["one two three four five six", "Yes."]), pace=Pace(audio_speed=1_000.0)
    )
    stage.write("hi")
    stage.until("generationComplete")
    start = len(stage.all)
    stage.send("realtimeInput", {"activityStart": {}})
    assert stage.names(start) == ["interrupted", "turnComplete+usageMetadata"]


@keeps("gemini-explicit-activity")
@pytest.mark.parametrize("mark", ["activityStart", "activityEnd"])
def test_marks_end_the_session_where_activity_is_detected(mark: str) -> None:
    stage = Stage()
    stage.send("realtimeInput", {mark: {}})
    assert stage.closed == (
        1007,
        "Explicit activity control is not supported when automatic activity detection is enabled.",
    )


@keeps("gemini-stream-end")
def test_the_end_of_the_stream_ends_the_turn() -> None:
    stage = Stage(pace="instant")
    stage.hear(HELLO)
    stage.wait(60_000)
    assert "turnComplete" not in "".join(stage.names())
    stage.send("realtimeInput", {"audioStreamEnd": True})
    assert stage.said() == "good morning"
    start = len(stage.all)
    stage.send("realtimeInput", {"audioStreamEnd": True})
    assert stage.names(start) == []


@keeps("gemini-silence")
def test_how_much_silence_ends_a_turn() -> None:
    def needed(**detection: Any) -> int:
        setup = {"realtimeInputConfig": {"automaticActivityDetection": detection}}
        stage = Stage(setup=setup, pace="instant")
        stage.hear(HELLO)
        waited = 0
        while not stage.said():
            stage.hear(silence(20))
            waited += 20
        return waited

    default = needed()
    assert 440 <= default <= 600
    assert needed(endOfSpeechSensitivity="END_SENSITIVITY_LOW") > default + 300
    assert needed(silenceDurationMs=100) < default - 200
    assert needed(silenceDurationMs=100, endOfSpeechSensitivity="END_SENSITIVITY_LOW") < default - 200


def test_faint_audio_is_speech_at_high_sensitivity_alone() -> None:
    faint = bytearray(HELLO)
    for place in range(0, len(faint), 2):
        value = int.from_bytes(faint[place : place + 2], "little", signed=True) // 15
        faint[place : place + 2] = value.to_bytes(2, "little", signed=True)

    def heard(sensitivity: str) -> str:
        setup = {"realtimeInputConfig": {"automaticActivityDetection": {"startOfSpeechSensitivity": sensitivity}}}
        stage = Stage(setup=setup, pace="instant")
        stage.hear(bytes(faint) + silence(700))
        return stage.said()

    level = speech.rms(bytes(faint))
    assert 0.010 < level < 0.016, level
    assert "morning" in heard("START_SENSITIVITY_HIGH")
    assert heard("START_SENSITIVITY_LOW") == ""


@keeps("gemini-speech-start")
def test_how_much_speech_is_a_beginning() -> None:
    def began(padding: int, spoken_ms: int) -> bool:
        detection = {"prefixPaddingMs": padding}
        setup = {"realtimeInputConfig": {"automaticActivityDetection": detection}}
        stage = Stage(setup=setup, model=V38, pace="instant", transcripts=["hm"])
        stage.hear(bytes(3200) + (b"\x00\x20" * 8 + b"\x00\xe0" * 8) * spoken_ms + silence(700))
        return stage.of("voiceActivity") != []

    assert began(0, 100)
    assert began(20, 100)
    assert not began(400, 100)
    assert began(400, 600)


@keeps("gemini-audio-in")
def test_audio_in_the_old_form_in_other_rates_and_in_either_alphabet() -> None:
    for rate in (8_000, 16_000, 24_000, 48_000):
        stage = Stage(pace="instant")
        stage.hear(speech.encode("good morning", rate) + bytes(2 * rate), rate=rate)
        assert stage.said() == "good morning", rate
    stage = Stage(pace="instant")
    data = base64.b64encode(HELLO + silence(1_000)).decode()
    stage.send("realtimeInput", {"mediaChunks": [{"data": data, "mimeType": "audio/pcm"}]})
    assert stage.said() == "good morning"


@pytest.mark.parametrize("mime", ["audio/webm", "text/plain", "audio/pcm;rate=1", "audio/pcm;rate=" + "9" * 5_000])
def test_other_media_is_refused(mime: str) -> None:
    stage = Stage()
    stage.send("realtimeInput", {"audio": {"data": "AAAA", "mimeType": mime}})
    assert stage.closed == (1007, "Request contains an invalid argument.")


def test_words_of_other_audio_are_the_test_s() -> None:
    stage = Stage(setup=HEARD, pace="instant", transcripts=["what time is it"])
    noise = (b"\x00\x20" * 8 + b"\x00\xe0" * 8) * 1_000
    stage.hear(noise + silence(700))
    assert stage.of("inputTranscription") == []  # a beep uses no transcript
    stage.hear(speech.babble(0, 1_000, 16_000) + silence(700))
    assert "".join(one["text"] for one in stage.of("inputTranscription")) == " what time is it"


@keeps("gemini-images")
@pytest.mark.parametrize("name", ["video", "mediaChunks"])
def test_an_image_belongs_to_the_next_turn(name: str) -> None:
    stage = Stage(pace="instant")
    blob = {"data": "AAAA", "mimeType": "image/jpeg"}
    stage.send("realtimeInput", {name: [blob] if name == "mediaChunks" else blob})
    stage.talk("what is it")
    (usage,) = stage.of("usageMetadata")
    assert {"modality": "IMAGE", "tokenCount": 258} in usage["promptTokensDetails"]
    stage.ask("and now")
    assert {"modality": "IMAGE", "tokenCount": 258} in stage.of("usageMetadata")[1]["promptTokensDetails"]


@keeps("gemini-all-input")
def test_all_input_belongs_to_a_turn_where_the_setup_says_so() -> None:
    def heard_ms(coverage: str) -> int:
        stage = Stage(setup={"realtimeInputConfig": {"turnCoverage": coverage}}, pace="instant")
        stage.hear(silence(1_500) + HELLO + silence(700))
        (item,) = [one for one in stage.inside["conversation"] if one["origin"] == "audio"]
        length: int = item["audio_ms"]
        return length

    assert heard_ms("TURN_INCLUDES_ALL_INPUT") > heard_ms("TURN_INCLUDES_ONLY_ACTIVITY") + 1_000
    assert MODEL.startswith("gemini-2.5")
