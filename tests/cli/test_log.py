"""What a serving command says of its sessions on stderr."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from mockserver.cli.log import WAITING, ServerLog, Stderr
from mockserver.core.frames import Answer, Close, Handshake, Lost, Note, Sender, Text
from mockserver.core.journal import Journal
from mockserver.dialects.registry import DIALECTS
from tests.cli.conftest import started

KEY = {"Authorization": "Bearer sk-of-somebody-0123456789"}


def told(*entries: tuple[Sender | None, Any], level: int = 1) -> list[str]:
    """The lines for these entries, without colour."""
    out: list[str] = []
    journal = Journal()
    journal.listen(ServerLog(journal, level=level, write=out.append))
    log = journal.open(DIALECTS["openai"])
    for at, (sender, what) in enumerate(entries):
        journal.write(log, 1_000_000 * at, sender, what)
    return [line.replace("\x1b[2m", "").replace("\x1b[31m", "").replace("\x1b[0m", "") for line in out]


def event(name: str, **fields: Any) -> tuple[Sender, Text]:
    return Sender.SERVER, Text(json.dumps({"type": name, **fields}))


@pytest.mark.parametrize("level", [1, 2])
def test_no_line_tells_a_secret(level: int) -> None:
    mine, other = "Zq7-lamp9-Wd4kTu2x", "sk-of-another-4711abcdef"
    lines = told(
        (Sender.CLIENT, Handshake("/v1/realtime", headers=(("Authorization", f"Bearer {mine}"),))),
        event("error", error={"message": f"Incorrect API key provided: {mine}. See the docs.", "code": "x"}),
        (None, Note("fault", f"said {other}", {})),
        (Sender.SERVER, Close(4001, f"bad key {other}")),
        level=level,
    )
    text = "\n".join(lines)
    assert mine not in text
    assert other not in text
    assert "See the docs." in text, "the rest is told"
    assert "bad key REDACTED-" in text


def test_a_session_is_told_line_by_line() -> None:
    begun = {"id": "resp_1", "status": "in_progress", "output": []}
    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0}
    lines = told(
        (Sender.CLIENT, Handshake("/v1/realtime")),
        (Sender.SERVER, Answer(101)),
        event("response.created", response=begun),
        event("response.output_audio_transcript.delta", **place, content_index=0, delta="it is "),
        event("response.output_audio_transcript.delta", **place, content_index=0, delta="snowing"),
        event("response.function_call_arguments.delta", **place, call_id="call_1", delta="{}"),
        event("response.done", response={**begun, "status": "cancelled"}),
        event("error", error={"message": "it is\nwrong", "code": "x"}),
        (None, Note("fault", "dropped response.done", {})),
        (None, Note("simulator", "a detail", {})),
        (Sender.SERVER, Close(1011, "gone")),
    )
    assert [line.partition("session 0  ")[2] for line in lines] == [
        "/v1/realtime asked for",
        "connected",
        "the model calls a tool",
        "reply cancelled: it is snowing",
        "error: it is\\x0awrong",
        "fault: dropped response.done",
        "ended by the server 1011 gone",
    ]
    assert lines[3].split()[0] == "6.000"


def test_refusals_and_lost_connections_are_told() -> None:
    lines = told((Sender.SERVER, Answer(404)), (Sender.CLIENT, Lost("reset")))
    assert ["refused with HTTP 404" in lines[0], "the client is gone: reset" in lines[1]] == [True, True]


def test_verbose_tells_each_frame_and_notes() -> None:
    lines = told(event("session.created"), (None, Note("simulator", "a detail", {})), level=2)
    assert "session.created" in "\n".join(lines)
    assert any("a detail" in line for line in lines)


class Slow(io.StringIO):
    """A stream that nobody reads until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        assert self.free.wait(10)
        return super().write(text)


def test_who_does_not_read_stderr_makes_nobody_wait() -> None:
    stream = Slow()
    log = Stderr(stream)
    for number in range(WAITING + 500):
        log(f"line {number}")
    stream.free.set()
    while log._lines.qsize():
        threading.Event().wait(0.001)
    log("the last")
    log.close()
    text = stream.getvalue()
    assert "lines were left out" in text
    assert text.endswith("the last\n")
    assert "\x1b" not in text


@pytest.mark.parametrize(("flag", "wanted"), [((), True), (("-q",), False), (("-v",), True)])
def test_the_command_tells_of_its_sessions(flag: tuple[str, ...], wanted: bool, tmp_path: Path) -> None:
    with started("simulate", "openai", "--set", "pace=instant", *flag) as (running, ready):
        with connect(ready["ws_url"] + "?model=gpt-realtime", additional_headers=KEY) as socket:
            socket.recv(10)
        running.terminate()
        assert running.stderr is not None
        said = running.stderr.read()
    assert ("session 0  connected" in said) is (wanted and flag != ("-v",))
    assert ("session.created" in said) is (flag == ("-v",))
    assert "sk-of-somebody" not in said
