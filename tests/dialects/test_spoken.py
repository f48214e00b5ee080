"""What a frame says in words: pieces that belong together are one line, one step and one word on the page."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from mockserver.cassette.diff import diff
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.render import textconv, timeline
from mockserver.core.frames import Binary, Frame, Handshake, Sender, Text
from mockserver.dialects.registry import DIALECTS
from mockserver.view.scene import of_cassette
from tests.every import every

SOUND = "AAAAAAAA"


def gemini(words: str) -> dict[str, Any]:
    return {"serverContent": {"outputTranscription": {"text": words}}}


def gemini_written(words: str) -> dict[str, Any]:
    return {"server_content": {"model_turn": {"parts": [{"text": words}]}}}


def gemini_with_sound(words: str) -> dict[str, Any]:
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": SOUND}}
    return {"serverContent": {"modelTurn": {"parts": [part]}, "outputTranscription": {"text": words}}}


def ultravox(words: str) -> dict[str, Any]:
    return {"type": "transcript", "role": "agent", "medium": "voice", "delta": words, "final": False, "ordinal": 3}


def elevenlabs(words: str) -> dict[str, Any]:
    kind = "start" if words == "It" else "delta"
    return {"type": "agent_chat_response_part", "text_response_part": {"text": words, "type": kind, "event_id": 1}}


def gpt_live(words: str) -> dict[str, Any]:
    return {"type": "session.output_transcript.delta", "start_ms": len(words), "delta": words, "event_id": f"e{words}"}


def delegated(words: str) -> dict[str, Any]:
    inner = {"type": "response.output_text.delta", "delta": words, "sequence_number": len(words)}
    return {"type": "response.event", "delegation_id": "d", "event": inner}


def phonic(words: str) -> dict[str, Any]:
    return {"type": "audio_chunk", "audio": SOUND, "text": words}


def nova(words: str) -> dict[str, Any]:
    return {"event": {"textOutput": {"content": words, "role": "ASSISTANT", "contentId": "c"}}}


def openai(words: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "response_id": "r", "item_id": "i", "delta": words}


SAYS = {
    "gemini": gemini,
    "gemini in snake_case": gemini_written,
    "gemini with sound": gemini_with_sound,
    "ultravox": ultravox,
    "elevenlabs": elevenlabs,
    "gpt_live": gpt_live,
    "gpt_live delegated": delegated,
    "phonic": phonic,
    "nova_sonic": nova,
    "openai": openai,
    "xai": openai,
    "azure": openai,
    "openai_beta": openai,
}
WHOLE = {
    "ultravox": {"type": "transcript", "role": "user", "text": "Does it snow?", "final": True, "ordinal": 2},
    "elevenlabs": {"type": "user_transcript", "user_transcription_event": {"user_transcript": "Does it snow?"}},
    "phonic": {"type": "input_text", "text": "Does it snow?"},
    "openai": {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "u",
        "transcript": "Does it snow?",
    },
}


def recorded(dialect: str, frames: list[Frame]) -> Cassette:
    records = tuple(Record(40_000 * number, Sender.SERVER, frame) for number, frame in enumerate(frames))
    return Cassette(Header(dialect), (Connection(0, Handshake("/"), records=records),))


def said(case: str, *words: str) -> Cassette:
    return recorded(case.split(maxsplit=1)[0], [Text(json.dumps(SAYS[case](one))) for one in words])


@pytest.mark.parametrize("case", SAYS)
def test_pieces_of_a_text_are_one_line_of_its_words(case: str) -> None:
    cassette = said(case, "It", " snows", " in Oslo.")
    (line,) = [one for one in timeline(cassette) if "<--" in one and "answer" not in one]
    assert "3 x " in line
    assert "'It snows in Oslo.'" in line
    apart = [one for one in timeline(cassette, merge=False) if "<--" in one and "answer" not in one]
    assert len(apart) == 3  # the control


@pytest.mark.parametrize("case", SAYS)
def test_how_a_text_is_cut_is_no_difference_and_a_word_is_one(case: str) -> None:
    first = said(case, "It", " snows", " in Oslo.")
    assert diff(first, said(case, "It", " snows in", " Oslo.")) == []
    (step,) = [one for one in textconv(first) if one.startswith("<--")]
    assert "It snows in Oslo." in step
    (told,) = diff(first, said(case, "It", " rains", " in Oslo."))
    assert '"It snows in Oslo." -> "It rains in Oslo."' in str(told)


@pytest.mark.parametrize("case", SAYS)
def test_the_page_puts_the_words_before_the_ids(case: str) -> None:
    (scene,) = of_cassette(said(case, "It", " snows"))
    assert [line.summary.startswith(("'It'", "' snows'")) for line in scene.lines[2:]] == [True, True]


@pytest.mark.parametrize("dialect", WHOLE)
def test_what_was_heard_of_the_user_stands_in_its_own_lane(dialect: str) -> None:
    (scene,) = of_cassette(recorded(dialect, [Text(json.dumps(WHOLE[dialect]))]))
    assert [words for _, words in scene.heard] == ["Does it snow?"]


def test_pieces_of_what_was_heard_become_one_text_and_the_whole_takes_their_place() -> None:
    pieces = [{"serverContent": {"inputTranscription": {"text": words}}} for words in (" Does", " it", " snow?")]
    answer = gemini("Yes.")
    (scene,) = of_cassette(recorded("gemini", [Text(json.dumps(one)) for one in (*pieces, answer, pieces[0])]))
    assert [words for _, words in scene.heard] == [" Does it snow?", " Does"]
    heard = "conversation.item.input_audio_transcription"
    deltas = [{"type": f"{heard}.delta", "item_id": "u", "delta": words} for words in ("Does", " it")]
    (scene,) = of_cassette(recorded("openai", [Text(json.dumps(one)) for one in (*deltas, WHOLE["openai"])]))
    assert [words for _, words in scene.heard] == ["Does it snow?"]


def test_a_text_in_binary_frames_is_folded_too() -> None:
    cassette = recorded("personaplex", [Binary(b"\x02It"), Binary(b"\x02 snows")])
    assert any("2 x text  'It snows'" in line for line in timeline(cassette))


SHAPELESS: list[Any] = [
    {"type": "transcript", "text": 5},
    {"type": "transcript", "delta": None},
    {"type": "agent_response", "agent_response_event": "x"},
    {"type": "response.event"},
    {"event": {"textOutput": {"content": []}}},
    {"serverContent": {"outputTranscription": None}},
    {"serverContent": {"modelTurn": {"parts": ["x"]}}},
    *([], {}, "x"),
]


def test_a_frame_of_another_shape_says_nothing() -> None:
    def check(case: tuple[str, Any]) -> None:
        lens = DIALECTS[case[0]]
        assert lens.spoken(lens.view(Text(json.dumps(case[1])), Sender.SERVER)) is None

    assert every(product(DIALECTS, SHAPELESS), check) == len(DIALECTS) * len(SHAPELESS)


def test_a_frame_that_holds_more_than_words_is_no_piece_of_them() -> None:
    lens = DIALECTS["gemini"]
    ends = {"serverContent": {"outputTranscription": {"text": "It"}, "turnComplete": True}}
    assert lens.spoken(lens.view(Text(json.dumps(ends)), Sender.SERVER)) is None
    cut = {"event": {"textOutput": {"content": '{ "interrupted" : true }', "role": "ASSISTANT"}}}
    nova_sonic = DIALECTS["nova_sonic"]
    assert nova_sonic.spoken(nova_sonic.view(Text(json.dumps(cut)), Sender.SERVER)) is None


def test_empty_messages_between_sound_do_not_cut_a_line() -> None:
    sound = [Text(json.dumps(gemini_with_sound(words))) for words in ("It", " snows")]
    cassette = recorded("gemini", [sound[0], Text("{}"), sound[1], Text("{}")])
    shown = [line for line in timeline(cassette) if "<--" in line and "answer" not in line]
    assert len(shown) == 2
    assert "'It snows'" in shown[0]
    assert shown[1].endswith("2 x empty")
    without = replace(cassette, connections=recorded("gemini", list(sound)).connections)
    assert diff(cassette, without) == []


def test_a_text_that_goes_on_while_the_microphone_is_open_is_one_step() -> None:
    heard = [{"type": "session.input_transcript.delta", "delta": words} for words in ("Does", " it", " snow?")]
    sound = Text(json.dumps({"type": "session.input_audio.append", "audio": base64.b64encode(bytes(960)).decode()}))
    records = [Record(0, Sender.CLIENT, Text(json.dumps({"type": "session.start", "session": {}})))]
    for at, one in enumerate(heard):
        records += [
            Record(20_000 * at, Sender.CLIENT, sound),
            Record(20_000 * at, Sender.SERVER, Text(json.dumps(one))),
        ]
    cassette = Cassette(Header("gpt_live"), (Connection(0, Handshake("/"), records=tuple(records)),))
    (line,) = [line for line in textconv(cassette) if line.startswith("<--")]
    assert "Does it snow?" in line


def test_an_event_inside_another_says_its_name() -> None:
    inner = {"type": "response.output_item.added", "item": {"id": "fc_1", "type": "function_call", "name": "weather"}}
    lens = DIALECTS["gpt_live"]
    view = lens.view(Text(json.dumps({"type": "response.event", "event": inner})), Sender.SERVER)
    assert lens.summary(view) == "response.output_item.added fc_1 function_call weather"


def test_a_delegated_text_is_no_part_of_what_is_said_and_a_reply_without_an_end_is_over_when_the_next_begins() -> None:
    spoken, inner = gpt_live("Sure."), delegated("Look it up.")
    (scene,) = of_cassette(recorded("gpt_live", [Text(json.dumps(one)) for one in (spoken, inner, gpt_live(" Now."))]))
    assert [bar.said for bar in scene.bars.values()] == ["Sure. Now."]
    agent = {"type": "agent_response", "agent_response_event": {"agent_response": "Hello.", "event_id": 1}}
    again = {"type": "agent_response", "agent_response_event": {"agent_response": "Bye.", "event_id": 2}}
    said = [agent, WHOLE["elevenlabs"], again]
    (scene,) = of_cassette(recorded("elevenlabs", [Text(json.dumps(one)) for one in said]))
    assert [(bar.status, bar.end, bar.said) for bar in scene.bars.values()] == [
        ("over", 40_000, "Hello."),
        ("in progress", None, "Bye."),
    ]
