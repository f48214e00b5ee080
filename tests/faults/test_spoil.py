"""Whole frames spoiled: broken JSON, broken audio, the wrong opcode, too large, unknown."""

from __future__ import annotations

import base64
import binascii
import json

import pytest

from mockserver.core.frames import Binary, Send, Sender, Text, to_client
from mockserver.core.journal import Journal
from mockserver.dialects.base import Dialect
from mockserver.dialects.openai.lens import OPENAI
from mockserver.dialects.registry import DIALECTS
from mockserver.faults import parse
from tests.faults.stage import AUDIO, turn

PLAIN = turn()


def frame_of(spec: str, name: str) -> str | bytes:
    """The data of the first frame that stands where ``name`` stood."""
    stage = turn(spec)
    assert stage.armed[0].fired == 1
    [first] = [i for i, each in enumerate(PLAIN.names) if each == name][:1]
    frames = [entry.what for entry in stage.journal.frames(Sender.SERVER)]
    plain = [entry.what for entry in PLAIN.journal.frames(Sender.SERVER)]
    assert frames[:first] == plain[:first]
    assert frames[first + 1 :] == plain[first + 1 :]
    assert frames[first] != plain[first]
    return frames[first].data  # type: ignore[union-attr]


def test_control_the_frames_are_sound() -> None:
    assert all(json.loads(text) for text in PLAIN.texts)
    assert len(base64.b64decode(AUDIO)) % 2 == 0


@pytest.mark.parametrize(
    "spec",
    [
        "truncate json on response.done",
        "truncate json to 10 on response.done",
        "not json on response.done",
        "not json '<html>' on response.done",
    ],
)
def test_what_is_no_json(spec: str) -> None:
    data = frame_of(spec, "response.done")
    assert data
    with pytest.raises(json.JSONDecodeError):
        json.loads(data)


def test_truncate_keeps_the_beginning() -> None:
    plain = PLAIN.texts[PLAIN.names.index("response.done")]
    assert frame_of("truncate json to 10 on response.done", "response.done") == plain[:10]
    assert frame_of("truncate json on response.done", "response.done") == plain[: len(plain) // 2]


def test_bad_base64_is_in_sound_json() -> None:
    body = json.loads(frame_of("bad base64 on 1st response.output_audio.delta", "response.output_audio.delta"))
    with pytest.raises(binascii.Error):
        base64.b64decode(body["delta"], validate=True)
    assert body["delta"].replace("!", "") == AUDIO


def test_odd_audio_is_one_byte_short() -> None:
    body = json.loads(frame_of("odd audio on 1st response.output_audio.delta", "response.output_audio.delta"))
    assert base64.b64decode(body["delta"], validate=True) == base64.b64decode(AUDIO)[:-1]


def test_frames_without_audio_have_none_to_spoil() -> None:
    stage = turn("bad base64 on response.done", "odd audio on response.done")
    assert stage.texts == PLAIN.texts
    assert [armed.fired for armed in stage.armed] == [0, 0]


def test_the_wrong_opcode() -> None:
    data = frame_of("binary on response.done", "response.done")
    assert isinstance(data, bytes)
    assert data.decode() == PLAIN.texts[PLAIN.names.index("response.done")]
    stage = turn("binary on response.done")
    assert sum(isinstance(entry.what, Binary) for entry in stage.journal.frames()) == 1


def test_oversize_is_as_large_as_said() -> None:
    data = frame_of("oversize to 2MB on response.done", "response.done")
    assert len(data) == 2_000_000
    body = json.loads(data)
    padding = body.pop("padding")
    assert set(padding) == {"x"}
    assert body == PLAIN.bodies("response.done")[0]


def test_an_unknown_event_comes_on_top() -> None:
    stage = turn("unknown event called response.song.delta on response.created")
    place = stage.names.index("response.created")
    assert stage.names[place + 1] == "response.song.delta"
    assert [text for text in stage.texts if "song" not in text] == PLAIN.texts
    before = turn("unknown event before response.created")
    assert before.names.index("response.created") == 2


# PersonaPlex names its messages by a byte, not in JSON.
IN_JSON = [dialect for dialect in DIALECTS.values() if dialect.name != "personaplex"]


@pytest.mark.parametrize("dialect", IN_JSON, ids=lambda dialect: dialect.name)
def test_an_unknown_event_is_well_formed_in_everything_but_its_name(dialect: Dialect) -> None:
    frame = Text(json.dumps(dialect.stranger("hologram", "event_1")))
    assert dialect.view(frame, Sender.SERVER).name == "hologram"
    # The control: another provider's wording has no such name here.
    others = [other.stranger("hologram", "event_1") for other in (OPENAI, DIALECTS["gemini"], DIALECTS["nova_sonic"])]
    names = {dialect.view(Text(json.dumps(body)), Sender.SERVER).name for body in others}
    assert names != {"hologram"}


@pytest.mark.parametrize(
    ("dialect", "first"),
    [(OPENAI, Text('{"type": "session.created"}')), (DIALECTS["gemini"], Binary(b'{"setupComplete": {}}'))],
    ids=["text", "binary"],
)
def test_an_unknown_event_comes_in_the_frames_that_the_others_come_in(dialect: Dialect, first: Text | Binary) -> None:
    layer = parse("unknown event").arm().layer(Journal().open(dialect), dialect)
    out = [item.frame for item in layer.feed(to_client(first), 0) if isinstance(item, Send)]
    assert out[0] is first
    assert [type(frame) for frame in out] == [type(first), type(first)]
