"""A test in another language: Node, with nothing but what Node has itself, drives a server over the control API.

The tests need Node 18 or later; the project itself does not, so a machine without Node leaves them out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NODE = shutil.which("node")
CLIENT = Path(__file__).with_name("client.mjs")
SIMULATE = (sys.executable, "-m", "mockserver", "simulate", "openai", "--set", "pace=instant")

pytestmark = pytest.mark.skipif(
    NODE is None, reason="these are tests of a Node client, and no program `node` is on the PATH"
)


def run(*command: str) -> dict[str, Any]:
    """What the client saw: the one line that it prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(
    scope="module",
    params=[
        # The client starts the server and reads its ready line.
        pytest.param(lambda: run(str(NODE), str(CLIENT), *SIMULATE, "--json"), id="ready-line"),
        # The server starts the client, which is told by variables where to go, and whom to trust.
        pytest.param(lambda: run(*SIMULATE, "--tls", "--", str(NODE), str(CLIENT)), id="command-tls"),
    ],
)
def seen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One run of the client, whose parts the tests below judge."""
    return request.param()


def test_a_fault_set_over_the_control_api_changes_what_the_client_gets(seen: dict[str, Any]) -> None:
    assert seen["fault"]["status"] == 201
    assert seen["disturbed"] == {"said": "Grüße aus Oslo", "metadata": None, "status": "completed"}
    assert [fault["fired"] for fault in seen["firedOnce"]["faults"]] == [1]


def test_the_journal_says_what_the_fault_did(seen: dict[str, Any]) -> None:
    (note,) = seen["notes"]["entries"]
    assert note["text"].startswith("took metadata out of response.created")
    assert note["data"]["fault"] == seen["fault"]["spec"]


def test_without_the_fault_the_same_turn_on_the_same_connection_is_whole(seen: dict[str, Any]) -> None:
    assert seen["removed"] == {**seen["fault"], "status": 200, "fired": 1}
    assert seen["control"]["metadata"] == {"from": "node"}
    assert seen["control"]["status"] == "completed"
    assert seen["state"]["faults"] == []
    assert seen["problems"]["problems"] == []


def test_the_journal_and_the_state_hold_what_the_client_did(seen: dict[str, Any]) -> None:
    bodies = [json.loads(entry["text"]) for entry in seen["requests"]["entries"]]
    assert bodies == [{"type": "response.create", "response": {"metadata": {"from": "node"}}}] * 2
    texts = [
        part.get("text") or part.get("transcript")
        for item in seen["session"]["values"]["conversation"]
        for part in item["content"]
    ]
    assert texts == ["Grüße aus Oslo"] * 4
    assert (seen["session"]["over"], seen["state"]["sessions"][0]["over"]) == (False, True)


def test_what_the_model_could_see_is_there_to_be_judged(seen: dict[str, Any]) -> None:
    contexts = seen["session"]["values"]["contexts"]
    assert [len(context["items"]) for context in contexts] == [1, 3]
    assert [context["metadata"] for context in contexts] == [{"from": "node"}] * 2
    assert {item["text"] for context in contexts for item in context["items"]} == {"Grüße aus Oslo"}
    assert seen["state"]["source"] == "simulator"


def test_a_request_can_wait_for_what_has_not_happened_yet(seen: dict[str, Any]) -> None:
    assert [(entry["sender"], entry["code"]) for entry in seen["close"]["entries"]] == [("client", 1000)]


def test_a_wrong_spec_says_where_it_is_wrong(seen: dict[str, Any]) -> None:
    refusal = seen["wrongSpec"]
    assert refusal["status"] == 400
    assert refusal["error"]["column"] == 0
    assert "did you mean 'drop'" in refusal["error"]["message"]


def test_the_server_ends_cleanly_when_it_is_asked_to(seen: dict[str, Any]) -> None:
    # Only the client that started the server ends it; under `-- COMMAND` the status is the command's, judged in run().
    assert seen.get("serverStatus", 0) == 0
