"""Scripts, cassettes and relays answer calls as they answer websockets; a recorded call is one of a websocket."""

from __future__ import annotations

import base64
from pathlib import Path

from mockserver import MockServer, Scripted, relay, replay, script, simulator, speech
from mockserver.cassette.store import load
from mockserver.core.frames import Sender
from mockserver.dialects.openai.lens import OPENAI
from mockserver.server.record import Recording
from tests.server.webrtc.caller import RATE, SESSION, Caller, calling

WORDS = "It is sunny."


async def turn(caller: Caller) -> None:
    """A spoken question, and an answer that is heard."""
    caller.say("Weather?")
    await caller.event("output_audio_buffer.stopped")
    await caller.until(lambda: caller.heard.endswith("sunny."))
    assert not caller.named("response.output_audio.delta")


async def test_a_call_is_recorded_through_a_relay_and_replayed(tmp_path: Path) -> None:
    """The relay ends the call and speaks to the service over its websocket: so the cassette is one of a websocket."""
    file = tmp_path / "call.cassette"
    given = {**SESSION, "instructions": "Be brief."}
    async with MockServer(simulator("openai", replier=Scripted([WORDS]))) as upstream:
        recording = Recording(relay(upstream.base_url, dialect="openai"), file)
        async with recording, calling(recording.server, given) as caller:
            assert caller.events[0]["session"]["instructions"] == "Be brief."
            assert [one["type"] for one in caller.events[:1]] == ["session.created"]
            await turn(caller)
        said = upstream.sessions[0].sent_by_client("session.update").bodies
        assert said[0]["session"]["instructions"] == "Be brief."
    (connection,) = load(file).connections
    names = [OPENAI.peek(one.frame, one.sender) for one in connection.records if one.sender is Sender.SERVER]
    assert "response.output_audio.delta" in names
    assert not [name for name in names if name.startswith("output_audio_buffer")]

    server = MockServer(replay(file))
    async with server, calling(server, given) as caller:
        assert caller.events[0]["session"]["instructions"] == "Be brief."
        await turn(caller)


async def test_a_script_answers_a_call() -> None:
    """What a test writes of a websocket is played and told on a call: audio in frames, and who cuts it short."""
    audio = base64.b64encode(speech.encode(WORDS, RATE)).decode()
    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    source = script(
        script.send({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}}),
        script.expect("response.create"),
        script.send({"type": "response.output_audio.delta", **place, "delta": audio}),
        script.send({"type": "response.done", "response": {"id": "resp_1"}}),
        script.expect("conversation.item.delete"),
        script.send({"type": "input_audio_buffer.speech_started"}),
        script.expect("conversation.item.truncate", where={"item_id": "item_1"}, optional=True),
        script.closed(),
        dialect="openai",
    )
    async with MockServer(source) as server, calling(server) as caller:
        caller.send(type="response.create")
        await caller.event("output_audio_buffer.stopped")
        await caller.until(lambda: caller.heard.endswith("sunny."))
        caller.send(type="conversation.item.delete", item_id="item_1")
        await caller.event("input_audio_buffer.speech_started")
        assert not caller.named("output_audio_buffer.cleared")  # all of it had been played
