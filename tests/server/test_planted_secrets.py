"""A different secret in each place where one can be, through the real recorder: in no file, log, output or error."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, relay, replay, script
from mockserver.cassette.store import load, redactor_for
from mockserver.core.frames import Text
from mockserver.errors import ExpectationFailed, SecretFound
from mockserver.server.record import Recording
from tests.server.upstreams import until

OPAQUE = "looks-like-nothing-"
PLANTED = {
    "bearer header": OPAQUE + "bearer-000001",
    "api-key header": OPAQUE + "azure-000002",
    "x-goog-api-key header": OPAQUE + "goog-000003",
    "?key=": OPAQUE + "query-000004",
    "subprotocol": OPAQUE + "browser-000005",
    "environment, in a frame": OPAQUE + "env-000006",
    "sk-": "sk-proj-abcdefABCDEF0123456789abcdef",
    "ek_": "ek_0123456789abcdef0123456789abcdef",
    "AIza": "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "split over two deltas": "sk-split0123456789abcdefSPLIT987654",
}
HALVES = (PLANTED["split over two deltas"][:14], PLANTED["split over two deltas"][14:])


def says(client: Any) -> Any:
    """The upstream says some of them itself, one in two pieces."""
    yield script.expect("session.update")
    for piece in HALVES:
        body = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
        yield script.send({"type": "response.output_text.delta", **body, "delta": piece})
    yield script.send({"type": "session.updated", "session": {"instructions": PLANTED["AIza"]}})
    yield script.closed()


async def plant(url: str, *, more: str = "") -> list[str]:
    headers = {
        "Authorization": f"Bearer {PLANTED['bearer header']}",
        "api-key": PLANTED["api-key header"],
        "x-goog-api-key": PLANTED["x-goog-api-key header"],
    }
    offered = ("realtime", f"openai-insecure-api-key.{PLANTED['subprotocol']}")
    told = " ".join(PLANTED[name] for name in ("environment, in a frame", "sk-", "ek_", "AIza"))
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}?key={PLANTED['?key=']}", headers=headers, protocols=offered) as ws,
    ):
        session = {"type": "realtime", "instructions": f"use {told}{more}"}
        await ws.send_json({"type": "session.update", "session": session})
        return [(await ws.receive()).data for _ in range(3)]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def found(text: bytes) -> list[str]:
    return [name for name, secret in PLANTED.items() if secret.encode() in text]


async def test_each_planted_secret_is_nowhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SOME_SERVICE_API_KEY", PLANTED["environment, in a frame"])
    path = tmp_path / "x.cassette"
    with caplog.at_level(logging.DEBUG, logger="mockserver"):
        async with MockServer(script(says)) as upstream:
            async with Recording(relay(upstream.base_url), path) as recording:
                got = await plant(recording.server.ws_url)
                # The client got all of it: only what is written is redacted.
                assert found("".join(json.loads(one).get("delta", one) for one in got).encode()) == [
                    "AIza",
                    "split over two deltas",
                ]
                await until(lambda: recording.server.sessions[0].over)
            seen = upstream.journal.sessions[0].handshake
            assert seen is not None
            assert found(repr(seen).encode()) == list(PLANTED)[:5]  # the control: they did go through
        # And again from the cassette, by a client that says one thing more: its report holds none either.
        server = MockServer(replay(path))
        await server.start()
        await plant(server.ws_url, more=" and more")
        await server.close()
    [problem] = server.problems()
    assert isinstance(problem, ExpectationFailed)
    assert "and more" in str(problem)
    out = capfd.readouterr()
    logged = "\n".join(f"{one.getMessage()} {one.exc_info}" for one in caplog.records)
    written = b"".join(one.read_bytes() for one in files(tmp_path))
    cassette = load(path)
    spoken = "".join(
        json.loads(record.frame.data).get("delta", "")
        for record in cassette.connections[0].records
        if isinstance(record.frame, Text)
    )
    assert found(written) == []
    for text in (logged, out.out, out.err, str(problem), repr(cassette), spoken):
        assert found(text.encode()) == []
    assert not all(half in spoken for half in HALVES)


async def test_a_secret_that_cannot_be_taken_out_stops_the_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Punctuation of JSON has no place for a token: nothing is saved, and the error says where, not what."""
    monkeypatch.setenv("SOME_SERVICE_API_KEY", "9876543210123")
    path = tmp_path / "x.cassette"

    async def record(name: str, *rules: str) -> None:
        async with (
            MockServer(script(script.expect("note"), script.closed())) as upstream,
            Recording(relay(upstream.base_url), tmp_path / name, redactor=redactor_for(rules=rules)) as recording,
            aiohttp.ClientSession() as http,
            http.ws_connect(recording.server.ws_url) as ws,
        ):
            await ws.send_str('{"type":"note","numbers":[9876543210123]}')
            await ws.close()

    await record("number.cassette")  # the control: a number of JSON is taken out whole
    kept = Text('{"type":"note","numbers":["REDACTED-env-1"]}')
    assert kept in [one.frame for one in load(tmp_path / "number.cassette").connections[0].records]
    (tmp_path / "number.cassette").unlink()
    with pytest.raises(SecretFound) as caught:
        await record(path.name, r"\]\}")
    assert "9876543210123" not in str(caught.value)
    assert "frame" in str(caught.value)
    assert sorted(one.name for one in files(tmp_path)) == [".gitignore", "x.cassette.unsafe"]
    assert (tmp_path / "x.cassette.unsafe").stat().st_mode & 0o077 == 0
