"""Departures from a recording, each with its report; cancels; several connections; what the source
refuses.
"""

from __future__ import annotations

import base64
import inspect
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from mockserver.cassette.model import Cassette, Connection, Exchange, Header, Record
from mockserver.core.frames import Answer, Close, Handshake, Lost, Text
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.replay.source import Replay
from mockserver.errors import (
    ExpectationFailed,
    ReplayMismatch,
    ReplayStalled,
    ReplayUnfinished,
    UsageError,
)
from tests.engines.dialogues import MS, Scene
from tests.engines.driving import C, Live, S, frame, recording


def talk() -> Scene:
    """session.update, an item, a response; then the client closes."""
    scene = Scene()
    scene.opens()
    scene.updates("be brief")
    scene.adds("hello")
    scene.asks()
    scene.client(Close(1000, "bye"))
    return scene


def clients(scene: Scene) -> list[Any]:
    return [deepcopy(line.body) for line in scene.lines if line.sender is C]


def run(source: Replay, bodies: list[Any], *, pause: float = 1_000) -> Live:
    live = Live(source)
    for body in bodies:
        live.wait(pause)
        live.send(body)
    live.wait(pause)
    return live


def test_a_client_that_does_as_recorded_leaves_no_problem() -> None:
    scene = talk()
    source = Replay(scene.cassette())
    run(source, clients(scene))
    assert source.problems() == []


Change = Callable[[list[Any]], list[Any]]


def changed(place: int, **fields: Any) -> Change:
    return lambda bodies: [*bodies[:place], {**bodies[place], **fields}, *bodies[place + 1 :]]


def without(place: int) -> Change:
    return lambda bodies: bodies[:place] + bodies[place + 1 :]


def swapped(one: int, two: int) -> Change:
    def swap(bodies: list[Any]) -> list[Any]:
        bodies = list(bodies)
        bodies[one], bodies[two] = bodies[two], bodies[one]
        return bodies

    return swap


DEPARTURES: list[tuple[str, Change, type[ExpectationFailed], list[str]]] = [
    (
        "a changed field",
        changed(0, session={"type": "realtime", "instructions": "be long"}),
        ReplayMismatch,
        [
            "session.update at 1.000 s does not match the recording",
            "session.instructions: recorded 'be brief', live 'be long'",
            "#0 session.update, recorded at 0.050 s",
            "mockserver record --force --upstream openai --to cassettes/x.cassette -- YOUR CLIENT",
        ],
    ),
    (
        "a field more",
        changed(0, session={"type": "realtime", "instructions": "be brief", "speed": 2}),
        ReplayMismatch,
        ["session.speed: recorded nothing, live 2"],
    ),
    (
        "a field less",
        changed(0, session={"type": "realtime"}),
        ReplayMismatch,
        ["session.instructions: recorded 'be brief', live nothing"],
    ),
    (
        "a missing frame",
        without(1),
        ReplayMismatch,
        [
            "response.create at 2.000 s",
            "client frame 1 (conversation.item.create) comes before it",
            "session.updated",
        ],
    ),
    (
        "an extra frame",
        lambda bodies: [*bodies[:2], bodies[1], *bodies[2:]],
        ReplayMismatch,
        [
            "conversation.item.create at 3.000 s",
            "has already come as often as recorded",
            "#2 response.create",
        ],
    ),
    (
        "a frame of a kind that was never recorded",
        lambda bodies: [*bodies[:2], {"type": "conversation.item.retrieve", "item_id": "item_1"}],
        ReplayMismatch,
        ["type: recorded 'response.create', live 'conversation.item.retrieve'"],
    ),
    (
        "a wrong order where order matters",
        swapped(1, 2),
        ReplayMismatch,
        [
            "response.create at 2.000 s",
            "it is recorded, but client frame 1 (conversation.item.create) comes before it",
        ],
    ),
    (
        "a frame after the end",
        lambda bodies: [*bodies[:3], {"type": "response.create"}],
        ReplayMismatch,
        ["the recording holds no further client frame"],
    ),
    (
        "a client that stops",
        lambda bodies: bodies[:2],
        ReplayUnfinished,
        ["2 recorded client frames never came", "#2 response.create", "#3 close 1000"],
    ),
    (
        "a client that hangs up early",
        lambda bodies: [*bodies[:1], Close(1000)],
        ReplayUnfinished,
        [
            "2 recorded client frames never came",
            "#1 conversation.item.create",
            "#2 response.create",
        ],
    ),
    (
        "a client that never closes",
        lambda bodies: bodies[:3],
        ReplayUnfinished,
        ["the client never closed the connection"],
    ),
    (
        "text that is no JSON",
        lambda bodies: ["{", *bodies],
        ReplayMismatch,
        ["live: {"],
    ),
    (
        "binary where text was recorded",
        lambda bodies: [b"\x01\x02", *bodies],
        ReplayMismatch,
        ["binary at 1.000 s"],
    ),
]


@pytest.mark.parametrize(
    ("change", "kind", "said"), [row[1:] for row in DEPARTURES], ids=[row[0] for row in DEPARTURES]
)
def test_a_departure_is_reported(change: Change, kind: type[ExpectationFailed], said: list[str]) -> None:
    scene = talk()
    source = Replay(scene.cassette())
    live = run(source, change(clients(scene)))
    problems = source.problems()
    assert [type(one) for one in problems] == [kind]
    report = str(problems[0])
    for words in said:
        assert words in report, report
    assert report.startswith("session 0, cassettes/x.cassette: ")
    if kind is ReplayMismatch:
        # The client is told as the provider would, but that it may swallow: the report above stays.
        error, close = live.bodies()[-2:]
        assert error["type"] == "error"
        assert error["error"]["code"] == "replay_mismatch"
        assert close == Close(1011, "invalid_request_error.replay_mismatch")


def test_the_timeline_in_a_report_shows_both_sides_in_order() -> None:
    scene = talk()
    source = Replay(scene.cassette())
    run(source, changed(1, item={"type": "message"})(clients(scene)))
    lines = str(source.problems()[0]).splitlines()
    shown = [line.split()[1:3] for line in lines[lines.index("  up to there:") + 1 :] if "-->" in line or "<--" in line]
    assert shown == [
        ["<--", "session.created"],
        ["-->", "session.update"],
        ["<--", "session.updated"],
        ["-->", "conversation.item.create"],
    ]


def test_an_unknown_id_of_the_server_is_a_difference() -> None:
    scene = Scene()
    scene.opens()
    asked = scene.asks()
    scene.deletes("item_of_resp_0001")
    good, bad = clients(scene), clients(scene)
    bad[1] = {**bad[1], "item_id": "item_of_nobody"}
    source = Replay(scene.cassette())
    run(source, bad)
    assert asked == 1
    report = str(source.problems()[0])
    assert "item_id: recorded 'item_of_resp_0001', live 'item_of_nobody' (the server made this id" in report
    source = Replay(scene.cassette())
    run(source, good)
    assert source.problems() == []


def test_an_id_of_the_client_must_stay_what_it_was() -> None:
    scene = Scene()
    scene.opens()
    scene.deletes(scene.adds("x"))
    bodies = clients(scene)
    bodies[0]["item"] = {**bodies[0]["item"], "id": "first"}
    bodies[1] = {**bodies[1], "item_id": "second"}
    source = Replay(scene.cassette())
    run(source, bodies)
    assert "item_id: recorded 'first', live 'second' (the recorded id already has another live one)" in str(
        source.problems()[0]
    )


def test_a_silent_client_stalls_and_one_that_thinks_does_not() -> None:
    scene = talk()
    source = Replay(scene.cassette(), stall_after=5)
    live = run(source, clients(scene)[:1])
    live.wait(7_000)
    notes = [note for note in live.journal.notes("replay") if note.data.get("stalled")]
    assert [note.text for note in notes] == ["nothing for 5.0 s: waiting for client frame 1 (conversation.item.create)"]
    assert [type(one) for one in source.problems()] == [ReplayStalled]
    assert "replay has waited 5.0 s or longer for client frame 1 (conversation.item.create)" in str(
        source.problems()[0]
    )
    for body in clients(scene)[1:]:
        live.send(body)
        live.wait(1_000)
    assert source.problems() == []


def test_a_stall_can_close_the_connection() -> None:
    scene = talk()
    source = Replay(scene.cassette(), stall_after=2, on_stall="close")
    live = run(source, clients(scene)[:1])
    live.wait(7_000)
    assert live.bodies()[-2]["error"]["code"] == "replay_stalled"
    assert isinstance(live.frames()[-1], Close)


def test_a_wait_for_audio_is_a_stall_too() -> None:
    scene = Scene()
    scene.opens()
    scene.hears()
    source = Replay(scene.cassette())
    live = run(source, clients(scene)[:3], pause=100)
    live.wait(10_000)
    assert "500 ms of client audio (300 ms have come)" in str(source.problems()[0])


def test_what_may_be_unplayed_is_allowed_by_name() -> None:
    scene = talk()
    for allowed in (True, ["response.*", "close"], ["*"], "*"):
        source = Replay(scene.cassette(), allow_unplayed=allowed)
        run(source, clients(scene)[:2])
        assert source.problems() == []
    for other in (["close"], "close", "zzz.*"):  # a text is one name, not letters of which one is "*"
        source = Replay(scene.cassette(), allow_unplayed=other)
        run(source, clients(scene)[:2])
        assert "recorded client frame" in str(source.problems()[0])
        assert "never came" in str(source.problems()[0])


def test_rules_of_the_user_make_a_field_volatile() -> None:
    scene = talk()
    bodies = changed(0, session={"type": "realtime", "instructions": "be long"})(clients(scene))
    source = Replay(scene.cassette(), rules={"volatile": ["session.update:session.instructions"]})
    run(source, bodies)
    assert source.problems() == []


# --- order ---


def test_independent_requests_may_come_in_the_other_order() -> None:
    scene = Scene()
    scene.opens()
    first, second = scene.request(aside=True), scene.request(aside=True)
    for asked in (first, second):
        scene.answers(asked, scene.lines[asked].body["response"]["metadata"], aside=True)
    one, two = clients(scene)
    source = Replay(scene.cassette())
    live = run(source, [two, one])
    assert source.problems() == []
    done = [body["response"]["metadata"] for body in live.bodies() if body["type"] == "response.done"]
    assert done == [two["response"]["metadata"], one["response"]["metadata"]]


def test_outputs_of_parallel_tool_calls_may_come_in_the_other_order() -> None:
    scene = Scene()
    scene.opens()
    for call in ("call_1", "call_2"):
        item = {
            "id": f"mine_{call}",
            "type": "function_call_output",
            "call_id": call,
            "output": call,
        }
        asked = scene.client({"type": "conversation.item.create", "item": item})
        scene.server({"type": "conversation.item.added", "previous_item_id": None, "item": item}, cause=asked)
    one, two = clients(scene)
    source = Replay(scene.cassette())
    live = run(source, [two, one])
    assert source.problems() == []
    assert [body["item"]["call_id"] for body in live.bodies()[1:]] == ["call_2", "call_1"]


def test_the_next_response_begins_when_the_one_before_it_has_ended() -> None:
    scene = Scene()
    scene.opens()
    scene.asks()
    scene.asks()
    live = run(Replay(scene.cassette()), clients(scene), pause=1)
    live.wait(5_000)
    turns = [name for name in live.names() if name in ("response.created", "response.done")]
    assert turns == ["response.created", "response.done"] * 2


# --- cancels ---


def long_answer(*, cancelled: bool) -> tuple[Scene, int]:
    scene = Scene()
    scene.opens()
    asked = scene.request()
    metadata = scene.lines[asked].body["response"]["metadata"]
    name = scene.begins(asked, metadata)
    for place in range(5):
        scene.says(name, f"w{place}", 100 * MS, asked)
    cancel = asked
    if cancelled:
        cancel = scene.client({"type": "response.cancel"}, 1 * MS)
        scene.says(name, "in flight", 1 * MS, asked)
    scene.ends(name, metadata, 10 * MS, cancel, status="cancelled" if cancelled else "completed")
    return scene, asked


def deltas(live: Live) -> list[str]:
    return [body["delta"] for body in live.bodies() if body["type"].endswith(".delta")]


def test_a_recorded_cancel_is_what_the_end_waits_for() -> None:
    scene, _ = long_answer(cancelled=True)
    ask, cancel = clients(scene)
    live = run(Replay(scene.cassette(), pacing="instant"), [ask])
    assert "response.done" not in live.names()
    live.send(cancel)
    live.wait(10)
    assert live.names()[-2:] == ["response.done", "rate_limits.updated"]
    assert deltas(live) == ["w0", "w1", "w2", "w3", "w4", "in flight"]


def test_a_cancel_that_comes_earlier_drops_the_plan() -> None:
    scene, _ = long_answer(cancelled=True)
    ask, cancel = clients(scene)
    source = Replay(scene.cassette())
    live = Live(source)
    live.send(ask)
    live.wait(290)
    assert deltas(live) == ["w0", "w1"]
    live.send(cancel)
    live.wait(1_000)
    assert deltas(live) == ["w0", "w1"]
    assert live.bodies()[-2]["response"]["status"] == "cancelled"
    assert source.problems() == []


def test_a_cancel_that_comes_later_is_fine_and_one_left_out_still_ends_the_response() -> None:
    scene, _ = long_answer(cancelled=True)
    ask, cancel = clients(scene)
    source = Replay(scene.cassette(), patience=5)
    live = Live(source)
    live.send(ask)
    live.wait(4_000)
    assert "response.done" not in live.names()
    live.wait(3_000)
    assert live.names().count("response.done") == 1
    assert source.problems() == []
    live.send(cancel)
    assert live.names().count("error") == 0


def test_a_client_that_goes_on_without_the_recorded_cancel_gets_the_end_at_once() -> None:
    scene, _ = long_answer(cancelled=True)
    scene.asks()
    ask, _, again = clients(scene)
    live = Live(Replay(scene.cassette(), pacing="instant"))
    live.send(ask)
    live.send(again)
    live.wait(1)
    assert live.names().count("response.done") == 2


def test_an_added_cancel_ends_the_active_response_as_the_provider_does() -> None:
    scene, _ = long_answer(cancelled=False)
    source = Replay(scene.cassette())
    live = Live(source)
    ask = clients(scene)[0]
    ask["response"]["metadata"] = {"client_event_id": "response_create_live01"}
    live.send(ask)
    live.wait(290)
    live.send({"type": "response.cancel", "event_id": "e1"})
    live.wait(5_000)
    assert deltas(live) == ["w0", "w1"]
    assert live.names()[-5:] == [
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    done = live.bodies()[-1]["response"]
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert done["metadata"] == {"client_event_id": "response_create_live01"}
    assert done["output"][0]["content"][0]["text"] == "w0w1"
    assert source.problems() == []


def test_an_added_cancel_of_nothing_is_the_providers_error() -> None:
    scene = talk()
    source = Replay(scene.cassette())
    live = Live(source)
    live.wait(100)
    live.send({"type": "response.cancel", "event_id": "e1"})
    error = live.bodies()[-1]["error"]
    assert error["code"] == "response_cancel_not_active"
    assert error["event_id"] == "e1"
    for body in clients(scene):
        live.send(body)
        live.wait(1_000)
    assert source.problems() == []


def test_what_the_server_cut_off_when_the_user_spoke_waits_for_the_users_audio() -> None:
    scene = Scene()
    scene.opens()
    asked = scene.request()
    name = scene.begins(asked, None)
    scene.says(name, "w0", 10 * MS, asked)
    heard = scene.speaks(400)
    scene.server(
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": "item_u"},
        cause=heard,
    )
    scene.ends(name, None, 5 * MS, heard, status="cancelled")
    bodies = clients(scene)
    live = run(Replay(scene.cassette(), pacing="instant"), bodies[:4], pause=20)
    assert "response.done" not in live.names()
    for body in bodies[4:]:
        live.send(body)
    live.wait(1)
    assert live.names()[-4:] == [
        "input_audio_buffer.speech_started",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]


# --- audio ---


def test_audio_before_a_commit_must_be_as_long_as_recorded() -> None:
    scene = Scene()
    scene.opens()
    scene.commits(ms=1_000)
    bodies = clients(scene)
    for kept, good in ((10, True), (9, True), (8, False)):
        source = Replay(scene.cassette())
        run(source, [*bodies[:kept], bodies[-1]], pause=50)
        assert (source.problems() == []) is good
    report = str(source.problems()[0])
    assert "the audio before it: recorded '1000 ms (48000 bytes)', live '800 ms (38400 bytes)'" in report


@pytest.mark.parametrize(("mode", "good"), [("duration", True), ("length", True), ("ignore", True), ("exact", False)])
def test_audio_modes(mode: str, good: bool) -> None:
    scene = Scene()
    scene.opens()
    scene.commits(ms=300)
    bodies = [{**body, "audio": "A" * len(body["audio"])} if "audio" in body else body for body in clients(scene)]
    source = Replay(scene.cassette(), rules={"audio": mode})
    run(source, bodies, pause=50)
    assert (source.problems() == []) is good
    if not good:
        assert "the audio differs from the recorded one after" in str(source.problems()[0])
    source = Replay(scene.cassette(), rules={"audio": mode})
    run(source, clients(scene), pause=50)
    assert source.problems() == []


def test_audio_where_none_was_recorded_is_a_departure() -> None:
    source = Replay(talk().cassette())
    run(source, [{"type": "input_audio_buffer.append", "audio": "AAAA"}])
    assert "the recording holds none" in str(source.problems()[0])


def test_a_little_less_audio_counts_as_all_once_the_client_is_silent() -> None:
    scene = Scene()
    scene.opens()
    scene.hears(trailing=0)
    bodies = clients(scene)
    bodies[-1] = {**bodies[-1], "audio": bodies[-1]["audio"][:64]}
    source = Replay(scene.cassette())
    live = run(source, bodies, pause=100)
    live.wait(3_000)
    assert live.names()[-1] == "rate_limits.updated"
    assert source.problems() == []


# --- connections ---


def two_parts() -> Cassette:
    first, second = Scene(), Scene()
    first.opens()
    first.updates("one")
    first.server(Close(1011, "service restart"), 500 * MS)
    second.opens()
    second.updates("two")
    second.client(Close(1000))
    shake = Handshake("/v1/realtime", (("model", "m"),), (("host", "h"),), target="/v1/realtime?model=m")
    connections = tuple(
        Connection(
            number,
            shake,
            records=tuple(Record(line.at, line.sender, frame(line.body)) for line in scene.lines),
        )
        for number, scene in enumerate((first, second))
    )
    return Cassette(Header("openai"), connections, path="x.cassette")


def body_of(cassette: Cassette, connection: int) -> Any:
    return next(record.frame for record in cassette.connections[connection].records if record.sender is C)


def test_a_session_cut_by_1011_goes_on_in_a_second_connection() -> None:
    cassette = two_parts()
    source = Replay(cassette)
    shake = Handshake("/realtime", (("model", "m"), ("api_key", "k")))
    live = Live(source, shake)
    live.wait(100)
    live.send(body_of(cassette, 0))
    live.wait(529.999)
    assert live.names() == ["session.created", "session.updated"]
    live.wait(0.001)
    assert live.frames()[-1] == Close(1011, "service restart")
    again = Live(source, shake, number=1)
    again.wait(100)
    again.send(body_of(cassette, 1))
    again.wait(100)
    again.send(Close(1000))
    assert again.bodies()[-1]["session"]["instructions"] == "two"
    assert source.problems() == []


def test_one_connection_more_than_recorded_is_refused_and_reported() -> None:
    cassette = two_parts()
    source = Replay(cassette, allow_unplayed=True)
    shake = Handshake("/v1/realtime", (("model", "m"),))
    assert [Live(source, shake).accepted for _ in range(2)] == [True, True]
    third = Live(source, shake)
    assert third.refused is not None
    assert third.refused.status == 404
    assert b"replay_no_connection" in third.refused.body
    assert [type(one) for one in source.problems()] == [ReplayMismatch]
    assert "the cassette holds 2 connections, all in use or played" in str(source.problems()[0])


@pytest.mark.parametrize(
    ("shake", "why"),
    [
        (
            Handshake("/v1/realtime", (("model", "other"),)),
            "query model: recorded ['m'], live ['other']",
        ),
        (
            Handshake("/v1/live/sessions", (("model", "m"),)),
            "recorded path /v1/realtime, live /v1/live/sessions",
        ),
        (
            Handshake("/v1/realtime", (("model", "m"), ("intent", "x"))),
            "query intent: recorded None, live ['x']",
        ),
    ],
)
def test_another_path_or_query_is_another_connection(shake: Handshake, why: str) -> None:
    source = Replay(two_parts(), allow_unplayed=True)
    assert not Live(source, shake).accepted
    assert why in str(source.problems()[0])


def test_connections_are_told_apart_by_their_query() -> None:
    cassette = two_parts()
    named = [
        replace(line, handshake=replace(line.handshake, query=(("model", f"m{line.number}"),)))
        for line in cassette.connections
    ]
    cassette = replace(cassette, connections=tuple(named))
    source = Replay(cassette)
    second, first = (Live(source, Handshake("/v1/realtime", (("model", f"m{number}"),))) for number in (1, 0))
    for live, number in ((second, 1), (first, 0)):
        live.wait(100)
        live.send(body_of(cassette, number))
        live.wait(100)
    assert [live.bodies()[-1]["session"]["instructions"] for live in (second, first)] == [
        "two",
        "one",
    ]


def test_a_connection_that_nobody_opened_is_unfinished() -> None:
    source = Replay(two_parts(), allow_unplayed=["close"])
    live = Live(source, Handshake("/v1/realtime", (("model", "m"),)))
    live.wait(100)
    live.send(body_of(two_parts(), 0))
    live.wait(1_000)
    assert ["recorded connection 1 was never opened" in str(one) for one in source.problems()] == [True]
    assert isinstance(source.problems()[0], ReplayUnfinished)


def test_a_recording_that_nobody_used_proves_nothing() -> None:
    [problem] = Replay(two_parts()).problems()
    assert isinstance(problem, ReplayUnfinished)
    assert "no client connected, so nothing of it was played" in str(problem)
    assert Replay(two_parts(), allow_unplayed=["connection"]).problems() == []


def test_a_client_that_tries_again_and_again_is_told_of_once() -> None:
    source = Replay(two_parts())
    other = Handshake("/v1/realtime", (("model", "another"),))
    for _ in range(3):
        refused = Live(source, other).refused
        assert refused is not None
        assert refused.status == 404
    [problem] = [one for one in source.problems() if isinstance(one, ReplayMismatch)]
    assert "no recorded connection for /v1/realtime?model=another" in str(problem)


def test_refusals_and_resets_are_replayed() -> None:
    refused = Connection(0, Handshake(), Answer(429, (("Retry-After", "1"), ("Content-Length", "4")), None, b"slow"))
    cut = Connection(1, Handshake(), records=(Record(10_000, S, Text("{}")), Record(20_000, S, Lost("reset"))))
    source = Replay(Cassette(Header("openai"), (refused, cut)))
    first = Live(source)
    assert first.refused is not None
    assert (first.refused.status, first.refused.body, first.refused.headers) == (
        429,
        b"slow",
        (("Retry-After", "1"),),
    )
    second = Live(source)
    second.wait(1_000)
    assert second.frames() == [Text("{}"), Lost()]
    assert [at for at, _ in second.got] == [10_000, 20_000]


@pytest.mark.parametrize(
    ("offered", "recorded", "chosen"),
    [
        (("realtime", "openai-insecure-api-key.k"), None, "realtime"),
        (("a", "b"), "b", "b"),
        ((), "realtime", None),
    ],
)
def test_a_subprotocol_is_selected_where_one_is_offered(
    offered: tuple[str, ...], recorded: str | None, chosen: str | None
) -> None:
    cassette = replace(two_parts(), connections=(Connection(0, Handshake(), Answer(101, (), recorded)),))
    live = Live(Replay(cassette), Handshake(subprotocols=offered))
    assert [effect.subprotocol for effect in live.effects if hasattr(effect, "subprotocol")] == [chosen]


def test_neighbours_answer_as_recorded() -> None:
    told = b'{"callId": "c", "joinUrl": "wss://voice.example/join/1"}'
    cassette = Cassette(Header("ultravox"), (), (Exchange("POST", "/api/calls", b"{}", 201, (), told),))
    source = Replay(cassette)
    context = SessionContext(0, "s", source.dialect, base_url="http://127.0.0.1:5/api")
    reply = source.neighbour(Request("POST", "/api/calls"), context)
    assert reply is not None
    assert (reply.status, reply.body) == (
        201,
        b'{"callId": "c", "joinUrl": "ws://127.0.0.1:5/join/1"}',
    )
    assert source.neighbour(Request("GET", "/api/calls"), context) is None


def test_one_source_of_several_cassettes_keeps_64_sessions_apart() -> None:
    cassettes = []
    for number in range(64):
        scene = Scene()
        scene.server({"type": "session.created", "session": {"id": f"sess_{number}"}})
        scene.updates(f"number {number}")
        shake = Handshake("/v1/realtime", (("tag", str(number)),), (("host", "h"),))
        cassettes.append(
            replace(
                scene.cassette(),
                connections=(replace(scene.cassette().connections[0], handshake=shake),),
            )
        )
    source = Replay(cassettes)
    lives = [Live(source, Handshake("/v1/realtime", (("tag", str(number)),)), number=number) for number in range(64)]
    for number, live in reversed(list(enumerate(lives))):
        live.wait(100)
        live.send(body_of(cassettes[number], 0))
    for number, live in enumerate(lives):
        live.wait(1_000)
        assert live.frames() == [
            record.frame for record in cassettes[number].connections[0].records if record.sender is S
        ]
    assert source.problems() == []


# --- what is wrong at construction ---


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pacing": "fast"}, "pacing 'fast'"),
        ({"pacing": 0}, "pacing 0"),
        ({"rules": {"volatil": []}}, "unknown key 'volatil', expected one of added, audio"),
        ({"rules": {"audio": "loud"}}, "expected one of duration, length, exact, ignore"),
        ({"rules": {"volatile": [1]}}, "expected a list of strings"),
        ({"rules": {"version": 99}}, "version 99 is newer"),
        ({"stall_after": -1}, "stall_after=-1"),
        ({"on_stall": "kill"}, "on_stall='kill'"),
        ({"rules": 5}, "replay: rules=5: expected a MatchRules, keys and values or None"),
        ({"patience": "x"}, "replay: patience='x': expected a number of 0 or more"),
        ({"allow_unplayed": ["close", 5]}, "replay: allow_unplayed[1]=5: expected a text"),
    ],
)
def test_wrong_options_fail_at_construction(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        Replay(talk().cassette(), **options)


@pytest.mark.parametrize("name", inspect.signature(Replay).parameters)
def test_every_argument_is_checked(name: str) -> None:
    Replay(cassette=talk().cassette())  # the control
    for wrong in (object(), [object()], b"x"):
        with pytest.raises(UsageError) as error:
            Replay(**{"cassette": talk().cassette(), name: wrong})
        assert name in str(error.value)
        assert "expected" in str(error.value)
        assert "\n" not in str(error.value)
    if name == "cassette":
        with pytest.raises(UsageError, match="replay: cassette=None: expected a Cassette or a list"):
            Replay(None)  # type: ignore[arg-type]


def test_cassettes_of_two_providers_do_not_fit_one_server() -> None:
    with pytest.raises(UsageError, match="openai, xai"):
        Replay([talk().cassette(), talk().cassette("xai")])
    with pytest.raises(UsageError, match="no cassette"):
        Replay([])


def test_redaction_makes_both_sides_equal() -> None:
    scene = Scene()
    scene.opens()
    scene.updates("key <redacted>")
    bodies = clients(scene)
    bodies[0]["session"]["instructions"] = "key sk-live"

    def hide(one: Any) -> Any:
        return Text(one.data.replace("sk-live", "<redacted>")) if isinstance(one, Text) else one

    for redact, good in ((hide, True), (None, False)):
        source = Replay(scene.cassette(), redact=redact)
        run(source, bodies)
        assert (source.problems() == []) is good


def test_the_clients_answer_to_the_servers_close_is_not_waited_for() -> None:
    scene = Scene()
    scene.opens()
    scene.updates()
    scene.server(Close(1011, "gone"))
    scene.client(Close(1011, "gone"))
    for answered in (True, False):
        source = Replay(scene.cassette())
        run(source, [*clients(scene)[:1], *([Close(1011, "gone")] if answered else [])])
        assert source.problems() == []


def test_all_the_audio_at_once_is_as_good_as_a_microphone() -> None:
    scene = Scene()
    scene.opens()
    # More pieces than replay reads ahead, then the first reaction.
    last = scene.speaks(60_000, chunk=20, gap=20 * MS)
    started = {
        "type": "input_audio_buffer.speech_started",
        "audio_start_ms": 1,
        "item_id": "item_u",
    }
    scene.server(started, cause=last)
    whole = base64.b64encode(bytes(60_000 * 48)).decode()
    source = Replay(scene.cassette())
    live = run(source, [{"type": "input_audio_buffer.append", "audio": whole}])
    assert live.names() == ["session.created", "input_audio_buffer.speech_started"]
    assert source.problems() == []


@pytest.mark.long
def test_an_hour_of_microphone_is_not_read_before_it_is_heard() -> None:
    scene = Scene()
    scene.opens()
    scene.speaks(400_000, chunk=20, gap=20 * MS)
    scene.updates()
    live = run(Replay(scene.cassette(), allow_unplayed=True), clients(scene)[:10], pause=20)
    live.wait(10_000)
    assert live.session.engine.score.read < 5_000  # type: ignore[attr-defined]
    notes = [note.text for note in live.journal.notes("replay")]
    assert notes == ["nothing for 5.0 s: waiting for more client audio (200 ms have come)"]


def test_a_client_that_departs_and_tries_again_is_told_apart_from_one_too_many() -> None:
    scene = talk()
    source = Replay(scene.cassette(), allow_unplayed=True)
    run(source, [{"type": "response.create"}])
    assert not Live(source).accepted
    departed, surplus = source.problems()
    assert "response.create at 1.000 s does not match" in str(departed)
    assert "no recorded connection" in str(surplus)


def test_reports_show_the_client_redacted() -> None:
    scene = Scene()
    scene.opens()
    scene.adds("my key is <redacted>")
    scene.adds("that was it")
    bodies = clients(scene)
    bodies[0]["item"]["content"][0]["text"] = "my key is sk-live"
    bodies[1]["item"]["content"][0]["text"] = "sk-live again"

    def hide(one: Any) -> Any:
        return Text(one.data.replace("sk-live", "<redacted>")) if isinstance(one, Text) else one

    source = Replay(scene.cassette(), redact=hide)
    live = run(source, bodies)
    report = str(source.problems()[0])
    assert "'<redacted> again'" in report
    assert "'my key is <redacted>'" in report
    assert "sk-live" not in report + "".join(map(str, live.bodies()))


def test_the_very_path_goes_before_one_that_ends_alike() -> None:
    cassettes = []
    for name in "ab":
        scene = Scene()
        scene.server({"type": "session.created", "session": {"id": name}})
        shake = Handshake(f"/cassette/{name}/realtime", (), (("host", "h"),))
        whole = scene.cassette()
        cassettes.append(replace(whole, connections=(replace(whole.connections[0], handshake=shake),)))
    source = Replay(cassettes)
    lives = [Live(source, Handshake(path)) for path in ("/cassette/b/realtime", "/v1/realtime")]
    for live in lives:
        live.wait(100)
    assert [live.bodies()[0]["session"]["id"] for live in lives] == ["b", "a"]


def test_what_is_cut_short_stays_cut_however_much_of_it_was_recorded() -> None:
    scene = Scene()
    scene.opens()
    asked = scene.request()
    name = scene.begins(asked, None)
    for place in range(5_000):
        scene.says(name, f"w{place}", 10 * MS, asked)
    scene.ends(name, None, 10 * MS, asked)
    scene.asks()
    first, second = clients(scene)
    source = Replay(scene.cassette())
    live = Live(source)
    live.send(first)
    live.wait(200)
    live.send({"type": "response.cancel"})
    live.send(second)
    live.wait(60_000)
    assert [body["response"]["status"] for body in live.bodies() if body["type"] == "response.done"] == [
        "cancelled",
        "completed",
    ]
    assert len(deltas(live)) < 50
    assert source.problems() == []


def test_what_was_never_read_is_named_at_the_end_without_being_made_ready() -> None:
    audio = [(S, {"type": "response.output_audio.delta", "event_id": f"e{n}", "delta": "AAAA"}) for n in range(3_000)]
    asked = {"type": "conversation.item.retrieve", "item_id": "item_1"}
    source = Replay(recording((S, {"type": "session.created"}), (C, {"type": "response.create"}), *audio, (C, asked)))
    live = Live(source)
    assert "conversation.item.retrieve" in str(source.problems()[0])
    score = live.session.engine.score
    assert score.read < 1_000, "an hour's recording is not read to its end for a report"
