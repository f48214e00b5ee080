"""The engine as a timed machine, and any sequence of client events against a toy model of the conversation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from mockserver import speech
from mockserver.core.frames import MILLISECOND, Opened, Peer, Received, Send, Text
from mockserver.core.machine import advance
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator import Recall, Rules, ToolCall, simulator
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage, at_home, handshake

TEXT = ["hello", "what is the weather", "good morning everyone", "call it"]


def replier() -> Rules:
    return Rules({"call": ToolCall("f", {"a": 1})}, otherwise=Recall())


# --- the driver does not matter -------------------------------------------------------------------------------------

SCRIPT: list[tuple[int, dict[str, Any]]] = [
    (
        5,
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {"input": {"transcription": {"model": "whisper-1"}}},
            },
        },
    ),
    (
        40,
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "hello, tell me a few things"}],
            },
        },
    ),
    (41, {"type": "response.create"}),
    (41, {"type": "response.create", "response": {"conversation": "none", "metadata": {"a": "b"}}}),
    (500, {"type": "response.cancel"}),
    (
        501,
        {
            "type": "input_audio_buffer.append",
            "audio": base64.b64encode(speech.encode("and this") + bytes(48 * 400)).decode(),
        },
    ),
    (2_000, {"type": "input_audio_buffer.commit"}),
]


def drive(ticks: list[int]) -> list[tuple[int, str]]:
    """What the server sends, when the driver looks at these times (ms) as well as when something comes."""
    source = simulator("openai", replier=replier())
    hands = at_home(handshake(), source)
    engine = source.open(hands, SessionContext(0, "0/0", source.dialect, unix_us=UNIX_US))
    out: list[tuple[int, str]] = []

    def keep(at: int, effects: Any) -> None:
        out.extend(
            (at, effect.frame.data) for effect in effects if isinstance(effect, Send) and isinstance(effect.frame, Text)
        )

    keep(0, engine.feed(Opened(hands), 0))
    for at, body in sorted([*SCRIPT, *((tick, None) for tick in ticks), (30_000, None)], key=lambda step: step[0]):
        for due, effect in advance(engine, at * MILLISECOND):
            keep(due, [effect])
        if body is not None:
            keep(
                at * MILLISECOND,
                engine.feed(Received(Peer.CLIENT, Text(json.dumps(body))), at * MILLISECOND),
            )
    return out


EXPECTED = drive([])


@given(st.lists(st.integers(0, 30_000), max_size=40))
@settings(max_examples=25)
def test_the_timeline_does_not_depend_on_when_the_driver_looks(ticks: list[int]) -> None:
    assert drive(ticks) == EXPECTED


def test_a_run_can_be_repeated_from_its_seed() -> None:
    assert drive([]) == EXPECTED
    assert len(EXPECTED) > 40


# --- any client ------------------------------------------------------------------------------------------------------


class AnyClient(RuleBasedStateMachine):
    """Whatever a client does, the server and a toy model of its conversation agree."""

    items = Bundle("items")

    @initialize(vad=st.booleans(), modality=st.sampled_from(["text", "audio"]))
    def begin(self, vad: bool, modality: str) -> None:
        self.stage = Stage(replier=replier())
        detection = {"type": "server_vad"} if vad else None
        self.stage.update(output_modalities=[modality], audio={"input": {"turn_detection": detection}})
        self.toy: list[str] = []  # ids in order, as a client keeps them from the events
        self.gone: set[str] = set()
        self.read = 0
        self.open: dict[str, bool] = {}  # responses that began: whether out of band
        self.ended: list[str] = []
        self.outside: set[str] = set()  # items of responses out of band

    # --- what a client may do ---

    @rule(
        target=items,
        text=st.sampled_from(TEXT),
        role=st.sampled_from(["user", "assistant", "system"]),
        where=st.sampled_from(["end", "root"]),
    )
    def create(self, text: str, role: str, where: str) -> str:
        kind = "output_text" if role == "assistant" else "input_text"
        item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        came = self.stage.send(
            "conversation.item.create",
            item=item,
            **({"previous_item_id": "root"} if where == "root" else {}),
        )
        return str(came[0]["item"]["id"])

    @rule(target=items, item=items, text=st.sampled_from(TEXT))
    def insert(self, item: str, text: str) -> Any:
        body = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        came = self.stage.send("conversation.item.create", item=body, previous_item_id=item)
        assert (came[0]["type"] == "error") is (item in self.gone)
        return multiple() if item in self.gone else came[0]["item"]["id"]

    @rule(item=consumes(items))
    def delete(self, item: str) -> None:
        (came,) = self.stage.send("conversation.item.delete", item_id=item)
        assert (came["type"] == "error") is (item in self.gone)

    @rule(item=items)
    def retrieve(self, item: str) -> None:
        (came,) = self.stage.send("conversation.item.retrieve", item_id=item)
        assert (came["type"] == "error") is (item in self.gone)

    @rule(target=items)
    def last_reply(self) -> Any:
        mine = [one["id"] for one in self.stage.conversation if one.get("role") == "assistant"]
        return mine[-1] if mine else multiple()

    @rule(item=items, ms=st.integers(0, 3_000))
    def truncate(self, item: str, ms: int) -> None:
        (came,) = self.stage.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=ms)
        assert came["type"] in ("conversation.item.truncated", "error")

    @rule(beside=st.booleans(), empty=st.booleans())
    def respond(self, beside: bool, empty: bool) -> None:
        asked: dict[str, Any] = {"conversation": "none"} if beside else {}
        if empty:
            asked["input"] = []
        came = self.stage.send("response.create", response=asked)
        busy = any(not out_of_band for out_of_band in self.open.values()) or bool(self.stage.engine.responses.running)
        if not beside and came and came[0]["type"] == "error":
            assert busy

    @rule(text=st.sampled_from(TEXT))
    def talk(self, text: str) -> None:
        self.stage.hear(speech.encode(text) + bytes(48 * 300), chunk_ms=100)

    @rule()
    def cancel(self) -> None:
        self.stage.send("response.cancel")

    @rule()
    def commit(self) -> None:
        self.stage.send("input_audio_buffer.commit")

    @rule()
    def clear(self) -> None:
        self.stage.send("input_audio_buffer.clear")

    @rule(ms=st.integers(1, 5_000))
    def wait(self, ms: int) -> None:
        self.stage.wait(ms)

    # --- what must hold ---

    @invariant()
    def server_and_model_agree(self) -> None:
        for body in self.stage.events[self.read :]:
            self._follow(body)
        self.read = len(self.stage.events)
        assert [item["id"] for item in self.stage.conversation] == self.toy

    def _follow(self, body: dict[str, Any]) -> None:
        name = body["type"]
        if name == "conversation.item.added":
            previous, item_id = body["previous_item_id"], body["item"]["id"]
            assert item_id not in self.toy
            assert item_id not in self.outside, "output out of band enters the conversation"
            self.toy.insert(0 if previous is None else self.toy.index(previous) + 1, item_id)
        elif name == "conversation.item.deleted":
            self.toy.remove(body["item_id"])
            self.gone.add(body["item_id"])
        elif name == "conversation.item.done":
            assert body["item"]["id"] in self.toy or body["item"]["id"] in self.gone
        elif name == "response.created":
            response = body["response"]
            outside = response["conversation_id"] is None
            assert outside or not any(not one for one in self.open.values()), "two active default responses"
            assert response["id"] not in self.ended
            self.open[response["id"]] = outside
        elif name == "response.done":
            self.open.pop(body["response"]["id"])
            self.ended.append(body["response"]["id"])
        elif "response_id" in body:
            if name == "response.output_item.added" and self.open[body["response_id"]]:
                self.outside.add(body["item"]["id"])
            assert body["response_id"] in self.open, f"{name} of a response that is not open"

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.stage.wait(600_000)
            self.server_and_model_agree()
            assert self.open == {}


TestAnyClient = pytest.mark.long(AnyClient.TestCase)
EXAMPLES = settings().max_examples if settings().max_examples > 100 else 40  # `make fuzz` asks for more
TestAnyClient.settings = settings(max_examples=EXAMPLES, stateful_step_count=30)


@keeps("ends-once")
def test_a_response_ends_exactly_once_however_it_ends() -> None:
    stage = Stage()
    stage.send("response.create")
    stage.until("response.created")
    stage.send("response.cancel")
    stage.send("response.cancel")
    stage.wait(60_000)
    assert len(stage.of("response.done")) == 1
