"""The input audio buffer: append, commit, clear, turn detection, the idle timeout, formats."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Scripted
from mockserver.engines.simulator.openai.audio_buffer import trails_off
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage


def listening(**detection: Any) -> Stage:
    """A session with server VAD set as given, and replies that do not depend on what is heard."""
    stage = Stage(replier=lambda context: "all right then")
    stage.update(audio={"input": {"turn_detection": {"type": "server_vad", **detection}}})
    return stage


def manual(**settings: Any) -> Stage:
    """A session without turn detection."""
    stage = Stage(**settings)
    stage.update(audio={"input": {"turn_detection": None}})
    return stage


@keeps("append-silent")
def test_nothing_confirms_an_append() -> None:
    stage = manual()
    assert stage.send("input_audio_buffer.append", audio=base64.b64encode(bytes(4_800)).decode()) == []


@keeps("append-silent")
@pytest.mark.parametrize(
    ("audio", "got"), [("not base64!", "an invalid value"), ("AAA", "an invalid value"), ("", "empty bytes")]
)
@pytest.mark.parametrize("param", ["audio.audio", "audio"])
def test_audio_that_is_not_base64_is_an_error(audio: str, got: str, param: Any) -> None:
    """The words of openai.md#74; its param was seen in the beta, so that is a setting."""
    stage = manual(bad_audio_param=param)
    stage.send("input_audio_buffer.append", audio=audio)
    assert (stage.error()["code"], stage.error()["param"]) == ("invalid_value", param)
    assert stage.error()["message"] == (
        f"Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got {got}."
    )
    content = [{"type": "input_audio", "audio": audio}]
    stage.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    assert stage.error()["param"] == "item.content[0].audio"
    assert stage.error()["message"].startswith("Invalid 'item.content[0].audio'. Expected base64-encoded audio")


@keeps("commit-manual")
def test_a_manual_commit_makes_an_item_and_no_response() -> None:
    stage = manual()
    stage.hear(speech.encode("good morning"))
    assert stage.of("input_audio_buffer.speech_started") == []
    came = stage.send("input_audio_buffer.commit")
    assert stage.names(came) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert came[1]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert came[0]["item_id"] == came[1]["item"]["id"]
    stage.wait(5_000)
    assert stage.of("response.created") == []
    stage.ask()
    assert stage.contexts[0].user == "good morning"


@keeps("commit-predecessor")
def test_committed_names_the_item_before() -> None:
    stage = manual()
    first = stage.say("hello")["id"]
    stage.hear(bytes(48 * 100))
    assert stage.send("input_audio_buffer.commit")[0]["previous_item_id"] == first


@keeps("commit-100ms")
def test_a_commit_needs_100_ms_since_the_last_one() -> None:
    stage = manual(pace="instant")
    stage.send("input_audio_buffer.commit", event_id="c1")
    assert stage.error()["code"] == "input_audio_buffer_commit_empty"
    assert stage.error()["message"] == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has "
        "0.00ms of audio."
    )
    assert stage.error()["event_id"] == "c1"
    stage.hear(bytes(48 * 99), chunk_ms=1)
    stage.send("input_audio_buffer.commit")
    assert "only has 99.00ms" in stage.error()["message"]
    stage.hear(bytes(48), chunk_ms=1)
    assert stage.send("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"
    stage.send("input_audio_buffer.commit")
    assert "only has 0.00ms" in stage.error()["message"]


@keeps("commit-error-late")
def test_the_error_of_an_empty_commit_comes_after_a_later_commit() -> None:
    stage = manual()
    assert stage.send("input_audio_buffer.commit") == []
    stage.hear(bytes(48 * 200))
    stage.send("input_audio_buffer.commit")
    stage.wait(2_000)
    assert stage.names().index("error") > stage.names().index("input_audio_buffer.committed")


@keeps("silence-commits")
def test_silence_commits_and_its_transcript_is_empty() -> None:
    stage = manual(transcripts=["not for silence"])
    stage.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    stage.hear(bytes(48 * 150))
    stage.send("input_audio_buffer.commit")
    done = stage.until("conversation.item.input_audio_transcription.completed")
    assert (done["transcript"], done["usage"]) == ("", {"type": "duration", "seconds": 1})


@keeps("clear")
def test_clear_empties_the_buffer() -> None:
    stage = manual(pace="instant")
    stage.hear(speech.encode("forget this"))
    assert stage.send("input_audio_buffer.clear")[0]["type"] == "input_audio_buffer.cleared"
    stage.send("input_audio_buffer.commit")
    assert stage.error()["code"] == "input_audio_buffer_commit_empty"
    stage.hear(speech.encode("keep this"))
    stage.send("input_audio_buffer.commit")
    stage.ask()
    assert stage.contexts[0].user == "keep this"


@keeps("vad-turn")
def test_a_spoken_turn_is_detected_committed_and_answered() -> None:
    stage = Stage(replier=Scripted(["fine"]))
    stage.talk("how are you")
    stage.wait(3_000)
    assert stage.names()[1:] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    started, stopped = (
        stage.last("input_audio_buffer.speech_started"),
        stage.last("input_audio_buffer.speech_stopped"),
    )
    committed = stage.last("input_audio_buffer.committed")
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == stage.conversation[0]["id"]
    assert stage.contexts[0].user == "how are you"


@keeps("vad-times")
def test_the_edges_include_padding_and_closing_silence() -> None:
    stage = listening(prefix_padding_ms=300, silence_duration_ms=500)
    lead, voice = 32 * 40, speech.duration_ms("one two three")
    stage.hear(bytes(48 * lead) + speech.encode("one two three") + bytes(48 * 1_000))
    started = stage.last("input_audio_buffer.speech_started")["audio_start_ms"]
    stopped = stage.last("input_audio_buffer.speech_stopped")["audio_end_ms"]
    # Speech of ours begins and ends with 40 ms of silence.
    assert lead + 40 - 300 - 32 <= started <= lead + 40 - 300 + 32
    assert lead + voice - 40 + 500 - 32 <= stopped <= lead + voice - 40 + 500 + 64


@keeps("vad-times")
def test_a_new_start_may_lie_before_the_last_end() -> None:
    stage = listening(prefix_padding_ms=1_000, create_response=False)
    stage.talk("one", silence_ms=260)
    stage.talk("two", silence_ms=400)
    first_end = stage.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    assert stage.of("input_audio_buffer.speech_started")[1]["audio_start_ms"] < first_end


@keeps("vad-threshold")
def test_the_threshold_decides_what_is_voice() -> None:
    quiet = array_of(0.012, 1_000)
    for threshold, heard in ((0.5, 1), (0.9, 0)):
        stage = listening(threshold=threshold)
        stage.hear(quiet + bytes(48 * 500))
        assert len(stage.of("input_audio_buffer.speech_started")) == heard


@keeps("vad-silence")
def test_a_pause_shorter_than_the_silence_duration_ends_nothing() -> None:
    for silence, turns in ((200, 2), (700, 1)):
        stage = listening(silence_duration_ms=silence, create_response=False)
        stage.talk("one", silence_ms=400)
        stage.talk("two", silence_ms=1_000)
        assert len(stage.of("input_audio_buffer.committed")) == turns


@keeps("vad-create-response")
def test_without_create_response_there_are_only_events() -> None:
    stage = listening(create_response=False)
    stage.talk("hello")
    stage.wait(3_000)
    assert stage.names()[-1] == "conversation.item.done"
    assert stage.of("response.created") == []


def interrupted(**detection: Any) -> Stage:
    stage = listening(**detection)
    stage.send("response.create")
    stage.until("response.output_audio.delta")
    stage.talk("wait")
    stage.wait(5_000)
    return stage


@keeps("barge-in")
def test_speech_cancels_the_response_that_is_going_on() -> None:
    stage = interrupted()
    names = stage.names()
    assert names.index("response.done") == names.index("input_audio_buffer.speech_started") + 6
    first, second = stage.of("response.done")
    assert first["response"]["status"] == "cancelled"
    assert first["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert second["response"]["status"] == "completed"


@keeps("barge-in")
def test_the_server_does_not_truncate_over_websocket() -> None:
    stage = interrupted()
    assert stage.of("conversation.item.truncated") == []
    assert stage.of("output_audio_buffer.cleared") == []


@keeps("interrupt-response-off")
def test_without_interrupt_response_it_goes_on_and_the_new_one_may_fail() -> None:
    stage = Stage(replier=lambda context: "a rather long answer that takes its time to say " * 4)
    detection = {"type": "server_vad", "interrupt_response": False}
    stage.update(audio={"input": {"turn_detection": detection}})
    stage.send("response.create")
    stage.until("response.output_audio.delta")
    stage.talk("wait")
    assert stage.error()["code"] == "conversation_already_has_active_response"
    assert stage.error()["event_id"] is None
    stage.wait(60_000)
    assert [body["response"]["status"] for body in stage.of("response.done")] == ["completed"]


@keeps("vad-manual-commit")
def test_a_manual_commit_while_somebody_speaks_takes_the_announced_item() -> None:
    stage = listening()
    stage.hear(speech.encode("one two three"))
    item_id = stage.last("input_audio_buffer.speech_started")["item_id"]
    assert stage.send("input_audio_buffer.commit")[0]["item_id"] == item_id
    stage.hear(bytes(48 * 600))
    assert stage.of("input_audio_buffer.speech_stopped") == []


@keeps("semantic-vad")
@pytest.mark.parametrize(("eagerness", "most"), [("low", 8_000), ("medium", 4_000), ("high", 2_000), ("auto", 4_000)])
def test_semantic_vad_waits_for_an_unfinished_sentence(eagerness: str, most: int) -> None:
    def turns(text: str, silence_ms: int) -> int:
        stage = Stage(replier=Scripted(["yes"]))
        given = {"type": "semantic_vad", "eagerness": eagerness}
        stage.update(audio={"input": {"turn_detection": given}})
        stage.talk(text, silence_ms=silence_ms)
        return len(stage.of("input_audio_buffer.speech_stopped"))

    assert turns("I would like to", most - 200) == 0
    assert turns("I would like to", most + 200) == 1
    assert turns("I would like tea", 400) == 1


@keeps("semantic-vad")
@pytest.mark.parametrize(
    ("words", "open_ended"),
    [
        ("so, um", True),
        ("well...", True),
        ("first this,", True),
        ("this one.", False),
        ("tea", False),
    ],
)
def test_hesitation_sounds_unfinished(words: str, open_ended: bool) -> None:
    assert trails_off(words) is open_ended


@keeps("semantic-vad")
def test_semantic_vad_judges_each_pause_anew() -> None:
    stage = Stage(replier=Scripted(["yes"]))
    stage.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}})
    stage.talk("I would like to", silence_ms=600)
    assert stage.of("input_audio_buffer.speech_stopped") == []
    stage.talk("have some tea", silence_ms=400)
    stage.wait(1_000)
    assert stage.contexts[0].user == "I would like to have some tea"


@keeps("idle-timeout")
def test_after_an_answer_silence_triggers_another_turn() -> None:
    stage = listening(idle_timeout_ms=5_000)
    stage.ask()
    done = stage.at / 1_000
    said = speech.duration_ms("all right then")
    stage.hear(bytes(48 * 1_000))
    timeout = stage.until("input_audio_buffer.timeout_triggered")
    assert stage.at / 1_000 == pytest.approx(done + said + 5_000, abs=1)
    assert timeout["audio_start_ms"] <= timeout["audio_end_ms"] == 992  # whole frames
    assert stage.until("response.created")["response"]["status"] == "in_progress"
    committed = stage.last("input_audio_buffer.committed")
    assert committed["item_id"] == timeout["item_id"] == stage.conversation[2]["id"]


@keeps("idle-message", "transcription-silence")
def test_the_model_is_told_of_the_idle_timeout_and_the_client_sees_it() -> None:
    stage = listening(idle_timeout_ms=5_000)
    stage.update(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
    stage.ask()
    stage.hear(bytes(48 * 4_000))
    timeout = stage.until("input_audio_buffer.timeout_triggered")
    stage.until("response.done")
    stage.wait(5_000)
    names = stage.names()
    began = names.index("input_audio_buffer.timeout_triggered")
    assert names[began + 1 : began + 7] == [
        *("conversation.item.added", "conversation.item.done"),
        "input_audio_buffer.committed",
        *("conversation.item.added", "conversation.item.done"),
        "response.created",
    ]
    told, seen = stage.of("conversation.item.added")[1], stage.contexts[-1].items
    assert told["item"]["role"] == "system"
    assert told["previous_item_id"] == seen[0].id  # behind the answer before it
    words = told["item"]["content"][0]["text"]
    assert "still there" in words
    assert [item.text for item in seen if item.role == "system"] == [words]
    committed = stage.last("input_audio_buffer.committed")
    assert committed["previous_item_id"] == told["item"]["id"]
    heard = stage.last("conversation.item.input_audio_transcription.completed")
    assert (heard["item_id"], heard["transcript"]) == (timeout["item_id"], "")
    assert heard["usage"] == {"type": "duration", "seconds": 0}  # of 4 s of silence
    assert not any(name.endswith("transcription.delta") for name in names)


@keeps("idle-timeout")
def test_speech_and_no_setting_keep_the_idle_timeout_away() -> None:
    stage = listening(idle_timeout_ms=5_000, create_response=False)
    stage.ask()
    stage.talk("hello")
    stage.wait(60_000)
    assert stage.of("input_audio_buffer.timeout_triggered") == []
    other = listening()
    other.ask()
    other.wait(60_000)
    assert other.of("input_audio_buffer.timeout_triggered") == []


@keeps("formats")
@pytest.mark.parametrize(
    ("kind", "encode", "decode"),
    [
        ("audio/pcmu", speech.ulaw_encode, speech.ulaw_decode),
        ("audio/pcma", speech.alaw_encode, speech.alaw_decode),
    ],
)
def test_g711_is_heard_and_spoken(kind: str, encode: Any, decode: Any) -> None:
    stage = Stage(replier=lambda context: f"you said {context.user}")
    stage.update(audio={"input": {"format": {"type": kind}}, "output": {"format": {"type": kind}}})
    stage.hear(encode(speech.encode("good morning", 8_000) + bytes(16 * 400)), rate=8_000, width=1)
    stage.wait(5_000)
    assert speech.decode(decode(stage.audio()), 8_000) == "you said good morning"


@keeps("formats")
def test_pcm_has_24_kilohertz_and_nothing_else() -> None:
    stage = Stage()
    stage.update(audio={"input": {"format": {"type": "audio/pcm", "rate": 16_000}}})
    assert stage.error()["param"] == "session.audio.input.format.rate"
    stage.update(audio={"input": {"format": {"type": "audio/mp3"}}})
    assert stage.error()["param"] == "session.audio.input.format.type"


def test_chunking_changes_nothing() -> None:
    pcm = bytes(48 * 100) + speech.encode("any size will do") + bytes(48 * 400)
    outcomes = []
    for chunk in (10, 37, 100, 2_000):
        stage = listening(create_response=False)
        stage.hear(pcm, chunk_ms=chunk)
        outcomes.append(
            [
                (body["type"], body.get("audio_start_ms"), body.get("audio_end_ms"))
                for body in stage.events
                if body["type"].startswith("input_audio_buffer.")
            ]
        )
    assert outcomes[0] == outcomes[1] == outcomes[2] == outcomes[3]
    assert len(outcomes[0]) == 3


def array_of(level: float, ms: int) -> bytes:
    """A square wave of this rms."""
    high = round(level * 32_768)
    one = high.to_bytes(2, "little", signed=True) * 12 + (-high).to_bytes(2, "little", signed=True) * 12
    return one * ms
