"""One conversation with a service of the OpenAI family, as chance may order it.

The client, its requests' answers and what the service says aside are threads, and whoever is drawn goes on. Ids are new
in every recording, as the service mints them.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Close, Frame, Handshake, Sender, Text

Thread = Generator[Callable[[], bool] | None]
"""Yields what it waits for; None lets others go on."""
WORDS = ("It ", "is ", "snowing ", "in ", "Oslo.")


@dataclass
class Conversation:
    """``plan``: what the client does. ``salt`` makes ids, ``chance`` decides who goes on. ``change``: a frame before it
    is sent, by either side.
    """

    plan: Sequence[str]
    chance: random.Random
    change: Callable[[Sender, dict[str, Any]], dict[str, Any]] = lambda sender, body: body
    records: list[Record] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    turn: int = 0  # how many responses of the conversation have ended
    turns: int = 0  # and how many were asked for
    ids: int = 0
    updates: int = 0
    threads: list[tuple[Thread, Callable[[], bool] | None]] = field(default_factory=list)
    gone: bool = False
    waiting: bytes = b""  # what the user says into the open microphone, and it has not sent yet
    sent: int = 0  # bytes of the open microphone's
    heard: int = 0  # how many utterances the service has taken a turn of

    def recorded(self) -> Cassette:
        """The recording of one run."""
        self.start(self.opening())
        self.start(self.client())
        if "listen" in self.plan:
            self.start(self.microphone())
        while not self.gone:
            ready = [one for one in self.threads if one[1] is None or one[1]()]
            assert ready, f"nobody can go on: {[record.frame for record in self.records[-3:]]}"
            one = self.chance.choice(ready)
            self.threads.remove(one)
            try:
                waits = next(one[0])
            except StopIteration:
                continue
            self.threads.append((one[0], waits))
        return Cassette(Header("openai"), (Connection(0, Handshake("/v1/realtime"), records=tuple(self.records)),))

    def start(self, thread: Thread) -> None:
        self.threads.append((thread, None))

    def write(self, sender: Sender, frame: Frame) -> None:
        self.records.append(Record(len(self.records) * 1_000, sender, frame))

    def say(self, name: str, **body: Any) -> None:
        told = self.change(Sender.SERVER, {"type": name, "event_id": self.id("event"), **body})
        self.seen.append(told)
        self.write(Sender.SERVER, Text(json.dumps(told)))

    def id(self, kind: str) -> str:
        self.ids += 1
        return f"{kind}_{self.chance.randrange(16**8):08x}{self.ids:04d}"

    def came(self, name: str, times: int) -> Callable[[], bool]:
        return lambda: sum(one["type"] == name for one in self.seen) >= times

    def calls(self) -> list[str]:
        """The tool calls so far."""
        done = [one["item"] for one in self.seen if one["type"] == "response.output_item.done"]
        return [one["call_id"] for one in done if "call_id" in one]

    # --- the client ---

    def ask(self, name: str, **body: Any) -> dict[str, Any]:
        told = self.change(Sender.CLIENT, {"type": name, **body})
        self.write(Sender.CLIENT, Text(json.dumps(told)))
        return told

    def client(self) -> Thread:
        responses = calls = 0
        for number, what in enumerate(self.plan):
            yield None
            if what == "speak" and "listen" in self.plan:
                what = "listen"  # noqa: PLW2901 - who commits has no microphone open
            match what:
                case "update":
                    session = {"type": "realtime", "instructions": f"be brief {number}"}
                    told = self.ask("session.update", session=session)
                    self.updates += 1
                    self.start(self.updated(told["session"], self.updates - 1))
                case "add":
                    item = {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": f"t{number}"}],
                    }
                    told = self.ask("conversation.item.create", item={"id": self.id("item"), **item})
                    self.start(self.echo(told["item"]))
                case "ask" | "aside":
                    asked: dict[str, Any] = {"instructions": f"say {number}"}
                    if what == "aside":
                        asked |= {"conversation": "none", "metadata": {"topic": f"aside {number}"}, "input": []}
                    told = self.ask("response.create", response=asked)
                    responses += 1
                    self.queue(told["response"])
                    if what == "ask":
                        yield self.came("response.done", responses)
                case "tool":
                    told = self.ask("response.create", response={"instructions": f"call {number}"})
                    responses += 1
                    self.queue(told["response"], calls=True)
                    calls += 1
                    wanted = calls
                    yield lambda: len(self.calls()) >= wanted  # noqa: B023 - asked before it changes
                    call = self.calls()[-1]
                    output = {"type": "function_call_output", "call_id": call, "output": "fog"}
                    told = self.ask("conversation.item.create", item={"id": self.id("item"), **output})
                    self.start(self.echo(told["item"]))
                case "speak":
                    data, cuts = bytes(range(240)) * 20, sorted(self.chance.sample(range(1, 2_400), 3))
                    for begin, end in zip((0, *cuts), (*cuts, 2_400), strict=True):
                        piece = base64.b64encode(data[2 * begin : 2 * end]).decode()
                        self.ask("input_audio_buffer.append", audio=piece)
                        yield None
                    self.ask("input_audio_buffer.commit")
                    self.start(self.committed())
                case "listen":
                    said = self.utterance(number)
                    while self.waiting:
                        yield None
                    begins = self.sent
                    self.waiting += said
                    responses += 1
                    self.heard += 1
                    self.start(self.hearing(begins, len(said), self.heard))
                    yield self.came("response.done", responses)
        # It leaves when all is said but what may come at any time.
        loose = ("client", "limits", "transcribed", "microphone")
        yield lambda: all(one[0].__name__ in loose for one in self.threads)
        while self.chance.random() < 0.5:
            yield None
        self.write(Sender.CLIENT, Close(1000))
        self.gone = True

    def utterance(self, number: int) -> bytes:
        """Half a second of PCM at 24 kHz, with a pause of 20 ms in it."""
        word = bytes((number + place) % 255 + 1 for place in range(11_520))
        return word + bytes(960) + word

    def microphone(self) -> Thread:
        """It is opened at some time and stays open; what is silent in it, chance decides."""
        for _ in range(self.chance.randrange(4)):
            yield None
        while True:
            size = 2 * self.chance.randrange(240, 4_800)
            piece, self.waiting = self.waiting[:size], self.waiting[size:]
            piece = piece.ljust(size, b"\0")
            self.sent += size
            self.ask("input_audio_buffer.append", audio=base64.b64encode(piece).decode())
            yield None

    # --- the service ---

    def hearing(self, begins: int, size: int, number: int) -> Thread:
        """A turn is taken where 500 ms were silent; some audio may be on its way by then."""
        yield lambda: bool(self.seen) and self.sent >= begins + size + 24_000
        item = self.id("item")
        start, end = max(0, begins // 48 - 300), (begins + size) // 48 + 500
        self.say("input_audio_buffer.speech_started", audio_start_ms=start, item_id=item)
        yield None
        self.say("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=item)
        turn = self.turns
        self.turns += 1
        self.say("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        self.start(self.transcribed(item))
        self.start(self.response({}, turn, False))

    def opening(self) -> Thread:
        self.say("session.created", session={"id": self.id("sess")})
        yield None

    def updated(self, session: dict[str, Any], turn: int) -> Thread:
        """Settings are confirmed one after another."""
        yield lambda: bool(self.seen) and self.came("session.updated", turn)()
        self.say("session.updated", session=session)

    def echo(self, item: dict[str, Any]) -> Thread:
        yield lambda: bool(self.seen)
        self.say("conversation.item.added", previous_item_id=None, item=item)
        yield None
        self.say("conversation.item.done", previous_item_id=None, item=item)

    def committed(self) -> Thread:
        yield lambda: bool(self.seen)
        item = self.id("item")
        self.say("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        self.start(self.transcribed(item))
        yield None
        shown = {
            "id": item,
            "type": "message",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        self.say("conversation.item.added", previous_item_id=None, item=shown)
        self.say("conversation.item.done", previous_item_id=None, item=shown)

    def transcribed(self, item: str) -> Thread:
        yield None
        name = "conversation.item.input_audio_transcription.completed"
        self.say(name, item_id=item, content_index=0, transcript="what I said")

    def limits(self) -> Thread:
        yield None
        self.say("rate_limits.updated", rate_limits=[{"name": "tokens", "limit": 1}])

    def queue(self, asked: dict[str, Any], *, calls: bool = False) -> None:
        """Responses of the conversation come one after another, those aside at any time."""
        apart = asked.get("conversation") == "none"
        self.start(self.response(asked, None if apart else self.turns, calls))
        self.turns += not apart

    def response(self, asked: dict[str, Any], turn: int | None, calls: bool) -> Thread:
        yield lambda: bool(self.seen) and turn in (None, self.turn)
        response, item = self.id("resp"), self.id("item")
        ids = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        shown = {"id": response, "status": "in_progress", "metadata": asked.get("metadata"), "output": []}
        self.say("response.created", response=shown)
        yield None
        output: dict[str, Any] = {"id": item, "type": "message", "role": "assistant", "content": []}
        if calls:
            output = {"id": item, "type": "function_call", "call_id": self.id("call"), "name": "weather"}
        self.say("response.output_item.added", response_id=response, output_index=0, item=output)
        yield None
        if not calls:
            words = [("response.output_audio_transcript.delta", word) for word in WORDS]
            data, cuts = bytes(range(200)) * 24, sorted(self.chance.sample(range(1, 1_600), 3))
            # Whole groups of three bytes: a piece is base64 of its own.
            sound = [data[3 * begin : 3 * end] for begin, end in zip((0, *cuts), (*cuts, 1_600), strict=True)]
            pieces = [("response.output_audio.delta", base64.b64encode(piece).decode()) for piece in sound]
            while words or pieces:
                mine = self.chance.choice([side for side in (words, pieces) if side])
                name, delta = mine.pop(0)
                self.say(name, **ids, delta=delta)
                yield None
            self.say("response.output_audio.done", **ids)
            self.say("response.output_audio_transcript.done", **ids, transcript="".join(WORDS))
            yield None
        self.say("response.output_item.done", response_id=response, output_index=0, item=output)
        yield None
        self.say("response.done", response={**shown, "status": "completed", "output": [output]})
        self.turn += turn is not None
        self.start(self.limits())


PLANS = ("update", "add", "ask", "aside", "tool", "speak", "listen")
