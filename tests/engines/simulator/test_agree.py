"""Agreement of a simulator with a recording: whole where it is the own one, and every kind of difference is seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockserver import Cassette, errors
from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.model import Connection, Header, Record
from mockserver.cassette.store import load, save
from mockserver.cli import main
from mockserver.core.frames import Answer, Handshake, Sender, Text
from mockserver.dialects.registry import dialect_named
from mockserver.engines.simulator import Scripted, ToolCall
from mockserver.engines.simulator.agree import agree
from tests import shared
from tests.engines.simulator.stage import Stage

CLIENT: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
    },
    {"type": "response.create"},
]


def recorded() -> Cassette:
    """A turn with a call, as a recorder would have kept it."""
    stage = Stage(replier=Scripted([["Let me look.", ToolCall("look", {"a": 1})]]))
    records, seen = [], 0
    for body in CLIENT:
        records += [Record(0, Sender.SERVER, Text(json.dumps(event))) for event in stage.events[seen:]]
        seen = len(stage.events)
        records.append(Record(0, Sender.CLIENT, Text(json.dumps(body))))
        stage.text(json.dumps(body))
        stage.wait(5_000)
    records += [Record(0, Sender.SERVER, Text(json.dumps(event))) for event in stage.events[seen:]]
    shake = Handshake("/v1/realtime", (("model", "gpt-realtime"),))
    return Cassette(Header("openai"), (Connection(0, shake, Answer(101), 0, tuple(records), timed=False),))


def changed(cassette: Cassette, name: str, change: Any) -> Cassette:
    """The recording with each server event of this name changed; None takes it out."""
    (connection,) = cassette.connections
    records = []
    for record in connection.records:
        assert isinstance(record.frame, Text)
        body = json.loads(record.frame.data)
        if record.sender is Sender.SERVER and body["type"] == name:
            body = change(body)
            if body is None:
                continue
        records.append(replace(record, frame=Text(json.dumps(body))))
    return replace(cassette, connections=(replace(connection, records=tuple(records)),))


def test_a_recording_of_the_simulator_agrees_with_it() -> None:
    (found,) = agree(recorded())
    assert found.differences == ()
    assert (found.order, found.shape) == (100.0, 100.0)
    assert found.events > 15
    assert found.fields > 100
    assert "order 100.0 %" in str(found)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("session.updated", lambda body: None, "event added: session.updated"),
        ("response.created", lambda body: {**body, "colour": 1}, "field gone: response.created: colour"),
        ("response.done", lambda body: {**body, "response": {**body["response"], "id": 5}}, "type changed"),
        ("conversation.item.done", lambda body: {**body, "type": "conversation.item.over"}, "conversation.item.over"),
    ],
)
def test_every_kind_of_difference_is_seen(name: str, change: Any, told: str) -> None:
    (found,) = agree(changed(recorded(), name, change))
    assert told in "\n".join(map(str, found.differences))
    assert found.order < 100 or found.shape < 100


def test_what_the_recorded_model_said_is_no_difference() -> None:
    """Its words come from the recording; a reply with another shape would be one."""
    (found,) = agree(recorded())
    assert found.differences == ()
    silent = changed(recorded(), "response.done", lambda body: {**body, "response": {**body["response"], "output": []}})
    (other,) = agree(silent)
    assert any("function_call" in str(one) for one in other.differences)


def test_a_provider_that_nobody_simulates_and_an_empty_cassette_are_errors() -> None:
    with pytest.raises(errors.UsageError, match="expected one of"):
        agree(replace(recorded(), header=Header("generic")))
    with pytest.raises(errors.UsageError, match="nothing to compare"):
        agree(Cassette(Header("openai")))


def test_the_command_prints_the_agreement_and_its_status_tells(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.cassette", tmp_path / "bad.cassette"
    save(recorded(), good)
    save(changed(recorded(), "response.created", lambda body: None), bad)
    done = CliRunner().invoke(main, ["agree", str(good)])
    assert (done.exit_code, done.output.splitlines()[0].startswith(f"{good}: connection 0: order 100.0 %")) == (0, True)
    worse = CliRunner().invoke(main, ["agree", str(good), str(bad)])
    assert worse.exit_code == 1
    assert "  event added: response.created" in worse.output


# --- the project's own recordings -----------------------------------------------------------------------------------

OWN = Path(__file__).parents[3] / "cassettes"
OUTER = {
    "gpt_live": "session.started",
    "gemini": "serverContent.generationComplete",
    "elevenlabs": "conversation_initiation_metadata",
}


@pytest.mark.parametrize("name", OUTER)
def test_a_cassette_of_each_other_family_agrees_and_an_event_less_is_seen(name: str) -> None:
    cassette = load(OWN / f"{name}.cassette")
    dialect = dialect_named(name)
    (found,) = agree(cassette)
    assert found.differences == ()
    (connection,) = cassette.connections
    kept = tuple(one for one in connection.records if dialect.view(one.frame, one.sender).name != OUTER[name])
    assert len(kept) < len(connection.records)
    (less,) = agree(replace(cassette, connections=(replace(connection, records=kept),)))
    assert any(str(one).startswith(f"event added: {OUTER[name]}") for one in less.differences), less


# --- captured sessions of the real services, where the machine has them ---------------------------------------------

CAPTURED = ("openai-*", "azure-*", "azure_voice_live-*", "xai-*", "elevenlabs-*", "gemini-*", "gpt_live-*")


def every_capture() -> list[Path]:
    found = {
        path for pattern in CAPTURED for folder in ("", "more/") for path in shared.captures(f"{folder}{pattern}.jsonl")
    }
    return sorted(found)


@pytest.mark.long
@pytest.mark.parametrize("path", every_capture(), ids=lambda path: path.stem)
def test_every_captured_session_agrees(path: Path) -> None:
    for found in agree(detect_and_import(path)):
        print(f"{path.stem}: {found}; left out: {dict(found.exceptions)}")
        assert found.differences == ()
        assert found.fields >= (6 if path.stem.startswith(("elevenlabs", "gemini", "gpt_live")) else 100)
