"""Translation sessions: three client events, seven server events, and time that is the client's audio."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from mockserver import MockServer, Rules, simulator, speech
from mockserver.core.frames import Handshake, Hangup
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import Failure, Reply, Scripted
from mockserver.replies import Rule
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import KEY, Stage

PATH = "/v1/realtime/translations"
MODEL = "gpt-realtime-translate"


def translating(model: str | None = MODEL, *, key: bool = True, **settings: Any) -> Stage:
    query = (("model", model),) if model else ()
    hands = Handshake(PATH, query, (KEY,) if key else ())
    return Stage(simulator("openai", **settings), hands=hands, check=False)


def hear(stage: Stage, pcm: bytes, *, chunk_ms: int = 200) -> None:
    size = 48 * chunk_ms
    for place in range(0, len(pcm), size):
        audio = base64.b64encode(pcm[place : place + size]).decode()
        stage.send("session.input_audio_buffer.append", audio=audio)


def told(stage: Stage, name: str) -> str:
    return "".join(body["delta"] for body in stage.of(f"session.{name}.delta"))


def heard(stage: Stage) -> str:
    pieces = [base64.b64decode(body["delta"]) for body in stage.of("session.output_audio.delta")]
    return speech.decode(b"".join(pieces))


def checked(stage: Stage) -> None:
    """Every event is one of the seven, with the fields of the package's types."""
    from openai.types.realtime import RealtimeTranslationServerEvent

    known: TypeAdapter[Any] = TypeAdapter(RealtimeTranslationServerEvent)
    for body in stage.events:
        known.validate_python(body)


SPOKEN = speech.encode("good morning") + bytes(48 * 800)


@keeps("tr-session", "tr-stream")
@pytest.mark.parametrize("chunk_ms", [20, 200, 730])
def test_what_is_said_comes_back_as_audio_and_as_words_while_the_audio_flows(chunk_ms: int) -> None:
    stage = translating(replier=Rules([Rule("buenos días a todos", user="good morning")]))
    first = stage.events[0]["session"]
    assert (first["type"], first["model"]) == ("translation", MODEL)
    assert first["expires_at"] == UNIX_US // 1_000_000 + 3600
    stage.send(
        "session.update",
        session={"audio": {"output": {"language": "es"}, "input": {"transcription": {"model": "whisper-1"}}}},
    )
    assert stage.last("session.updated")["session"]["audio"]["output"] == {"language": "es"}
    hear(stage, SPOKEN + bytes(48 * 3_000), chunk_ms=chunk_ms)
    assert told(stage, "input_transcript") == "good morning"
    assert told(stage, "output_transcript") == heard(stage) == "buenos días a todos"
    assert stage.engine.asking.contexts[0].instructions == "Translate into es."
    steps = [body["elapsed_ms"] for body in stage.of("session.output_audio.delta")]
    assert all(ms % 200 == 0 for ms in steps)
    assert steps == sorted(set(steps))
    assert steps[0] >= 1_000  # after the words that it says in another language
    sound = stage.of("session.output_audio.delta")[0]
    assert (sound["sample_rate"], sound["channels"], sound["format"]) == (24_000, 1, "pcm16")
    checked(stage)


@keeps("tr-stream")
def test_nothing_moves_without_audio_and_a_pause_of_the_client_is_none() -> None:
    stage = translating()
    hear(stage, SPOKEN)
    before = len(stage.events)
    stage.wait(60_000)
    assert len(stage.events) == before
    hear(stage, bytes(48 * 3_000))
    assert heard(stage) == "good morning"  # without a replier: the same words


@keeps("tr-stream")
def test_the_source_is_transcribed_only_where_that_is_asked() -> None:
    stage = translating()
    hear(stage, SPOKEN + bytes(48 * 3_000))
    assert stage.of("session.input_transcript.delta") == []
    assert heard(stage) == "good morning"


@keeps("tr-close")
def test_a_close_says_what_is_left_and_ends() -> None:
    stage = translating()
    hear(stage, speech.encode("see you soon")[:-4_801], chunk_ms=70)
    assert heard(stage) == ""
    stage.send("session.close")
    assert heard(stage) == "see you soon"[: len(heard(stage))]
    assert heard(stage).startswith("see you")
    assert stage.names()[-1] == "session.closed"
    assert stage.effects[-1] == Hangup(code=1000, reason="")
    checked(stage)


@keeps("tr-close")
def test_a_close_waits_for_a_translation_that_is_still_being_made() -> None:
    async def slowly(context: Any) -> str:
        return "hasta luego"

    stage = translating(replier=slowly)
    hear(stage, SPOKEN)
    stage.send("session.close")
    assert "session.closed" not in stage.names()
    stage.asks[-1].awaitable.close()  # type: ignore[attr-defined]
    stage.told("hasta luego")
    assert heard(stage) == "hasta luego"
    assert stage.names()[-1] == "session.closed"


@keeps("tr-errors")
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"type": "response.create"}, "invalid_value", "type"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "invalid_value", "type"),
        (
            {"type": "session.update", "session": {"audio": {"input": {"language": "en"}}}},
            "unknown_parameter",
            "session.audio.input.language",
        ),
        ({"type": "session.update", "session": {"model": MODEL}}, "unknown_parameter", "session.model"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.input_audio_buffer.append", "audio": "?"}, "invalid_value", "audio.audio"),
    ],
)
def test_what_is_wrong_changes_nothing(body: dict[str, Any], code: str, param: str) -> None:
    stage = translating()
    came = stage.text(json.dumps({"event_id": "mine", **body}))
    assert [one["type"] for one in came] == ["error"]
    error = came[0]["error"]
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    if param == "type":
        names = "'session.update', 'session.input_audio_buffer.append', and 'session.close'"
        assert error["message"].endswith(f"Supported values are: {names}.")  # openai.md#49
    checked(stage)


@keeps("tr-session")
def test_the_model_and_the_key_are_looked_at() -> None:
    assert translating(None).error()["code"] == "missing_model"
    assert translating("gpt-realtime").error()["code"] == "invalid_model"
    assert translating(key=False).effects[-1] == Hangup(code=3000, reason="invalid_request_error")
    stage = translating(max_session_s=60)
    stage.wait(60_000)
    assert stage.error()["message"] == "Your session hit the maximum duration of 1 minute."
    hands = Handshake("/openai" + PATH, (("model", MODEL),), (KEY,))
    assert Stage(simulator("azure"), hands=hands, check=False).events == []  # the control: Azure has no such address


@keeps("tr-secrets")
def test_a_short_lived_key_opens_a_session_with_its_settings() -> None:
    source = simulator("openai")

    def post(body: Any) -> tuple[int, Any]:
        request = Request("POST", PATH + "/client_secrets", (), (KEY,), json.dumps(body).encode())
        reply = source.neighbour(request, SessionContext(0, "0/0", source.dialect, unix_us=UNIX_US))
        assert reply is not None
        return reply.status, json.loads(reply.body)

    session = {"model": MODEL, "audio": {"output": {"language": "fr"}}}
    status, body = post({"session": session})
    assert status == 200
    assert body["session"]["audio"]["output"]["language"] == "fr"
    assert body["session"]["type"] == "translation"
    key = ("Authorization", f"Bearer {body['value']}")
    stage = Stage(source, hands=Handshake(PATH, (), (key,)), check=False)
    assert stage.events[0]["session"]["audio"]["output"]["language"] == "fr"
    assert post({"session": {"audio": {}}})[1]["error"]["param"] == "session.model"


@keeps("tr-errors")
def test_a_translation_that_fails_is_an_error_and_the_session_goes_on() -> None:
    stage = translating(replier=Scripted([Reply(failure=Failure()), "again"]))
    hear(stage, SPOKEN)
    assert stage.error()["type"] == "server_error"
    hear(stage, SPOKEN + bytes(48 * 2_000))
    assert heard(stage) == "again"


async def test_the_package_s_own_client_translates() -> None:
    from openai import AsyncOpenAI

    async with MockServer(simulator("openai", pace="instant")) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        async with client.realtime.translations.connect(model=MODEL) as connection:
            await connection.session.update(session={"audio": {"output": {"language": "es"}}})
            await connection.session.input_audio_buffer.append(audio=base64.b64encode(SPOKEN).decode())
            await connection.session.close()
            words, audio = "", b""
            async for event in connection:
                if event.type == "session.output_transcript.delta":
                    words += event.delta
                elif event.type == "session.output_audio.delta":
                    audio += base64.b64decode(event.delta)
                elif event.type == "session.closed":
                    break
    assert words == speech.decode(audio) == "good morning"


def test_one_session_has_all_seven_events_and_each_is_what_the_package_says() -> None:
    stage = translating()
    stage.send("session.update", session={"audio": {"input": {"transcription": {"model": "whisper-1"}}}})
    hear(stage, SPOKEN + bytes(48 * 3_000))
    stage.send("no.such.event")
    stage.send("session.close")
    stage.wait(5_000)
    checked(stage)
    assert {body["type"] for body in stage.events} == {
        *("session.created", "session.updated", "session.closed", "error", "session.output_audio.delta"),
        *(f"session.{side}_transcript.delta" for side in ("input", "output")),
    }
