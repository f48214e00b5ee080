"""Which client frame a server frame is taken to answer, and what that means for a client that is
not the recorded one.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mockserver.core.frames import Sender, Text
from mockserver.core.view import Kind
from mockserver.dialects.causes import Cause, On, Role
from mockserver.dialects.registry import dialect_named
from mockserver.engines.replay.source import Replay
from tests.engines.driving import C, Live, S, recording


def causes(dialect: str, *lines: tuple[Sender, Any]) -> list[Cause]:
    """What each server line is said to answer."""
    spoken = dialect_named(dialect)
    tracker = spoken.causes()
    frames = [(sender, Text(json.dumps(body))) for sender, body in lines]
    found, steps = [], 0
    for place, (sender, frame) in enumerate(frames):
        rest = [(spoken.peek(one, S), one) for who, one in frames[place + 1 :] if who is S]
        view = spoken.view(frame, sender)
        if sender is S:
            found.append(tracker.server(spoken.peek(frame, S), frame, lambda rest=rest: rest))  # type: ignore[misc]
        elif view.kind is Kind.AUDIO:
            tracker.audio()
        else:
            tracker.client(steps, view, lambda rest=rest: rest)  # type: ignore[misc]
            steps += 1
    return found


def steps(*lines: tuple[Sender, Any], dialect: str = "openai") -> list[tuple[int, ...] | On]:
    return [one.steps if one.on is On.STEPS else one.on for one in causes(dialect, *lines)]


def ask(event_id: str = "", **response: Any) -> tuple[Sender, Any]:
    return C, {"type": "response.create", "event_id": event_id, "response": response}


def created(name: str, metadata: Any = None) -> tuple[Sender, Any]:
    return S, {"type": "response.created", "response": {"id": name, "metadata": metadata}}


def error(code: str, event_id: str | None = None) -> tuple[Sender, Any]:
    return S, {"type": "error", "error": {"code": code, "event_id": event_id}}


def item(name: str | None, text: str = "x", **fields: Any) -> dict[str, Any]:
    made = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
        **fields,
    }
    return made if name is None else {"id": name, **made}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [(S, {"type": "session.created"}), (S, {"type": "conversation.created"})],
            [On.OPENING] * 2,
        ),
        (
            [
                (C, {"type": "session.update"}),
                (C, {"type": "session.update"}),
                (S, {"type": "session.updated"}),
                (S, {"type": "session.updated"}),
            ],
            [(0,), (1,)],
        ),
        (
            [
                ask(metadata={"a": "1"}),
                ask(metadata={"a": "2"}),
                created("r", {"a": "2"}),
                created("s", {"a": "1"}),
            ],
            [(1,), (0,)],
        ),
        ([ask(), ask(), created("r"), created("s")], [(0,), (1,)]),
        ([ask(metadata={"a": "1"}), created("r")], [(0,)]),
        ([created("r")], [On.BEFORE]),
        (
            [
                ask("e1"),
                ask("e2"),
                created("r"),
                error("conversation_already_has_active_response", "e2"),
                ask("e3"),
                created("s"),
            ],
            [(0,), (1,), (2,)],
        ),
        (
            [
                ask(),
                ask(),
                created("r"),
                error("conversation_already_has_active_response"),
                ask(),
                created("s"),
            ],
            [(0,), (1,), (2,)],
        ),
        ([(C, {"type": "response.cancel"}), error("response_cancel_not_active")], [(0,)]),
        ([error("session_expired")], [On.BEFORE]),
        (
            [
                (C, {"type": "conversation.item.create", "item": item(None, "one")}),
                (C, {"type": "conversation.item.create", "item": item(None, "two")}),
                (S, {"type": "conversation.item.added", "item": item("b", "two")}),
                (S, {"type": "conversation.item.added", "item": item("a", "one")}),
                (S, {"type": "conversation.item.done", "item": item("b", "two")}),
            ],
            [(1,), (0,), On.LIKE],
        ),
        (
            [
                (C, {"type": "conversation.item.create", "item": item("a")}),
                (C, {"type": "conversation.item.create", "item": item("b")}),
                (S, {"type": "conversation.item.created", "item": item("b")}),
                (S, {"type": "conversation.item.created", "item": item("a")}),
            ],
            [(1,), (0,)],
        ),
        (
            [
                (C, {"type": "conversation.item.delete", "item_id": "a"}),
                (C, {"type": "conversation.item.delete", "item_id": "b"}),
                (S, {"type": "conversation.item.deleted", "item_id": "b"}),
                (S, {"type": "conversation.item.deleted", "item_id": ""}),
            ],
            [(1,), (0,)],
        ),
        (
            [
                (C, {"type": "input_audio_buffer.commit"}),
                (S, {"type": "input_audio_buffer.committed", "item_id": "a"}),
                (S, {"type": "conversation.item.added", "item": item("a")}),
                ask(),
                created("r"),
            ],
            [(0,), On.LIKE, (1,)],
        ),
        (
            [
                (S, {"type": "input_audio_buffer.speech_started", "item_id": "a"}),
                (S, {"type": "input_audio_buffer.committed", "item_id": "a"}),
                created("r"),
                (
                    S,
                    {
                        "type": "conversation.item.input_audio_transcription.completed",
                        "item_id": "a",
                    },
                ),
            ],
            [On.AUDIO, On.AUDIO, On.LIKE, On.LIKE],
        ),
        (
            [
                (C, {"type": "input_audio_buffer.clear"}),
                (S, {"type": "input_audio_buffer.cleared"}),
            ],
            [(0,)],
        ),
        ([ask(), created("r"), (S, {"type": "rate_limits.updated"})], [(0,), On.LIKE]),
        (
            # The system message of the idle timeout comes with the timeout; one that the client
            # asked for does not, nor one that comes out of nowhere.
            [
                (C, {"type": "conversation.item.create", "item": item("mine")}),
                (S, {"type": "conversation.item.added", "item": item("stray", "y")}),
                (S, {"type": "input_audio_buffer.timeout_triggered", "item_id": "a"}),
                (S, {"type": "conversation.item.added", "item": item("nudge", "still there?")}),
                (S, {"type": "conversation.item.added", "item": item("mine")}),
                (S, {"type": "conversation.item.done", "item": item("nudge", "still there?")}),
                (S, {"type": "input_audio_buffer.committed", "item_id": "a"}),
                (S, {"type": "conversation.item.added", "item": item("a")}),
                created("r"),
                (S, {"type": "conversation.item.added", "item": item("later", "z")}),
            ],
            [On.BEFORE, On.AUDIO, On.LIKE, (0,), On.LIKE, On.AUDIO, *2 * [On.LIKE], On.BEFORE],
        ),
        ([(S, {"type": "something.new"})], [On.BEFORE]),
    ],
)
def test_the_openai_family(lines: list[tuple[Sender, Any]], expected: list[Any]) -> None:
    assert steps(*lines) == expected


def spoken(ms: int) -> dict[str, Any]:
    """Client audio of OpenAI's, 24 kHz."""
    data = base64.b64encode(bytes(ms * 48)).decode()
    return {"type": "input_audio_buffer.append", "audio": data}


def test_what_the_idle_timeout_adds_stays_behind_the_timeout() -> None:
    source = Replay(
        recording(
            (S, {"type": "session.created", "session": {}}),
            (C, spoken(1_000)),
            (S, {"type": "input_audio_buffer.timeout_triggered", "item_id": "a"}),
            (S, {"type": "conversation.item.added", "item": item("nudge", "still there?")}),
            (S, {"type": "input_audio_buffer.committed", "item_id": "a"}),
        ),
        pacing="instant",
    )
    live = Live(source)
    live.send(spoken(400))
    live.wait(1_000)
    assert live.names() == ["session.created"]
    live.send(spoken(600))
    live.wait(1_000)
    assert live.names()[1:] == [
        "input_audio_buffer.timeout_triggered",
        "conversation.item.added",
        "input_audio_buffer.committed",
    ]


def test_a_cancelled_end_is_caused_by_the_cancel_and_a_completed_one_is_not() -> None:
    for status, expected in (("cancelled", (1,)), ("completed", On.LIKE)):
        done = {"type": "response.done", "response": {"id": "r", "status": status}}
        delta = {"type": "response.output_text.delta", "response_id": "r"}
        lines = [ask(), created("r"), (C, {"type": "response.cancel"}), (S, delta), (S, done)]
        last = causes("openai", *lines)
        assert (last[-1].steps if last[-1].on is On.STEPS else last[-1].on) == expected
        assert last[-1].closing is (status == "cancelled")
        assert (last[-2].on, last[-2].role) == (On.LIKE, Role.DELTA)


def test_responses_of_the_conversation_share_a_chain_and_those_aside_do_not() -> None:
    found = causes("openai", ask(), created("r"), ask(conversation="none"), created("s"), ask(), created("t"))
    assert found[0].chain == found[2].chain != found[1].chain


def test_speech_that_is_told_after_a_commit_waits_for_the_commit() -> None:
    # xAI without turn detection: it looks for speech when the client commits.
    source = Replay(
        recording(
            (S, {"type": "session.created", "session": {}}),
            (C, spoken(1_000)),
            (C, {"type": "input_audio_buffer.commit"}),
            (S, {"type": "input_audio_buffer.speech_started", "item_id": "a"}),
            (S, {"type": "input_audio_buffer.speech_stopped", "item_id": "a"}),
            (S, {"type": "input_audio_buffer.committed", "item_id": "a"}),
            created("r"),
            (C, spoken(500)),
            (S, {"type": "input_audio_buffer.speech_started", "item_id": "b"}),
            dialect="xai",
        )
    )
    live = Live(source)
    live.send(spoken(1_000))
    live.wait(5_000)
    assert live.names() == ["session.created"]
    live.send({"type": "input_audio_buffer.commit"})
    live.wait(1_000)
    assert [name.rpartition(".")[2] for name in live.names()[1:]] == [
        *("speech_started", "speech_stopped", "committed", "created")
    ]
    live.send(spoken(500))  # after the commit is answered, speech follows the audio alone
    live.wait(1_000)
    assert live.names()[-1] == "input_audio_buffer.speech_started"


# --- services with turns ---


def chunk(ms: int) -> dict[str, Any]:
    """Client audio of ElevenLabs, 16 kHz."""
    return {"user_audio_chunk": base64.b64encode(bytes(ms * 32)).decode()}


def test_an_elevenlabs_turn_waits_for_audio_in_any_chunks_and_tool_results_for_their_call() -> None:
    sound = {"type": "audio", "audio_event": {"audio_base_64": "AAAA", "event_id": 1}}
    call = {"type": "client_tool_call", "client_tool_call": {"tool_call_id": "t_1"}}
    result = {"type": "client_tool_result", "tool_call_id": "t_1", "result": "sunny"}
    source = Replay(
        recording(
            (C, {"type": "conversation_initiation_client_data"}),
            (S, {"type": "conversation_initiation_metadata"}),
            *((C, chunk(100)) for _ in range(10)),
            (S, {"type": "user_transcript", "user_transcription_event": {"event_id": 1}}),
            (S, call),
            (C, result),
            (S, {"type": "ping", "ping_event": {"event_id": 2}}),
            (C, {"type": "pong", "event_id": 2}),
            (S, sound),
            (S, {"type": "agent_response", "agent_response_event": {"event_id": 1}}),
            dialect="elevenlabs",
        )
    )
    live = Live(source)
    live.send({"type": "conversation_initiation_client_data"})
    live.send(chunk(400))
    live.wait(2_000)
    assert live.names() == ["conversation_initiation_metadata"]
    live.send(chunk(600))
    live.wait(2_000)
    assert live.names()[1:] == ["user_transcript", "client_tool_call"]
    live.send(result)
    live.wait(2_000)
    assert live.names()[3:] == ["ping", "audio", "agent_response"]  # a pong is not waited for
    assert source.problems() == []


def heard(ms: int) -> dict[str, Any]:
    data = base64.b64encode(bytes(ms * 32)).decode()
    return {"realtimeInput": {"audio": {"data": data, "mimeType": "audio/pcm;rate=16000"}}}


def said(**content: Any) -> dict[str, Any]:
    return {"serverContent": content}


MICROPHONE = [
    (0, C, {"setup": {"model": "m"}}),
    (100, S, {"setupComplete": {}}),
    *((200 + 100 * place, C, heard(100)) for place in range(10)),
    (1_120, S, said(inputTranscription={"text": "hi"})),
    (1_150, S, said(modelTurn={"parts": [{"text": "a"}]})),
    *((1_200 + 100 * place, C, heard(100)) for place in range(10)),
    (2_150, S, said(modelTurn={"parts": [{"text": "b"}]})),
    (2_250, S, said(generationComplete=True)),
    (2_260, S, said(turnComplete=True)),
]


def test_a_turn_goes_on_after_the_microphone_has_stopped() -> None:
    source = Replay(recording(*MICROPHONE, dialect="gemini"))
    live = Live(source)
    live.send({"setup": {"model": "m"}})
    live.wait(1_000)
    live.send(heard(1_000))
    live.wait(5_000)
    assert [list(body.get("serverContent", body)) for body in live.bodies()] == [
        ["setupComplete"],
        ["inputTranscription"],
        ["modelTurn"],
        ["modelTurn"],
        ["generationComplete"],
        ["turnComplete"],
    ]
    # The last piece of audio before the answer was recorded at 1.1 s, and came now at 1 s.
    assert [at // 1_000 for at, _ in live.got] == [100, 1_020, 1_050, 2_050, 2_150, 2_160]


def test_a_turn_waits_for_what_is_heard() -> None:
    live = Live(Replay(recording(*MICROPHONE, dialect="gemini"), pacing="instant"))
    live.send({"setup": {"model": "m"}})
    live.send(heard(800))
    live.wait(10_000)
    assert len(live.got) == 1


def test_what_interrupts_waits_for_the_audio_that_interrupted() -> None:
    lines = [
        *MICROPHONE[:14],
        (1_400, C, heard(300)),
        (1_420, S, said(interrupted=True)),
        (1_430, S, said(turnComplete=True)),
    ]
    live = Live(Replay(recording(*lines, dialect="gemini"), pacing="instant"))
    live.send({"setup": {"model": "m"}})
    live.send(heard(1_000))
    live.wait(5_000)
    assert len(live.got) == 3
    live.send(heard(300))
    assert [list(body.get("serverContent", body)) for body in live.bodies()[3:]] == [
        ["interrupted"],
        ["turnComplete"],
    ]


def test_a_model_that_speaks_on_its_own_clock_does_not_wait_for_the_user() -> None:
    piece = {"type": "session.input_audio.append", "audio": base64.b64encode(bytes(4_800)).decode()}
    lines = [
        (0, C, {"type": "session.start", "session": {"model": "m"}}),
        (50, S, {"type": "session.started"}),
        (100, C, piece),
        (150, S, {"type": "session.output_audio.delta", "delta": "AAAA"}),
        (200, C, piece),
        (210, S, {"type": "session.input_transcript.delta", "delta": "hi"}),
        (250, S, {"type": "session.output_audio.delta", "delta": "BBBB"}),
    ]
    live = Live(Replay(recording(*lines, dialect="gpt_live")))
    live.send({"type": "session.start", "session": {"model": "m"}})
    live.wait(1_000)
    assert live.names() == [
        "session.started",
        "session.output_audio.delta",
        "session.output_audio.delta",
    ]
    live.send(piece)
    live.send(piece)
    live.wait(1_000)
    assert live.names()[-1] == "session.input_transcript.delta"


def test_a_stream_nobody_knows_keeps_its_order() -> None:
    lines = [(S, "hello"), (C, "a"), (S, "b"), (C, b"\x01"), (S, b"\x02")]
    source = Replay(recording(*lines, dialect="generic"), pacing="instant")
    live = Live(source)
    assert live.frames() == [Text("hello")]
    live.send("a")
    live.send(b"\x01")
    assert [getattr(one, "data", None) for one in live.frames()] == ["hello", "b", b"\x02"]
    source = Replay(recording(*lines, dialect="generic"))
    Live(source).send(b"\x01")
    assert "comes before it" in str(source.problems()[0])


def test_an_ultravox_ping_is_answered_once_whenever_it_comes() -> None:
    cassette = recording(
        (S, {"type": "state", "state": "idle"}),
        (C, {"type": "ping", "timestamp": 1.5}),
        (S, {"type": "pong", "timestamp": 1.5}),
        (C, {"type": "user_text_message", "text": "hi"}),
        (S, {"type": "state", "state": "speaking"}),
        dialect="ultravox",
    )
    live = Live(Replay(cassette))
    live.wait(1_000)
    live.send({"type": "ping", "timestamp": 9.0})
    live.wait(1_000)
    live.send({"type": "user_text_message", "text": "hi"})
    live.wait(1_000)
    live.send({"type": "ping", "timestamp": 11.0})
    live.wait(1_000)
    assert live.names() == ["state", "pong", "state", "pong"]
    assert live.bodies()[-1]["timestamp"] == 11.0
