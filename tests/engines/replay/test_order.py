"""Answers come in the recorded order where the service is known to keep it, and wait for nothing else."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mockserver.cassette.model import Cassette
from mockserver.engines.replay.late_client import PATIENCE, TRIES
from mockserver.engines.replay.source import Replay
from tests.engines.driving import C, Live, S, recording

SESSION = {"type": "session.created", "session": {"id": "sess_1"}}


def create(text: str, item: str | None = "msg_1") -> dict[str, Any]:
    said = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
        **({"id": item} if item else {}),
    }
    return {"type": "conversation.item.create", "item": said}


def echo(kind: str, text: str, item: str = "msg_1") -> dict[str, Any]:
    return {
        "type": f"conversation.item.{kind}",
        "item": {**create(text)["item"], "id": item, "status": "completed"},
    }


def ask(tag: str = "", *, aside: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {"metadata": {"tag": tag}} if tag else {}
    if aside:
        body["conversation"] = "none"
    return {"type": "response.create", **({"response": body} if body else {})}


def said(name: str, kind: str, text: str = "") -> dict[str, Any]:
    if kind in ("created", "done"):
        return {
            "type": f"response.{kind}",
            "response": {
                "id": f"resp_{name}",
                "status": "completed" if kind == "done" else "in_progress",
                "metadata": {"tag": name},
            },
        }
    return {
        "type": "response.output_text.delta",
        "response_id": f"resp_{name}",
        "item_id": f"item_{name}",
        "delta": text,
    }


def told(live: Live) -> list[str]:
    """What came, in short: "item added", "resp_a created", "resp_a hello"."""
    out = []
    for body in live.bodies():
        kind = body["type"].rpartition(".")[2]
        response = body.get("response_id") or body.get("response", {}).get("id")
        text = body.get("delta") or kind
        out.append(f"{response} {text}" if response else f"{body['type'].split('.')[-2]} {text}")
    return out


TURN = recording(
    (0, S, SESSION),
    (1_000, C, create("hi")),
    (1_020, C, ask("a")),
    (1_250, S, echo("added", "hi")),
    (1_252, S, echo("done", "hi")),
    (1_260, S, said("a", "created")),
    (1_262, S, said("a", "delta", "hello")),
    (1_270, S, said("a", "done")),
)
IN_ORDER = ["item added", "item done", "resp_a created", "resp_a hello", "resp_a done"]


@pytest.mark.parametrize("pacing", ["recorded", "4", "0.5", "<=250ms", "<=20ms", "instant"])
@pytest.mark.parametrize("apart_ms", [0, 5, 20])
def test_a_client_quicker_than_recorded_gets_its_answers_in_order(pacing: str, apart_ms: int) -> None:
    live = Live(Replay(TURN, pacing=pacing))
    live.send(create("hi"))
    live.wait(apart_ms)
    live.send(ask("a"))
    live.wait(5_000)
    assert told(live)[1:] == IN_ORDER


def test_two_items_sent_together_are_added_and_done_one_after_the_other() -> None:
    cassette = recording(
        (0, S, SESSION),
        (100, C, create("one", "msg_1")),
        (101, C, create("two", "msg_2")),
        (400, S, echo("added", "one", "msg_1")),
        (700, S, echo("done", "one", "msg_1")),
        (701, S, echo("added", "two", "msg_2")),
        (702, S, echo("done", "two", "msg_2")),
    )
    for pacing in ("<=50ms", "recorded", "instant"):
        live = Live(Replay(cassette, pacing=pacing))
        live.send(create("one", "msg_1"))
        live.send(create("two", "msg_2"))
        live.wait(5_000)
        came = [(body["type"][18:], body["item"]["id"]) for body in live.bodies()[1:]]
        assert came == [
            ("added", "msg_1"),
            ("done", "msg_1"),
            ("added", "msg_2"),
            ("done", "msg_2"),
        ]


def test_an_item_is_not_held_up_by_a_response_that_goes_on() -> None:
    """Negative control: only prompt answers keep their order. The recorded item came late in a long response."""
    cassette = recording(
        (0, S, SESSION),
        (100, C, ask("a")),
        (200, S, said("a", "created")),
        *((300 + 100 * number, S, said("a", "delta", f"word{number}")) for number in range(50)),
        (4_000, C, create("meanwhile")),
        (4_010, S, echo("added", "meanwhile")),
        (5_400, S, said("a", "done")),
    )
    live = Live(Replay(cassette))
    live.send(ask("a"))
    live.wait(500)
    live.send(create("meanwhile"))
    live.wait(50)
    assert "item added" in told(live)
    assert "resp_a word20" not in told(live)


@pytest.mark.parametrize(
    ("slow", "name"),
    [
        ({"type": "ping", "timestamp": 1}, "ping"),
        ({"type": "input_audio_buffer.timeout_triggered", "item_id": "item_9"}, "timeout"),
    ],
)
def test_what_comes_late_for_reasons_of_its_own_holds_nothing_up(slow: dict[str, Any], name: str) -> None:
    cassette = recording(
        (0, S, SESSION),
        (50, C, create("first", "msg_0")),
        (60, S, echo("added", "first", "msg_0")),
        (10_000, S, slow),
        (20_000, C, create("hi")),
        (20_100, S, echo("added", "hi")),
        dialect="xai",
    )
    live = Live(Replay(cassette))
    live.send(create("first", "msg_0"))
    live.wait(100)
    live.send(create("hi"))
    live.wait(150)
    assert told(live) == ["session created", "item added", "item added"]
    live.wait(11_000)
    assert any(name in body["type"] for body in live.bodies())


# --- where nothing tells the time ---

ASIDES = recording(
    (S, SESSION),
    (C, ask("a", aside=True)),
    (C, ask("b", aside=True)),
    (S, said("a", "created")),
    (S, said("b", "created")),
    (S, said("a", "delta", "one")),
    (S, said("b", "delta", "eins")),
    (S, said("a", "delta", "two")),
    (S, said("a", "done")),
    (S, said("b", "delta", "zwei")),
    (S, said("b", "done")),
)
INTERLEAVED = [
    "resp_a created", "resp_b created", "resp_a one", "resp_b eins", "resp_a two", "resp_a done", "resp_b zwei",
    "resp_b done",
]  # fmt: skip


@pytest.mark.parametrize("late_ms", [0, 1, 99])
def test_answers_that_ran_side_by_side_come_as_recorded(late_ms: int) -> None:
    live = Live(Replay(ASIDES, pacing="instant"))
    live.send(ask("a", aside=True))
    live.wait(late_ms)
    live.send(ask("b", aside=True))
    live.wait(0)
    assert told(live)[1:] == INTERLEAVED


def test_a_client_that_asks_later_than_recorded_is_waited_for_a_moment_and_no_longer() -> None:
    """Nor is it waited for twice: what it left out was missed."""
    live = Live(Replay(ASIDES, pacing="instant"))
    live.send(ask("a", aside=True))
    live.wait(PATIENCE / 1_000 - 1)
    assert told(live)[1:] == []
    live.wait(1)
    assert told(live)[1:] == ["resp_a created", "resp_a one", "resp_a two", "resp_a done"]
    live.send(ask("b", aside=True))
    live.wait(0)
    assert told(live)[5:] == ["resp_b created", "resp_b eins", "resp_b zwei", "resp_b done"]


def test_a_client_that_waits_for_its_answer_costs_one_moment_for_each_thing_it_has_left_out() -> None:
    lines: list[Any] = [(S, SESSION), (C, ask("a", aside=True))]
    lines += [(C, ask(f"x{number}", aside=True)) for number in range(3)]
    lines += [(S, said("a", "created")), (S, said("a", "done"))]
    live = Live(Replay(recording(*lines), pacing="instant"))
    live.send(ask("a", aside=True))
    live.wait(PATIENCE / 1_000)
    assert told(live)[1:] == ["resp_a created", "resp_a done"]


def test_a_client_that_goes_another_way_is_soon_waited_for_no_more() -> None:
    """It sends its items one by one when the response is over, and not together between the deltas as recorded."""
    lines: list[Any] = [(S, SESSION), (C, ask("a")), (S, said("a", "created"))]
    for number in range(40):
        lines += [(S, said("a", "delta", f"word{number}")), (C, create("x", f"msg_{number:08d}"))]
    lines += [(S, said("a", "done"))]
    lines += [(S, echo("added", "x", f"msg_{number:08d}")) for number in range(40)]
    live = Live(Replay(recording(*lines), pacing="instant"))
    live.send(ask("a"))
    live.wait(PATIENCE / 1_000)
    assert told(live)[-1] == "resp_a done", "one wait for the whole response"
    for number in range(40):
        live.send(create("x", f"msg_{number:08d}"))
        live.wait(PATIENCE / 1_000 if number < TRIES - 1 else 0)
        assert told(live)[-1] == "item added"
        assert len(live.got) == 44 + number
    assert live.now == TRIES * PATIENCE


def test_keepalives_are_not_waited_for() -> None:
    cassette = recording(
        (S, {"type": "conversation_initiation_metadata"}),
        (C, {"type": "user_message", "text": "hi"}),
        (C, {"type": "pong", "event_id": 1}),
        (S, {"type": "agent_response", "agent_response_event": {"agent_response": "hello"}}),
        dialect="elevenlabs",
    )
    live = Live(Replay(cassette, pacing="instant"))
    live.send({"type": "user_message", "text": "hi"})
    live.wait(0)
    assert len(live.got) == 2


@pytest.mark.parametrize(("number", "at_once"), [(1, True), (2, False)])
def test_sound_of_a_reply_that_was_told_already_does_not_wait_for_the_microphone(number: int, at_once: bool) -> None:
    """A reply's words may come before its sound has; sound of another reply is another turn."""
    chunk = {"user_audio_chunk": base64.b64encode(bytes(3_200)).decode()}

    def sound(number: int) -> dict[str, Any]:
        return {"type": "audio", "audio_event": {"audio_base_64": "AAAA", "event_id": number}}

    words = {"type": "agent_response", "agent_response_event": {"agent_response": "hello", "event_id": 1}}
    heard = {"type": "user_transcript", "user_transcription_event": {"user_transcript": "hi", "event_id": 1}}
    turn = [(C, chunk), (C, chunk), (S, heard), (S, sound(1)), (S, words), *[(C, chunk)] * 3, (S, sound(number))]
    cassette = recording((S, {"type": "conversation_initiation_metadata"}), *turn, dialect="elevenlabs")
    live = Live(Replay(cassette, pacing="instant"))
    for _ in range(2):
        live.send(chunk)
    live.wait(0)
    assert len(live.got) == (5 if at_once else 4)
    for _ in range(3):
        live.send(chunk)
    live.wait(0)
    assert len(live.got) == 5


def test_a_barge_in_comes_where_it_was_recorded_and_may_be_left_out() -> None:
    cancel = {"type": "response.cancel", "event_id": "c1"}
    cassette = recording(
        (S, SESSION),
        (C, ask("a")),
        (S, said("a", "created")),
        (S, said("a", "delta", "one")),
        (C, cancel),
        (S, said("a", "delta", "two")),
        (S, {**said("a", "done"), "response": {"id": "resp_a", "status": "cancelled", "metadata": {"tag": "a"}}}),
    )  # fmt: skip
    for late_ms in (0, 50):
        live = Live(Replay(cassette, pacing="instant"))
        live.send(ask("a"))
        assert told(live)[1:] == ["resp_a created", "resp_a one"]
        live.wait(late_ms)
        live.send(cancel)
        live.wait(0)
        assert told(live)[1:] == ["resp_a created", "resp_a one", "resp_a two", "resp_a done"]
    live = Live(Replay(cassette, pacing="instant"))
    live.send(ask("a"))
    live.wait(PATIENCE / 1_000)
    assert told(live)[1:] == ["resp_a created", "resp_a one", "resp_a two"]


# --- whose answer it is ---


def refusal(code: str, param: str | None = None, kind: str = "invalid_request_error") -> Any:
    error = {"type": kind, "code": code, "message": "no", "param": param, "event_id": None}
    return {"type": "error", "event_id": "event_e", "error": error}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


COMMIT = {"type": "input_audio_buffer.commit"}


def truncate(ms: int) -> dict[str, Any]:
    return {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": ms,
    }


@pytest.mark.parametrize(
    ("wrong", "error", "right", "answer"),
    [
        (
            update(voice="x"),
            refusal("unknown_parameter", "session.voice"),
            update(instructions="y"),
            {"type": "session.updated", "session": {"id": "sess_1"}},
        ),
        (
            {"type": "response.create", "response": {"x": 1}},
            refusal("unknown_parameter", "response.x"),
            {"type": "response.create"},
            {"type": "response.created", "response": {"id": "resp_1"}},
        ),
        (
            COMMIT,
            refusal("invalid_value"),
            {**COMMIT, "event_id": "again"},
            {"type": "input_audio_buffer.committed", "item_id": "item_1"},
        ),
        (
            truncate(9_999),
            refusal("invalid_value"),
            truncate(99),
            {"type": "conversation.item.truncated", "item_id": "item_1", "audio_end_ms": 99},
        ),
        (
            create("one", None),
            refusal("invalid_value", "item.content[0].type"),
            create("two", None),
            echo("added", "two", "item_s"),
        ),
    ],
    ids=["session", "response", "commit", "truncate", "item"],
)
def test_a_refused_request_takes_no_answer_of_a_later_one(wrong: Any, error: Any, right: Any, answer: Any) -> None:
    """Clients of raw sockets send no event id, so the error names none (openai.md#60)."""
    cassette = recording((S, SESSION), (C, wrong), (S, error), (C, right), (S, answer))
    live = Live(Replay(cassette, pacing="instant"))
    live.send(wrong)
    live.wait(1_000)
    assert live.names() == ["session.created", "error"]
    live.send(right)
    live.wait(0)
    assert live.names() == ["session.created", "error", answer["type"]]


def test_trouble_of_the_service_is_no_refusal() -> None:
    """Negative control: the request before it still gets its answer."""
    cassette = recording(
        (S, SESSION),
        (C, update(instructions="y")),
        (S, refusal("server_error", kind="server_error")),
        (S, {"type": "session.updated", "session": {"id": "sess_1"}}),
        (C, update(instructions="z")),
        (S, {"type": "session.updated", "session": {"id": "sess_1"}}),
    )
    live = Live(Replay(cassette, pacing="instant"))
    live.send(update(instructions="y"))
    live.wait(1_000)
    assert live.names()[1:] == ["error", "session.updated"]


def test_the_oldest_request_is_meant_where_several_wait_and_a_cancel_is_none() -> None:
    cassette = recording(
        (S, SESSION),
        (C, {"type": "response.cancel", "response_id": "resp_0"}),
        (C, update(voice="x")),
        (C, create("hi")),
        (S, refusal("unknown_parameter")),
        (S, echo("added", "hi")),
    )
    live = Live(Replay(cassette, pacing="instant"))
    live.send({"type": "response.cancel", "response_id": "resp_0"})
    live.send(update(voice="x"))
    live.wait(1_000)
    assert live.names()[1:] == ["error"]


def recreated(**timing: Any) -> Cassette:
    return recording(
        (S, SESSION),
        (C, create("old")),
        (S, echo("added", "old")),
        (S, echo("done", "old")),
        (C, {"type": "conversation.item.delete", "item_id": "msg_1"}),
        (S, {"type": "conversation.item.deleted", "item_id": "msg_1"}),
        (C, create("new")),
        (S, echo("added", "new")),
        (S, echo("done", "new")),
        **timing,
    )


@pytest.mark.parametrize("pacing", ["recorded", "instant"])
@pytest.mark.parametrize("timed", [True, False])
def test_an_item_made_again_under_its_id_is_answered_when_it_is_made(pacing: str, timed: bool) -> None:
    """LiveKit updates an item by deleting and creating it (clients.md#39)."""
    live = Live(Replay(recreated(timed=timed), pacing=pacing))
    live.send(create("old"))
    live.wait(5_000)
    assert [body["item"]["content"][0]["text"] for body in live.bodies()[1:]] == ["old", "old"]
    live.send({"type": "conversation.item.delete", "item_id": "msg_1"})
    live.wait(5_000)
    assert live.names()[3:] == ["conversation.item.deleted"]
    live.send(create("new"))
    live.wait(5_000)
    assert [body["item"]["content"][0]["text"] for body in live.bodies()[4:]] == ["new", "new"]


def test_a_response_that_was_never_said_to_have_begun_uses_up_its_request() -> None:
    cassette = recording(
        (S, SESSION),
        (C, ask("a")),
        (S, said("a", "done")),
        (C, ask("b")),
        (S, said("b", "created")),
        (S, said("b", "done")),
    )
    live = Live(Replay(cassette, pacing="instant"))
    live.send(ask("a"))
    live.wait(1_000)
    assert told(live)[1:] == ["resp_a done"]
    live.send(ask("b"))
    live.wait(0)
    assert told(live)[2:] == ["resp_b created", "resp_b done"]


def cut_short(cancel_at: int, truncate_at: int) -> Cassette:
    """A response that is cancelled and whose item is truncated at once: 106 its end, 107 the truncation confirmed."""
    truncated = {"item_id": "item_a", "content_index": 0, "audio_end_ms": 40}
    ended = said("a", "done")
    ended["response"]["status"] = "cancelled"
    return recording(
        (1, S, SESSION),
        (10, C, ask("a")),
        (20, S, said("a", "created")),
        (30, S, said("a", "delta", "hello")),
        (cancel_at, C, {"type": "response.cancel"}),
        (truncate_at, C, {"type": "conversation.item.truncate", **truncated}),
        (105, S, {"type": "response.output_item.done", "response_id": "resp_a", "item": {"id": "item_a"}}),
        (106, S, ended),
        (107, S, {"type": "conversation.item.truncated", **truncated}),
    )


@pytest.mark.parametrize("pacing", ["recorded", "instant", "<=2ms", 3])
@pytest.mark.parametrize(("cancel_at", "truncate_at"), [(100, 103), (100, 101), (101, 104)])
def test_the_end_of_a_cancelled_response_is_not_overtaken_by_what_was_confirmed_after_it(
    pacing: Any, cancel_at: int, truncate_at: int
) -> None:
    cassette = cut_short(cancel_at, truncate_at)
    source = Replay(cassette, pacing=pacing)
    live = Live(source)
    live.send(ask("a"))
    live.wait(60)
    live.send({"type": "response.cancel"})
    live.send({"type": "conversation.item.truncate", "item_id": "item_a", "content_index": 0, "audio_end_ms": 40})
    live.wait(1_000)
    assert live.names()[-3:] == ["response.output_item.done", "response.done", "conversation.item.truncated"]
    assert source.problems() == []


@pytest.mark.parametrize("pacing", ["recorded", "instant", "<=2ms", 3])
def test_the_end_of_a_response_that_the_user_talked_into_is_not_overtaken(pacing: Any) -> None:
    """The client truncates as soon as it hears of speech, quicker than the recorded one did."""
    audio = {"type": "input_audio_buffer.append", "audio": "AAAA" * 1_200}
    truncate = {"type": "conversation.item.truncate", "item_id": "item_a", "content_index": 0, "audio_end_ms": 40}
    ended = said("a", "done")
    ended["response"]["status"] = "cancelled"
    source = Replay(
        recording(
            (1, S, SESSION),
            (10, C, ask("a")),
            (20, S, said("a", "created")),
            (30, S, said("a", "delta", "hello")),
            (90, C, audio),
            (100, S, {"type": "input_audio_buffer.speech_started", "item_id": "item_u"}),
            (106, S, ended),
            (108, C, truncate),
            (109, S, {**truncate, "type": "conversation.item.truncated"}),
        ),
        pacing=pacing,
    )
    live = Live(source)
    live.send(ask("a"))
    live.wait(60)
    live.send(audio)
    while "input_audio_buffer.speech_started" not in live.names():
        live.wait(1)
    live.send(truncate)
    live.wait(1_000)
    assert live.names()[-2:] == ["response.done", "conversation.item.truncated"]
    assert source.problems() == []


@pytest.mark.parametrize("rule", ["response.create:response.metadata.inputs any string", ""])
def test_what_a_rule_lets_pass_is_what_the_service_echoes(rule: str) -> None:
    """A client that counts tells its replies by its own count. What was said stays as it was."""

    def counted(number: str) -> dict[str, Any]:
        return {"type": "response.create", "response": {"metadata": {"inputs": number}}}

    def reply(kind: str, number: str) -> dict[str, Any]:
        return {"type": f"response.{kind}", "response": {"id": "resp_a", "metadata": {"inputs": number, "n": "41"}}}

    words = {"type": "response.output_text.delta", "response_id": "resp_a", "item_id": "item_a", "delta": "41"}
    cassette = recording(
        (S, SESSION), (C, counted("41")), (S, reply("created", "41")), (S, words), (S, reply("done", "41"))
    )
    source = Replay(cassette, pacing="instant", rules={"varies": [rule]} if rule else None)
    live = Live(source)
    live.send(counted("40"))
    live.wait(1)
    if not rule:
        assert "recorded '41', live '40'" in str(source.problems()[0]), "the control"
        return
    assert source.problems() == []
    assert live.bodies()[1:] == [reply("created", "40"), words, reply("done", "40")]
