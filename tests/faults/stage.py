"""A small provider to put faults around: an engine that speaks plausible OpenAI turns, and a driver without a clock.

The engine keeps state where a fault could upset it: one response at a time, and a cancel that ends it. It is no model
of the provider (the simulator is); it only has to make frames in the right order.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from mockserver.core.frames import (
    MILLISECOND,
    Abort,
    Accept,
    Effect,
    Event,
    Handshake,
    Hangup,
    Micros,
    Note,
    Opened,
    Peer,
    Received,
    Sender,
    Tell,
    Text,
    to_client,
)
from mockserver.core.ids import Ids, rng
from mockserver.core.journal import Journal
from mockserver.core.machine import Plan
from mockserver.core.session import Session
from mockserver.dialects.base import Dialect
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator import simulator
from mockserver.faults import Armed, Fault, parse

STEP = 20 * MILLISECOND
WORDS = ("One", " two", " three", " four")
AUDIO = base64.b64encode(bytes(range(240)) * 20).decode()  # 100 ms at 24 kHz, 16 bit


class Provider:
    """``response.create`` -> a turn of audio, transcript and text frames, 20 ms apart. Twice at once is an error."""

    def __init__(self, seed: str = "0") -> None:
        self.plan: Plan[tuple[str | None, Effect]] = Plan()
        self.ids = Ids(rng(seed, "provider"))
        self.active: str | None = None
        self.told: list[Tell] = []

    def feed(self, item: Event, now: Micros) -> Iterable[Effect]:
        match item:
            case Opened():
                return [Accept(), self.say("session.created", session={"id": "sess_1", "type": "realtime"})]
            case Received(Peer.CLIENT, Text(data)):
                body = json.loads(data)
                match body.get("type"):
                    case "response.create":
                        return self.respond(body, now)
                    case "response.cancel":
                        return self.cancel(body)
            case Tell("cancel", data):
                self.told.append(item)
                if data["response_id"] == self.active:
                    self.stop()
        return []

    def wake_at(self) -> Micros | None:
        return self.plan.next_due()

    def wake(self, now: Micros) -> Iterable[Effect]:
        out = []
        for response, effect in self.plan.take(now):
            out.append(effect)
            if response is not None:
                self.active = None
        return out

    def say(self, name: str, **fields: Any) -> Effect:
        body = {"type": name, "event_id": self.ids.mint("event_"), **fields}
        return to_client(Text(json.dumps(body, separators=(",", ":"))))

    def respond(self, body: dict[str, Any], now: Micros) -> list[Effect]:
        if self.active is not None:
            error = {
                "type": "invalid_request_error",
                "code": "conversation_already_has_active_response",
                "message": f"active: {self.active}",
                "param": None,
                "event_id": body.get("event_id"),
            }
            return [self.say("error", error=error)]
        resp, item = self.ids.mint("resp_"), self.ids.mint("item_")
        self.active = resp
        asked = body.get("response") or {}
        response = {
            "object": "realtime.response",
            "id": resp,
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "conversation_id": "conv_1",
            "usage": None,
            "metadata": asked.get("metadata"),
        }
        at = {"response_id": resp, "item_id": item, "output_index": 0, "content_index": 0}
        message = {"id": item, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        said = "".join(WORDS)
        done = {**message, "status": "completed", "content": [{"type": "output_audio", "transcript": said}]}
        turn = [
            self.say("response.created", response=response),
            self.say("response.output_item.added", response_id=resp, output_index=0, item=message),
            self.say("conversation.item.added", previous_item_id=None, item=message),
            self.say("response.content_part.added", part={"type": "audio", "transcript": ""}, **at),
        ]
        for word in WORDS:
            turn.append(self.say("response.output_audio_transcript.delta", delta=word, **at))
            turn.append(self.say("response.output_audio.delta", delta=AUDIO, **at))
        turn += [
            self.say("response.output_audio.done", **at),
            self.say("response.output_audio_transcript.done", transcript=said, **at),
            self.say("response.content_part.done", part={"type": "audio", "transcript": said}, **at),
            self.say("conversation.item.done", previous_item_id=None, item=done),
            self.say("response.output_item.done", response_id=resp, output_index=0, item=done),
            self.say(
                "response.done",
                response={
                    **response,
                    "status": "completed",
                    "output": [done],
                    "usage": {"total_tokens": 10, "input_tokens": 4, "output_tokens": 6},
                },
            ),
            self.say("rate_limits.updated", rate_limits=[{"name": "tokens", "limit": 10, "remaining": 9}]),
        ]
        for number, effect in enumerate(turn):
            self.plan.add(now + number * STEP, (resp if number == len(turn) - 2 else None, effect))
        return []

    def cancel(self, body: dict[str, Any]) -> list[Effect]:
        wanted = body.get("response_id")
        if self.active is None or wanted not in (None, self.active):
            error = {
                "type": "invalid_request_error",
                "code": "response_cancel_not_active",
                "message": "Cancellation failed: no active response found",
                "param": None,
                "event_id": None,
            }
            return [self.say("error", error=error)]
        ended = self.active
        self.stop()
        details = {"type": "cancelled", "reason": "client_cancelled"}
        return [
            self.say(
                "response.done",
                response={
                    "object": "realtime.response",
                    "id": ended,
                    "status": "cancelled",
                    "status_details": details,
                    "output": [],
                    "metadata": None,
                },
            )
        ]

    def stop(self) -> None:
        self.plan.clear()
        self.active = None


class Stage:
    """One session with faults around an engine. Time passes when told to."""

    def __init__(
        self,
        *faults: Fault | str,
        engine: Any = None,
        dialect: Dialect = OPENAI,
        seed: object = 0,
        tick: Micros | None = None,
    ) -> None:
        self.journal = Journal(seed=seed)
        self.log = self.journal.open(dialect)
        self.dialect = dialect
        self.armed = [
            (parse(fault) if isinstance(fault, str) else fault).arm(f"{seed}/{place}")
            for place, fault in enumerate(faults)
        ]
        self.engine = engine or Provider(self.log.seed)
        layers = [armed.layer(self.log, dialect) for armed in self.armed]
        self.session = Session(self.engine, journal=self.journal, log=self.log, layers=layers)
        self.now: Micros = 0
        self.tick = tick  # None: the driver sleeps until the next item
        self.effects: list[Effect] = []

    def open(self, handshake: Handshake | None = None) -> Stage:
        hands = handshake or Handshake(self.dialect.socket_path)
        self.effects += self.session.feed(Opened(hands), self.now)
        return self

    def send(self, name: str, *, at_ms: float | None = None, **fields: Any) -> Stage:
        """The client sends an event, now or later."""
        return self.send_body({"type": name, **fields}, at_ms=at_ms)

    def send_body(self, body: dict[str, Any], *, at_ms: float | None = None) -> Stage:
        """The same for a provider whose events have no type."""
        if at_ms is not None:
            self.run(until_ms=at_ms)
        text = json.dumps(body, separators=(",", ":"))
        self.effects += self.session.feed(Received(Peer.CLIENT, Text(text)), self.now)
        return self

    def run(self, *, until_ms: float) -> Stage:
        """Time passes, in ticks or in one go."""
        until = round(until_ms * MILLISECOND)
        while self.tick is not None and self.now + self.tick < until:
            self.now += self.tick
            self.effects += self.session.wake(self.now)
        self.now = until
        self.effects += self.session.wake(self.now)
        return self

    def add(self, fault: Fault | str) -> tuple[Armed, Any]:
        armed = (parse(fault) if isinstance(fault, str) else fault).arm("added")
        layer = armed.layer(self.log, self.dialect, now=self.now)
        self.session.add_layer(layer)
        self.armed.append(armed)
        return armed, layer

    # --- what came of it ---

    @property
    def timeline(self) -> list[tuple[float, str]]:
        """(ms, name) of what the client got."""
        return [
            (entry.at / MILLISECOND, self.log.lens.peek(entry.what, Sender.SERVER))
            for entry in self.journal.frames(Sender.SERVER)
        ]

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.timeline]

    @property
    def texts(self) -> list[str]:
        return [entry.what.data for entry in self.journal.frames(Sender.SERVER) if isinstance(entry.what, Text)]

    def bodies(self, name: str | None = None) -> list[dict[str, Any]]:
        found = [body for body in map(_json, self.texts) if isinstance(body, dict)]
        return [body for body in found if name in (None, body.get("type"))]

    @property
    def notes(self) -> list[Note]:
        return list(self.journal.notes("fault"))

    @property
    def ends(self) -> list[Effect]:
        return [effect for effect in self.effects if isinstance(effect, Hangup | Abort)]

    @property
    def record(self) -> list[tuple[Micros, object]]:
        """Everything in the journal, with its time: what tick invariance compares."""
        return [(entry.at, entry.what) for entry in self.journal]


def simulated(*faults: str, provider: str = "openai", **settings: Any) -> Stage:
    """Faults around a simulated server."""
    source = simulator(provider, require_key=False, **{"model": "gpt-realtime", **settings})
    dialect = source.dialect
    engine = source.open(Handshake(dialect.socket_path), SessionContext(0, "0/0", dialect))
    return Stage(*faults, engine=engine, dialect=dialect)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def turn(
    *faults: Fault | str,
    seed: object = 0,
    tick: Micros | None = None,
    until_ms: float = 60_000,
    second_at_ms: float | None = None,
    **fields: Any,
) -> Stage:
    """One turn (or two) with faults around it, run to its end."""
    stage = Stage(*faults, seed=seed, tick=tick).open()
    stage.send(
        "response.create", event_id="client_1", at_ms=10, response={"metadata": {"client_event_id": "mine"}}, **fields
    )
    if second_at_ms is not None:
        stage.send("response.create", event_id="client_2", at_ms=second_at_ms)
    return stage.run(until_ms=until_ms)
