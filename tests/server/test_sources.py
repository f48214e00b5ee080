"""What takes several texts takes one text as one, and never as its letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver import MockServer, faults, relay, replay, script, simulator
from mockserver.cassette.importers.detect import import_bytes
from mockserver.cassette.store import redactor_for
from mockserver.core.frames import Text
from mockserver.engines.simulator import Scripted, ToolCall
from mockserver.errors import UsageError
from mockserver.server.sources import spoken_at

CAPTURE = b'{"capture": 1, "provider": "openai"}\n{"from": "client", "text": "my word is plover"}\n'


@pytest.mark.parametrize("given", ["delay 1s on response.created", faults.delay("x", seconds=1)])
def test_one_fault_is_a_list_of_one(given: object) -> None:
    server = MockServer(script(), faults=given)  # type: ignore[arg-type]
    assert len(server.faults) == 1
    assert len(MockServer(script(), faults=[given, "drop on response.done"]).faults) == 2  # type: ignore[list-item]


def test_one_rule_of_the_redaction_is_one(tmp_path: Path) -> None:
    for rules in ("plover", ["plover"]):
        hidden = redactor_for(rules=rules).frame(Text("my word is plover"))
        assert isinstance(hidden, Text)
        assert hidden.data.startswith("my word is ")
        assert "plover" not in hidden.data
    replay(import_bytes(CAPTURE, "x"), redact="plo(ver)?")  # its letters are no regular expressions


def test_one_reply_is_no_list_of_replies() -> None:
    for one in ("hello", ToolCall("weather", {})):
        with pytest.raises(UsageError, match=r"Scripted: replies=.*expected a list"):
            Scripted(one)  # type: ignore[arg-type]
    assert len(Scripted(["hello"]).replies) == 1


def test_one_model_is_no_list_of_models() -> None:
    with pytest.raises(UsageError, match=r"simulator: models=.*expected a list"):
        simulator("openai", models="gpt-realtime")
    simulator("openai", models=["gpt-realtime"])


@pytest.mark.parametrize("wrong", [None, 5, [5], {"a.cassette": 1}, object()])
def test_what_is_no_cassette_and_no_upstream(wrong: Any) -> None:
    with pytest.raises(UsageError, match="expected a path, a cassette, or a list of these"):
        replay(wrong)
    with pytest.raises(UsageError, match="expected a provider's name or a URL"):
        relay(wrong)


def test_a_url_that_does_not_say_what_is_spoken_there_asks_for_the_dialect() -> None:
    with pytest.raises(UsageError, match="give --dialect azure_voice_live, elevenlabs, gemini, ") as caught:
        spoken_at("http://127.0.0.1:9", None)
    assert "or generic for any websocket" in str(caught.value)
    with pytest.raises(UsageError, match="give --dialect "):
        spoken_at("http://127.0.0.1:9/unheard/of", None)
    for upstream, dialect in (
        ("http://127.0.0.1:9/v1", None), ("openai", None), ("wss://api.openai.com/v1/realtime", None),
        ("http://127.0.0.1:9", "azure_voice_live"), ("http://127.0.0.1:9", "generic"),
    ):  # fmt: skip
        assert spoken_at(upstream, dialect) == dialect
