"""The openai SDK, openai-agents and google-genai, each against one cassette again and again."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from google import genai
from openai import AsyncOpenAI

from mockserver import MockServer, Scripted, relay, replay, script, simulator, speech
from mockserver.cassette.files.foreign import detect_and_import
from mockserver.core.frames import Sender
from mockserver.engines.base import Source
from mockserver.errors import ExpectationFailed
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time
from tests import shared

PACINGS = ["recorded", "instant", "<=20ms"]
RUNS = 50
Client = Callable[[MockServer], Awaitable[list[str]]]


async def sdk(server: MockServer, *, words: str = "where is the harbour") -> list[str]:
    """Two turns of the openai SDK, which mints no ids of its own; returns what was heard."""
    heard = []
    client = AsyncOpenAI(base_url=server.base_url, api_key="any")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        for text in (words, "and the station"):
            await connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": text}],
                }
            )
            await connection.response.create()
            audio = b""
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    audio += base64.b64decode(event.delta)
                elif event.type == "response.done":
                    break
            heard.append(speech.decode(audio))
    return heard


async def agents(server: MockServer, *, words: str = "where is the harbour") -> list[str]:
    """Two turns of openai-agents; returns what was heard."""
    heard = []
    runner = RealtimeRunner(RealtimeAgent(name="Guide", instructions="be brief"))
    session = await runner.run(model_config={"url": f"{server.ws_url}?model=gpt-realtime", "api_key": "any"})
    async with session:
        for text in (words, "and the station"):
            await session.send_message(text)
            audio = b""
            async for event in session:
                if event.type == "audio":
                    audio += event.audio.data
                elif event.type == "agent_end":
                    break
            heard.append(speech.decode(audio))
    return heard


async def record(source: Source, client: Client, path: Path) -> list[str]:
    async with (
        MockServer(source) as upstream,
        Recording(relay(upstream.base_url), path) as recording,
    ):
        return await client(recording.server)


@pytest.fixture(autouse=True)
def _no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")


@pytest.mark.parametrize("pacing", PACINGS)
@pytest.mark.parametrize("client", [sdk, agents])
async def test_the_same_turns_again_and_again(client: Client, pacing: str, tmp_path: Path) -> None:
    path = tmp_path / "turns.cassette"
    source = simulator("openai", replier=Scripted(["down the hill", "up the hill"]))
    with virtual_time():
        assert await record(source, client, path) == ["down the hill", "up the hill"]
        for _ in range(RUNS):
            async with MockServer(replay(path, pacing=pacing)) as server:
                assert await client(server) == ["down the hill", "up the hill"]


@pytest.mark.parametrize("client", [sdk, agents])
async def test_other_words_are_a_departure(client: Callable[..., Awaitable[list[str]]], tmp_path: Path) -> None:
    path = tmp_path / "turns.cassette"
    source = simulator("openai", replier=Scripted(["down the hill", "up the hill"]))
    with virtual_time():
        await record(source, client, path)
        server = MockServer(replay(path, pacing="instant"))
        await server.start()
        try:
            async with asyncio.timeout(30):
                await client(server, words="where is the moon")
        except Exception as error:  # noqa: BLE001 - each client has its own way to say that a session ended
            print(f"the client says: {error!r}")
        await server.close()
    problems = server.problems()
    assert problems, "the report reaches the test, whatever the client made of the error"
    assert "where is the moon" in str(problems[0])
    assert "where is the harbour" in str(problems[0])


# --- Gemini ---------------------------------------------------------------------------------------------------------


def gemini_turn(client: Any) -> Any:
    """A server of Gemini Live: set-up, then a spoken answer to the first text, pretty-printed as the provider does."""

    def said(body: dict[str, Any]) -> bytes:
        return (json.dumps(body, indent=2) + "\n").encode()

    yield script.expect("setup")
    yield script.send(said({"setupComplete": {}}))
    yield script.expect("clientContent")
    yield script.send(said({"serverContent": {"outputTranscription": {"text": "down the hill"}}}))
    audio = base64.b64encode(speech.encode("down the hill")).decode()
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": audio}}
    yield script.send(said({"serverContent": {"modelTurn": {"parts": [part]}}}))
    yield script.send(said({"serverContent": {"generationComplete": True}}))
    yield script.send(said({"serverContent": {"turnComplete": True}}))
    yield script.closed()


async def gemini(server: MockServer, *, words: str = "where is the harbour") -> list[str]:
    """One turn of google-genai, which speaks TLS only; returns what was heard and what was transcribed."""
    client = genai.Client(api_key="any", http_options={"base_url": server.base_url})
    audio, text = b"", ""
    async with client.aio.live.connect(model="m", config={"response_modalities": ["AUDIO"]}) as live:
        await live.send_client_content(turns={"role": "user", "parts": [{"text": words}]}, turn_complete=True)
        async for message in live.receive():
            content = message.server_content
            if content and content.output_transcription:
                text += content.output_transcription.text or ""
            audio += message.data or b""
    return [speech.decode(audio), text]


async def test_google_genai_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gemini.cassette"
    upstream = MockServer(script(gemini_turn, dialect="gemini"))
    async with upstream:
        recording = Recording(relay(upstream.base_url, dialect="gemini"), path, tls=True)
        async with recording:
            with monkeypatch.context() as trust:
                trust.setenv("SSL_CERT_FILE", recording.server.env()["SSL_CERT_FILE"])
                assert await gemini(recording.server) == ["down the hill"] * 2
    for pacing in PACINGS * 17:
        async with MockServer(replay(path, pacing=pacing), tls=True) as server:
            with monkeypatch.context() as trust:
                # Ours alone: to read all of the system's too, as the variables of env() have it, is most of the time.
                assert server.certificate is not None
                trust.setenv("SSL_CERT_FILE", str(server.certificate.ca_file))
                assert await gemini(server) == ["down the hill"] * 2


async def test_google_genai_with_other_words_is_a_departure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gemini.cassette"
    async with (
        MockServer(script(gemini_turn, dialect="gemini")) as upstream,
        Recording(relay(upstream.base_url, dialect="gemini"), path, tls=True) as recording,
    ):
        monkeypatch.setenv("SSL_CERT_FILE", recording.server.env()["SSL_CERT_FILE"])
        await gemini(recording.server)
    server = MockServer(replay(path, pacing="instant"), tls=True)
    await server.start()
    monkeypatch.setenv("SSL_CERT_FILE", server.env()["SSL_CERT_FILE"])
    with pytest.raises(genai.errors.APIError):
        await gemini(server, words="where is the moon")
    await server.close()
    with pytest.raises(ExpectationFailed, match="where is the moon"):
        server.verify()


@pytest.mark.parametrize(
    "capture", [path for path in shared.captures() if path.stem == "gemini-text_in_audio_out_turn"]
)
async def test_google_genai_and_a_real_capture(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cassette = detect_and_import(capture)
    setup = next(r.frame for r in cassette.connections[0].records if r.sender is Sender.CLIENT)
    body = json.loads(setup.data)["setup"]
    async with MockServer(replay(cassette, pacing="instant"), tls=True) as server:
        monkeypatch.setenv("SSL_CERT_FILE", server.env()["SSL_CERT_FILE"])
        client = genai.Client(api_key="any", http_options={"base_url": server.base_url})
        config = {
            "response_modalities": ["AUDIO"],
            "system_instruction": body["systemInstruction"],
            "input_audio_transcription": {},
            "output_audio_transcription": {},
        }
        model = body["model"].removeprefix("models/")
        async with client.aio.live.connect(model=model, config=config) as live:
            await live.send_client_content(
                turns={"role": "user", "parts": [{"text": "Say a short greeting."}]},
                turn_complete=True,
            )
            text = ""
            async for message in live.receive():
                content = message.server_content
                if content and content.output_transcription:
                    text += content.output_transcription.text or ""
    assert text == "Hello there."
