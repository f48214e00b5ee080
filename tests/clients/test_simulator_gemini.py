"""google-genai and livekit-plugins-google against the simulated Gemini, then recorded and replayed without it.

Both speak TLS only. What the clients report that they heard is asserted, in our own speech.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types

from mockserver import MockServer, Rules, relay, replay, simulator, speech
from mockserver.engines.simulator import Context, Reply, ToolCall
from mockserver.server.record import Recording

MODEL = "gemini-2.5-flash-native-audio-preview-12-2025"
LONG = "one two three four five six seven eight nine ten eleven twelve"
STOP = speech.encode("stop please", 16_000) + bytes(32 * 800)
TOOLS: list[Any] = [
    {
        "function_declarations": [
            {"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
        ]
    }
]


def answers(context: Context) -> Reply:
    """By what the user said last."""
    last = context.items[-1]
    if last.type == "function_call_output":
        return Reply(f"It is {last.output}.")
    if "weather" in context.user:
        return Reply(None, (ToolCall("get_weather", {"city": "Oslo"}),))
    return Reply(LONG if "count" in context.user else f"You said {context.user}.")


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> Callable[[MockServer], str]:
    """Makes the clients of this test trust a server; returns its base URL."""

    def trust(server: MockServer) -> str:
        monkeypatch.setenv("SSL_CERT_FILE", server.env()["SSL_CERT_FILE"])
        return server.base_url

    return trust


@dataclass
class Heard:
    """What a client saw of one turn."""

    audio: bytes = b""
    text: str = ""
    calls: list[Any] = field(default_factory=list)
    interrupted: bool = False

    @property
    def said(self) -> str:
        return speech.decode(self.audio)


async def turn(live: Any, *, on_audio: Callable[[], Any] | None = None) -> Heard:
    """One turn of google-genai: up to ``turn_complete``; calls are answered."""
    heard = Heard()
    async for message in live.receive():
        content = message.server_content
        if content and content.output_transcription:
            heard.text += content.output_transcription.text or ""
        if content and content.interrupted:
            heard.interrupted = True
        if message.tool_call:
            heard.calls += message.tool_call.function_calls
            await live.send_tool_response(
                function_responses=[
                    types.FunctionResponse(id=call.id, name=call.name, response={"output": "foggy"})
                    for call in message.tool_call.function_calls
                ]
            )
        if message.data:
            heard.audio += message.data
            if on_audio is not None:
                await on_audio()
                on_audio = None
    return heard


def client_of(base_url: str) -> Any:
    return genai.Client(api_key="any", http_options={"base_url": base_url})


CONFIG: dict[str, Any] = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}, "tools": TOOLS}


async def write(live: Any, text: str) -> None:
    await live.send_client_content(turns={"role": "user", "parts": [{"text": text}]}, turn_complete=True)


async def conversation(base_url: str) -> list[str]:
    """A turn, a tool round and a barge-in of google-genai; what was heard of each."""
    found = []
    async with client_of(base_url).aio.live.connect(model=MODEL, config=CONFIG) as live:
        await write(live, "good morning")
        first = await turn(live)
        assert first.text == first.said
        found.append(first.said)

        await write(live, "how is the weather")
        second = await turn(live)
        assert [(call.name, call.args) for call in second.calls] == [("get_weather", {"city": "Oslo"})]
        found.append(second.said)

        async def speak() -> None:
            for place in range(0, len(STOP), 1_600):
                await live.send_realtime_input(
                    audio=types.Blob(data=STOP[place : place + 1_600], mime_type="audio/pcm;rate=16000")
                )

        await write(live, "count for me")
        cut = await turn(live, on_audio=speak)
        assert cut.interrupted
        assert LONG.startswith(cut.said)
        found.append((await turn(live)).said)
    return found


EXPECTED = ["You said good morning.", "It is foggy.", "You said stop please."]


async def test_google_genai_talks_calls_and_barges_in(trusting: Callable[[MockServer], str]) -> None:
    async with MockServer(simulator("gemini", replier=answers), tls=True) as server:
        assert await conversation(trusting(server)) == EXPECTED
        inside = server.sessions[0].inspect().values
    texts = [one.get("text", "") for one in inside["conversation"]]
    assert LONG not in texts, "what was not sent before the interruption is not in the context"
    assert inside["open_calls"] == []


async def test_google_genai_is_recorded_and_replayed_twice(
    trusting: Callable[[MockServer], str], tmp_path: Path
) -> None:
    path = tmp_path / "gemini.cassette"
    async with (
        MockServer(simulator("gemini", replier=answers)) as upstream,
        Recording(relay(upstream.base_url, dialect="gemini"), path, tls=True) as recording,
    ):
        assert await conversation(trusting(recording.server)) == EXPECTED
    for pacing in ("recorded", "instant"):
        async with MockServer(replay(path, pacing=pacing), tls=True) as server:
            assert await conversation(trusting(server)) == EXPECTED
        assert server.problems() == []


async def test_google_genai_resumes_after_go_away(trusting: Callable[[MockServer], str]) -> None:
    source = simulator("gemini", pace="instant", max_connection_s=1.5, go_away_s=1)
    async with MockServer(source, tls=True) as server:
        client = client_of(trusting(server))
        config: dict[str, Any] = {"response_modalities": ["AUDIO"], "session_resumption": {}}
        handles: list[str] = []
        warned: list[str] = []

        async def until_it_ends(live: Any) -> None:
            while True:
                async for message in live.receive():
                    update = message.session_resumption_update
                    handles.extend([update.new_handle] if update and update.new_handle else [])
                    warned.extend([message.go_away.time_left] if message.go_away else [])

        async with client.aio.live.connect(model=MODEL, config=config) as live:
            await write(live, "my name is Alice")
            with pytest.raises(genai.errors.APIError, match="Deadline expired") as ended:
                await until_it_ends(live)
        assert ended.value.code == 1011
        assert warned == ["1s"]
        config["session_resumption"] = {"handle": handles[-1]}
        async with client.aio.live.connect(model=MODEL, config=config) as live:
            await write(live, "who am I")
            assert (await turn(live)).said == "my name is Alice | who am I"


async def test_google_genai_sees_a_fault_in_the_middle_of_a_reply(trusting: Callable[[MockServer], str]) -> None:
    fault = 'close 1011 "The service is currently unavailable." on 3rd serverContent.modelTurn'
    async with MockServer(simulator("gemini", replier=answers), faults=[fault], tls=True) as server:
        async with client_of(trusting(server)).aio.live.connect(model=MODEL, config=CONFIG) as live:
            await write(live, "count for me")
            with pytest.raises(genai.errors.APIError, match="currently unavailable") as ended:
                await turn(live)
        assert ended.value.code == 1011


async def test_google_genai_with_an_ephemeral_token(trusting: Callable[[MockServer], str]) -> None:
    async with MockServer(simulator("gemini", pace="instant"), tls=True) as server:
        base_url = trusting(server)
        options = {"base_url": base_url, "api_version": "v1alpha"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package calls its tokens experimental
            owner = genai.Client(api_key="any", http_options=options)
            locked = {
                "model": MODEL,
                "config": {"system_instruction": "Be brief.", "response_modalities": ["AUDIO"]},
            }
            token = await asyncio.to_thread(
                owner.auth_tokens.create, config={"uses": 1, "live_connect_constraints": locked}
            )
            owner.close()
            assert token.name is not None
            assert token.name.startswith("auth_tokens/")
            guest = genai.Client(api_key=token.name, http_options=options)
            async with guest.aio.live.connect(model=MODEL, config={"response_modalities": ["AUDIO"]}) as live:
                await write(live, "hello")
                assert (await turn(live)).said == "Be brief. | hello"
            with pytest.raises(Exception, match="401"):
                async with guest.aio.live.connect(model=MODEL, config={}):
                    pass


async def test_google_genai_on_vertex(trusting: Callable[[MockServer], str]) -> None:
    from google.oauth2.credentials import Credentials

    async with MockServer(simulator("gemini", pace="instant"), tls=True) as server:
        client = genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(token="any"),  # type: ignore[no-untyped-call]
            http_options={"base_url": trusting(server)},
        )
        async with client.aio.live.connect(model="gemini-live-2.5-flash-native-audio", config={}) as live:
            await write(live, "hello")
            assert (await turn(live)).said == "hello"
        session = server.sessions[0].inspect().values
    assert session["service"] == "vertex"
    assert session["session"]["model"].endswith("/publishers/google/models/gemini-live-2.5-flash-native-audio")


async def test_other_words_are_heard_where_the_replier_says_others(trusting: Callable[[MockServer], str]) -> None:
    """The control."""
    source = simulator("gemini", replier=Rules({"morning": "Good night."}), pace="instant")
    async with (
        MockServer(source, tls=True) as server,
        client_of(trusting(server)).aio.live.connect(model=MODEL, config=CONFIG) as live,
    ):
        await write(live, "good morning")
        assert (await turn(live)).said == "Good night."
