"""What only the cousins' own clients do: xAI's scripted speech, the openai package's client for Azure's beta."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import Agent, AgentSession
from livekit.plugins import xai
from openai import AsyncAzureOpenAI
from websockets.exceptions import InvalidStatus

from mockserver import MockServer, Scripted, replay, simulator, speech
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time
from tests.clients.sdk import collected, words
from tests.clients.test_simulator_livekit import (
    LONG,
    PROVIDERS,
    heard,
    speak,
    talking,
    texts,
    until,
)

# --- xAI ------------------------------------------------------------------------------------------------------------


def pieces(server: MockServer) -> int:
    """How many pieces of audio have gone out."""
    return len(server.journal.sent_by_server("response.output_audio.delta").bodies)


async def test_xai_says_a_text_as_it_is_and_is_not_asked() -> None:
    async with talking("xai", replier=Scripted(["my own words"])) as (server, session):
        said = await session.say("this call is recorded")
        assert await heard(said) == "this call is recorded"
        assert server.sessions[0].inspect().values["contexts"] == []
        assert await heard(await session.generate_reply()) == "my own words"
        assert texts(server) == ["this call is recorded", "my own words"]


async def test_xai_asks_again_while_it_speaks_and_the_first_reply_ends() -> None:
    """A second response.create is no error there (xai.md#30): the plugin gets both, the first one cut short."""
    async with talking("xai", replier=Scripted([LONG, "second"])) as (server, session):
        first = await session.generate_reply()
        await until(lambda: pieces(server) >= 5)
        second = await session.generate_reply()
        spoken = await heard(first)
        assert spoken
        assert LONG.startswith(spoken)
        assert spoken != LONG
        assert await heard(second) == "second"
        ended = server.journal.sent_by_server("response.done").bodies
        assert [body["response"]["status"] for body in ended] == ["cancelled", "completed"]


async def test_speech_interrupts_what_xai_says() -> None:
    async with talking("xai", replier=Scripted(["yes"])) as (server, session):
        said = await session.say(LONG)
        await until(lambda: pieces(server) >= 5)
        speak(session, "stop")
        assert await heard(said) != LONG
        ended = server.journal.sent_by_server("response.done").bodies
        assert ended[0]["response"]["status"] == "cancelled"


class Announcer(Agent):
    """An agent that says a text when it begins."""

    def __init__(self) -> None:
        super().__init__(instructions="You announce.")

    async def on_enter(self) -> None:
        self.session.say("welcome aboard")


async def test_an_agent_of_xais_speaks_its_script() -> None:
    with virtual_time():
        async with MockServer(simulator("xai")) as server:
            model = xai.realtime.RealtimeModel(base_url=server.base_url, api_key="any")
            async with AgentSession(llm=model) as session:
                await session.start(Announcer())
                await until(lambda: bool(server.sessions) and texts(server) == ["welcome aboard"])
            await model.aclose()
            errors = server.journal.sent_by_server("error").bodies
            # As it closes, the plugin cancels what has ended already.
            assert {body["error"]["code"] for body in errors} <= {"response_cancel_not_active"}


# --- Azure, dated ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def beta(server: MockServer) -> AsyncIterator[Any]:
    """The beta client of the openai package, on Azure. Its socket's address has a setting of its own (clients.md#3)."""
    client = AsyncAzureOpenAI(
        api_key="any",
        azure_endpoint="http://unused",
        api_version="2025-04-01-preview",
        websocket_base_url=server.ws_url.removesuffix("/realtime"),
    )
    async with (
        client,
        client.beta.realtime.connect(model="gpt-4o-realtime-preview") as connection,
    ):
        yield connection


async def test_the_openai_packages_beta_client_talks_to_a_dated_azure() -> None:
    with virtual_time():
        async with (
            MockServer(simulator("azure_dated")) as server,
            beta(server) as connection,
        ):
            session = {
                "modalities": ["audio", "text"],
                "instructions": "",
                "input_audio_transcription": {"model": "whisper-1"},
            }
            await connection.session.update(session=session)
            pcm = speech.encode("good morning") + bytes(48 * 500)
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())
            events = await collected(connection)
            assert words(events, "response.audio.delta") == "good morning"
            (heard_by_server,) = [
                event.transcript
                for event in events
                if event.type == "conversation.item.input_audio_transcription.completed"
            ]
            assert heard_by_server == "good morning"
            handshake = server.sessions[0].log.handshake
            assert handshake.param("deployment") == "gpt-4o-realtime-preview"


@pytest.mark.parametrize("provider", ["openai", "azure_dated"])
async def test_the_beta_is_refused_where_it_is_retired(provider: str) -> None:
    """The control: the same client gets its session from Azure, an error and close 4000 from OpenAI (openai.md#12)."""
    with virtual_time():
        async with MockServer(simulator(provider)) as server, beta(server) as connection:
            first = await connection.recv()
            assert first.type == ("error" if provider == "openai" else "session.created")


async def test_azure_turns_a_bad_key_away_before_the_upgrade() -> None:
    """And takes the right one; OpenAI upgrades first (openai.md#4)."""
    with virtual_time():
        async with MockServer(simulator("azure_dated", require_key="another")) as server:
            with pytest.raises(InvalidStatus) as refused:
                async with beta(server):
                    pass
            assert refused.value.response.status_code == 401
        async with (
            MockServer(simulator("azure_dated", require_key="any")) as server,
            beta(server) as connection,
        ):
            assert (await connection.recv()).type == "session.created"


# --- a recorded session ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_what_livekit_heard_of_the_simulator_it_hears_again_from_the_cassette(
    provider: str, tmp_path: Path
) -> None:
    async def talk(server: MockServer) -> tuple[str, str]:
        model = PROVIDERS[provider](server)
        session = model.session()
        first = await heard(await session.generate_reply(instructions="say hello"))
        replies: list[Any] = []
        session.on("generation_created", replies.append)
        speak(session, "what shall I buy")
        await until(lambda: bool(replies))
        second = await heard(replies[0])
        await session.aclose()
        await model.aclose()
        return first, second

    path = tmp_path / "talk.cassette"
    with virtual_time():
        async with Recording(simulator(provider), path) as recording:
            recorded = await talk(recording.server)
        assert recorded == ("say hello", "say hello | what shall I buy")
        async with MockServer(replay(path)) as server:
            assert await talk(server) == recorded
