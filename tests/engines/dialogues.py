"""Dialogues as the OpenAI family has them, made up line by line: what a recorder would have written
down.

A ``Line`` knows which earlier line caused it, because the test says so; replay has to find that out
by itself.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Handshake, Micros, Sender
from tests.engines.driving import C, S, frame

MS: Micros = 1_000


@dataclass(frozen=True)
class Line:
    at: Micros
    sender: Sender
    body: Any
    cause: int | None = None  # index of the client line that this server line answers


class Scene:
    """Writes lines down as they happen."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.now: Micros = 0
        self.items = 0
        self.responses = 0

    def client(self, body: Any, after: Micros = 50 * MS) -> int:
        self.now += after
        self.lines.append(Line(self.now, C, body))
        return len(self.lines) - 1

    def server(self, body: Any, after: Micros = 20 * MS, cause: int | None = None) -> None:
        self.now += after
        if isinstance(body, dict) and "event_id" not in body:
            body = {"type": body["type"], "event_id": f"event_S{len(self.lines):04d}", **body}
        self.lines.append(Line(self.now, S, body, cause))

    def cassette(self, dialect: str = "openai") -> Cassette:
        records = tuple(Record(line.at, line.sender, frame(line.body)) for line in self.lines)
        return Cassette(
            Header(dialect),
            (Connection(0, Handshake(), records=records),),
            path="cassettes/x.cassette",
        )

    # --- what happens in sessions ---

    def opens(self) -> None:
        self.server({"type": "session.created", "session": {"id": "sess_1", "model": "m"}})

    def updates(self, instructions: str = "be brief", gap: Micros = 30 * MS) -> None:
        event_id = f"upd_{len(self.lines)}"
        session = {"type": "realtime", "instructions": instructions}
        asked = self.client({"type": "session.update", "event_id": event_id, "session": session}, gap)
        self.server({"type": "session.updated", "session": session}, gap, asked)

    def adds(self, text: str, gap: Micros = 20 * MS, *, echo: bool = True) -> str:
        self.items += 1
        item = {
            "id": f"item_mine{self.items:04d}",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        before = "root" if self.items == 1 else f"item_mine{self.items - 1:04d}"
        asked = self.client(
            {
                "type": "conversation.item.create",
                "event_id": f"add_{self.items}",
                "previous_item_id": before,
                "item": item,
            },
            gap,
        )
        if echo:
            shown = None if self.items == 1 else before
            for kind in ("added", "done"):
                self.server(
                    {"type": f"conversation.item.{kind}", "previous_item_id": shown, "item": item},
                    gap,
                    asked,
                )
        return str(item["id"])

    def asks(self, *, aside: bool = False, named: bool = True, gap: Micros = 20 * MS, deltas: int = 3) -> int:
        """A response, asked for and given."""
        asked = self.request(aside=aside, named=named, gap=gap)
        self.answers(
            asked,
            self.lines[asked].body["response"].get("metadata"),
            gap=gap,
            deltas=deltas,
            aside=aside,
        )
        return asked

    def request(self, *, aside: bool = False, named: bool = True, gap: Micros = 20 * MS) -> int:
        response: dict[str, Any] = {"instructions": f"say {len(self.lines)}"}
        if named:
            response["metadata"] = {"client_event_id": f"response_create_{len(self.lines):06d}"}
        if aside:
            response |= {"conversation": "none", "input": []}
        event_id = f"ask_{len(self.lines)}"
        return self.client({"type": "response.create", "event_id": event_id, "response": response}, gap)

    def answers(
        self,
        asked: int,
        metadata: Any,
        *,
        gap: Micros = 20 * MS,
        deltas: int = 3,
        aside: bool = False,
        status: str = "completed",
        done_by: int | None = None,
    ) -> str:
        name = self.begins(asked, metadata, gap=gap, aside=aside)
        for place in range(deltas):
            self.says(name, f"w{place}", gap, asked)
        self.ends(name, metadata, gap, asked if done_by is None else done_by, status=status)
        return name

    def begins(self, asked: int, metadata: Any = None, *, gap: Micros = 20 * MS, aside: bool = False) -> str:
        self.responses += 1
        name = f"resp_{self.responses:04d}"
        body = {
            "id": name,
            "status": "in_progress",
            "metadata": metadata,
            "conversation_id": None if aside else "conv_1",
        }
        self.server({"type": "response.created", "response": body}, gap, asked)
        item = {
            "id": f"item_of_{name}",
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        self.server(
            {
                "type": "response.output_item.added",
                "response_id": name,
                "output_index": 0,
                "item": item,
            },
            gap,
            asked,
        )
        if not aside:
            self.server(
                {"type": "conversation.item.added", "previous_item_id": None, "item": item},
                gap,
                asked,
            )
        part = {"type": "text", "text": ""}
        self.server(
            {
                "type": "response.content_part.added",
                "response_id": name,
                "item_id": item["id"],
                "output_index": 0,
                "content_index": 0,
                "part": part,
            },
            gap,
            asked,
        )
        return name

    def says(self, name: str, word: str, gap: Micros, asked: int) -> None:
        self.server(
            {
                "type": "response.output_text.delta",
                "response_id": name,
                "item_id": f"item_of_{name}",
                "output_index": 0,
                "content_index": 0,
                "delta": word,
            },
            gap,
            asked,
        )

    def ends(self, name: str, metadata: Any, gap: Micros, asked: int, *, status: str = "completed") -> None:
        item = {
            "id": f"item_of_{name}",
            "type": "message",
            "role": "assistant",
            "status": "completed" if status == "completed" else "incomplete",
            "content": [],
        }
        self.server(
            {
                "type": "response.output_item.done",
                "response_id": name,
                "output_index": 0,
                "item": item,
            },
            gap,
            asked,
        )
        reason = None if status == "completed" else {"type": "cancelled", "reason": "client_cancelled"}
        body = {
            "id": name,
            "status": status,
            "status_details": reason,
            "metadata": metadata,
            "output": [item],
        }
        self.server({"type": "response.done", "response": body}, gap, asked)
        self.server({"type": "rate_limits.updated", "rate_limits": []}, 1 * MS, asked)

    def speaks(self, ms: int, *, chunk: int = 100, gap: Micros = 100 * MS) -> int:
        """Microphone audio. Returns the line of the last piece."""
        last = -1
        for start in range(0, ms, chunk):
            size = min(chunk, ms - start) * 48
            data = base64.b64encode(bytes([start % 251]) * size).decode()
            last = self.client({"type": "input_audio_buffer.append", "audio": data}, gap)
        return last

    def hears(self, *, gap: Micros = 100 * MS, deltas: int = 2, trailing: int = 300) -> None:
        """A turn that the server ends by itself: speech starts, goes on, stops, silence
        goes on, the answer comes.
        """
        started = self.speaks(500, gap=gap)
        self.items += 1
        item = f"item_spoken{self.items:04d}"
        self.server(
            {"type": "input_audio_buffer.speech_started", "audio_start_ms": 300, "item_id": item},
            5 * MS,
            started,
        )
        stopped = self.speaks(700, gap=gap)
        self.server(
            {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": item},
            5 * MS,
            stopped,
        )
        self.server(
            {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": None},
            1 * MS,
            stopped,
        )
        shown = {
            "id": item,
            "type": "message",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        for kind in ("added", "done"):
            self.server(
                {"type": f"conversation.item.{kind}", "previous_item_id": None, "item": shown},
                1 * MS,
                stopped,
            )
        name = self.begins(stopped, gap=2 * MS)
        self.says(name, "well", 3 * MS, stopped)
        self.speaks(trailing, gap=10 * MS)
        self.server(
            {
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": item,
                "content_index": 0,
                "transcript": "hi",
            },
            2 * MS,
            stopped,
        )
        for place in range(deltas):
            self.says(name, f"w{place}", 4 * MS, stopped)
        self.ends(name, None, 2 * MS, stopped)

    def commits(self, ms: int = 400, gap: Micros = 20 * MS) -> None:
        """A turn that the client ends."""
        self.speaks(ms, gap=gap)
        asked = self.client({"type": "input_audio_buffer.commit"}, gap)
        self.items += 1
        item = f"item_spoken{self.items:04d}"
        self.server(
            {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": None},
            gap,
            asked,
        )
        self.server(
            {
                "type": "conversation.item.added",
                "previous_item_id": None,
                "item": {"id": item, "type": "message", "role": "user", "content": []},
            },
            gap,
            asked,
        )

    def calls(self, gap: Micros = 20 * MS) -> None:
        """A tool round; its output goes before the response that called is done, as clients do (openai.md#105)."""
        asked = self.request(gap=gap)
        metadata = self.lines[asked].body["response"]["metadata"]
        name = self.begins(asked, metadata, gap=gap)
        call = f"call_{self.responses:04d}"
        item = {
            "id": f"item_of_{name}",
            "type": "function_call",
            "call_id": call,
            "name": "weather",
            "arguments": "{}",
        }
        self.server(
            {
                "type": "response.output_item.done",
                "response_id": name,
                "output_index": 0,
                "item": item,
            },
            gap,
            asked,
        )
        self.items += 1
        output = {
            "id": f"item_mine{self.items:04d}",
            "type": "function_call_output",
            "call_id": call,
            "output": "fog",
        }
        told = self.client(
            {"type": "conversation.item.create", "previous_item_id": item["id"], "item": output},
            gap,
        )
        body = {"id": name, "status": "completed", "metadata": metadata, "output": [item]}
        self.server({"type": "response.done", "response": body}, gap, asked)
        self.server(
            {"type": "conversation.item.added", "previous_item_id": item["id"], "item": output},
            gap,
            told,
        )

    def fails(self, gap: Micros = 20 * MS) -> None:
        """A request that the server refuses."""
        event_id = f"bad_{len(self.lines)}"
        asked = self.client({"type": "session.update", "event_id": event_id, "session": {"voice": "nobody"}}, gap)
        self.server(
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "code": "invalid_value",
                    "message": "no",
                    "param": "session.voice",
                    "event_id": event_id,
                },
            },
            gap,
            asked,
        )

    def deletes(self, item: str, gap: Micros = 20 * MS) -> None:
        asked = self.client(
            {
                "type": "conversation.item.delete",
                "event_id": f"del_{len(self.lines)}",
                "item_id": item,
            },
            gap,
        )
        self.server({"type": "conversation.item.deleted", "item_id": item}, gap, asked)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Sessions of a few exchanges, each begun after the one before it was answered."""
    scene = Scene()
    scene.opens()
    gap = st.integers(1, 400).map(lambda ms: ms * MS)
    for kind in draw(
        st.lists(
            st.sampled_from(
                [
                    "update",
                    "add",
                    "ask",
                    "aside",
                    "nameless",
                    "hear",
                    "commit",
                    "call",
                    "fail",
                    "delete",
                ]
            ),
            max_size=7,
        )
    ):
        wait = draw(gap)
        match kind:
            case "update":
                scene.updates(draw(st.text(max_size=5)), wait)
            case "add":
                scene.adds(draw(st.text(max_size=5)), wait)
            case "ask":
                scene.asks(gap=wait, deltas=draw(st.integers(0, 4)))
            case "aside":
                scene.asks(aside=True, gap=wait)
            case "nameless":
                scene.asks(named=False, gap=wait)
            case "hear":
                scene.hears(gap=wait)
            case "commit":
                scene.commits(gap=wait)
            case "call":
                scene.calls(gap=wait)
            case "fail":
                scene.fails(gap=wait)
            case "delete":
                scene.deletes(scene.adds("gone", wait), wait)
    return scene
