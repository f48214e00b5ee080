"""Amazon Nova Sonic with AWS' SDKs, livekit and pipecat: a turn, a tool round, a barge-in, a fault, an end, and where a
stream is recorded, its replay.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path
from typing import Any

import pytest

from mockserver import MockServer, simulator, speech
from mockserver.cassette.store import load
from mockserver.dialects.nova_sonic import INTERRUPTED
from mockserver.server.record import Recording
from tests.clients.heavy.nova_sonic import runs
from tests.clients.heavy.nova_sonic.scenes import LONG, replier, spoken

aws, pipecat, node = runs.needed("aws"), runs.needed("pipecat-aws"), runs.needed("node")
USER = ["good morning", "what is the weather", "tell me a story", "stop"]


def judge(told: dict[str, Any]) -> None:
    """What a client of either SDK must have seen of the whole conversation."""
    assert (told["failure"], told["ended"], told["last"]) == ("", True, "completionEnd")
    assert told["user"] == USER
    assert told["tools"] == [["weather", {"city": "Oslo"}]]
    assert told["interrupted"] == 1
    assert told["said"][:4] == ["Yes.", "Yes.", "It is foggy.", "It is foggy."]
    assert told["said"][-2:] == ["Yes.", "Yes."]
    cut = told["said"].index(INTERRUPTED)
    assert LONG.startswith(told["said"][4])
    assert LONG not in " ".join(told["said"][4:cut])


@aws
def test_the_python_sdk_is_recorded_and_replayed(tmp_path: Path) -> None:
    path = tmp_path / "sdk.cassette"
    judge(runs.python("aws", "bedrock", "record", path))
    assert (load(path).header.dialect, load(path).header.ended) == ("nova_sonic", "clean")
    told = runs.python("aws", "bedrock", "replay", path)
    judge(told)
    assert "AWSCRTHTTPClient connects to https://127.0.0.1:" in told["patched"]


@aws
@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("rate limit on 2nd audioOutput", "ThrottlingException: Too many requests, please wait before trying again."),
        (
            "server error on 2nd audioOutput",
            "ValidationException: System instability detected. Please retry your request.",
        ),
        ("close 1011 on 2nd audioOutput", ""),
    ],
)
def test_the_python_sdk_hears_of_a_fault(fault: str, failure: str) -> None:
    told = runs.python("aws", "bedrock", fault)
    assert (told["ended"], told["failure"], told["last"]) == (True, failure, "audioOutput")


@aws
def test_livekit() -> None:
    told = runs.python("aws", "livekit_aws", "talk")
    assert told["heard"][:2] == ["Yes.", "It is foggy."]
    assert LONG.startswith(told["heard"][2])
    assert told["heard"][2] != LONG
    assert told["heard"][3] == "Yes."
    assert told["tools"] == [["weather", {"city": "Oslo"}]]
    assert told["barge_ins"] >= 1
    assert [one for one in told["transcripts"] if one] == USER
    assert (told["errors"], told["problems"], told["over"]) == ([], [], True)


@aws
def test_livekit_begins_again_after_an_error_that_it_knows() -> None:
    """It takes this one for a stream that was lost, and opens another (nova_sonic.md#46)."""
    assert runs.python("aws", "livekit_aws", "server error on 2nd audioOutput once")["sessions"] == 2


@pipecat
def test_pipecat() -> None:
    told = runs.python("pipecat-aws", "pipecat_calls", "nova", "talk")
    assert told["heard"].startswith("Yes. It is foggy. The tide")
    assert told["heard"].endswith("Yes.")
    assert LONG not in told["heard"]
    assert (told["interruptions"], told["errors"], told["problems"], told["over"]) == (1, [], [], [True])


@pipecat
def test_pipecat_hears_of_a_fault() -> None:
    told = runs.python("pipecat-aws", "pipecat_calls", "nova", "rate limit on 2nd audioOutput once")
    assert "Too many requests" in str(told["errors"])


@pipecat
def test_pipecat_and_ultravox() -> None:
    told = runs.python("pipecat-aws", "pipecat_calls", "ultravox", "talk")
    assert told["heard"].startswith("Yes. It is foggy. The tide")
    assert told["heard"].endswith("Yes.")
    assert LONG not in told["heard"]
    assert (told["interruptions"], told["errors"], told["problems"], told["over"]) == (1, [], [], [True])


@pipecat
def test_pipecat_ends_when_ultravox_is_gone() -> None:
    """It tells its pipeline nothing of a connection that was lost: what counts is that it can be ended."""
    told = runs.python("pipecat-aws", "pipecat_calls", "ultravox", "reset on 5th audio from server")
    assert (told["errors"], told["finished"], told["over"]) == ([], True, [True])


# --- Node ---


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """What the user says."""
    for name, words in zip(("morning", "weather", "story", "stop"), USER, strict=True):
        (tmp_path / f"{name}.pcm").write_bytes(spoken(words))
    return tmp_path


@node
def test_the_sdk_for_javascript(voices: Path) -> None:
    with MockServer(simulator("nova_sonic", replier=replier())).in_thread() as server:
        told = runs.run("node", runs.script("bedrock.mjs"), voices, env=server.env())
        assert server.problems() == []
    judge(told)
    assert speech.decode(base64.b64decode(told["audio"]), 24_000).startswith("Yes. It is foggy. The")


@node
def test_the_sdk_for_javascript_hears_of_a_fault(voices: Path) -> None:
    for fault, failure in (
        ("rate limit on 2nd audioOutput", "ThrottlingException: Too many requests, please wait before trying again."),
        ("close 1011 on 2nd audioOutput", "Error: Stream closed with error code NGHTTP2_INTERNAL_ERROR"),
    ):
        with MockServer(simulator("nova_sonic", replier=replier()), faults=[fault]).in_thread() as server:
            told = runs.run("node", runs.script("bedrock.mjs"), voices, env=server.env())
        assert (told["failure"], told["last"]) == (failure, "audioOutput")


@node
async def test_the_sdk_for_javascript_is_recorded_and_replayed(voices: Path) -> None:
    path = voices / "node.cassette"
    async with Recording(simulator("nova_sonic", replier=replier()), path) as recording:
        judge(await beside(voices, recording.server))
    command = (sys.executable, "-m", "mockserver", "replay", path, "--", "node", runs.script("bedrock.mjs"), voices)
    judge(runs.run(*command))


async def beside(voices: Path, server: MockServer) -> dict[str, Any]:
    """The client, while the server's loop goes on."""
    return await asyncio.to_thread(runs.run, "node", runs.script("bedrock.mjs"), voices, env=server.env())
