"""The client that recorded a cassette gets its replay, whatever was taken out of it. Another does not,
and no report tells its secrets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, relay, replay, script
from mockserver.cassette.redact import Redactor
from mockserver.cassette.store import load
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import ReplayMismatch
from mockserver.server.record import Recording

SECRET = "tulip-meadow-4711"
QUERY = "model=m&sig=Ab12&my_secret=zzz&note=hello"
WORDS = f"call 5551 for {SECRET}, please"


def says(client: Any) -> Any:
    yield script.expect("session.update")
    yield script.send({"type": "session.updated", "event_id": "event_1", "session": {}})
    yield script.closed()


async def talk(url: str, query: str = QUERY, words: str = WORDS) -> str:
    tools = [{"type": "mcp", "server_url": "https://me:pw1@host/?key=k1", "headers": {"X-Own": "own-1"}}]
    session = {"type": "realtime", "instructions": words, "tools": tools}
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}?{query}") as socket:
        await socket.send_json({"type": "session.update", "session": session})
        return str((await socket.receive()).data)


async def recorded(path: Path) -> Path:
    redactor = Redactor(env={"SOME_API_KEY": SECRET}, rules=[r"\b\d{4}\b"], dialect=OPENAI)
    async with (
        MockServer(script(says)) as upstream,
        Recording(relay(upstream.base_url), path, redactor=redactor) as recording,
    ):
        await talk(recording.server.ws_url)
    text = repr([one for connection in load(path).connections for one in (connection.handshake, *connection.records)])
    assert not [secret for secret in ("5551", SECRET, "pw1", "k1'", "own-1", "Ab12", "zzz") if secret in text]
    return path


async def test_the_client_that_recorded_it_is_answered(tmp_path: Path) -> None:
    """Neither the rule nor the environment of the recording is there."""
    path = await recorded(tmp_path / "x.cassette")
    for query, words in (
        (QUERY, WORDS),
        ("model=m&sig=other&my_secret=y&note=hello", "call 9999 for somebody else, please"),
    ):
        async with MockServer(replay(path)) as server:
            assert "session.updated" in await talk(server.ws_url, query, words)


@pytest.mark.parametrize("words", ["call 5551 for me", f"ring 5551 for {SECRET}, please"])
async def test_other_words_are_told(tmp_path: Path, words: str) -> None:
    path = await recorded(tmp_path / "x.cassette")
    with pytest.raises(ReplayMismatch, match=r"session\.instructions: recorded 'call REDACTED-rule-\d+ for") as caught:
        async with MockServer(replay(path)) as server:
            assert "replay_mismatch" in await talk(server.ws_url, QUERY, words)
    assert not [secret for secret in ("pw1", "own-1", "key=k1") if secret in str(caught.value)]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("model=m&sig=Ab12&my_secret=zzz&note=bye", "query note: recorded ['hello'], live ['bye']"),
        ("model=m&my_secret=zzz&note=hello", "query sig: recorded ['REDACTED-param-"),
        ("model=m&sig=Ab12&sig=Cd34&my_secret=zzz&note=hello", "query sig: recorded ['REDACTED-param-"),
        (QUERY + "&other_secret=Ef56", "query other_secret: recorded None, live ['REDACTED']"),
        ("model=m&sig=Ab12&my_secret=zzz&note=sk-abcdefgh12", "live ['REDACTED-key-"),
    ],
)
async def test_another_query_is_refused_and_its_secrets_are_not_told(tmp_path: Path, query: str, why: str) -> None:
    path = await recorded(tmp_path / "x.cassette")
    server = MockServer(replay(path))
    await server.start()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await talk(server.ws_url, query)
    await server.close()
    told = "\n".join(map(str, server.problems()))
    assert why in told
    for secret in ("Ab12", "Cd34", "Ef56", "zzz", "sk-abc"):
        assert secret not in told
        assert secret not in str(refused.value.message)
