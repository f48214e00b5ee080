"""A conversation's items, as the server keeps them and as it shows them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver import speech
from mockserver.engines.simulator.replies.reply import Seen

Origin = Literal["client", "audio", "response"]
"""Who made an item: the client's conversation.item.create, the audio buffer, or the model."""


@dataclass(slots=True, eq=False)
class Part:
    """One content part. ``text`` is its text or transcript; ``heard`` is what a model hears in audio (input only).

    ``said`` is all that the model set out to say (output audio only). ``audio_ms`` is how much audio there is:
    of output, how much has been generated and not been truncated.
    """

    type: str
    text: str | None = None
    audio_ms: int = 0
    heard: str | None = None
    said: str = ""
    pcm: bytes = b""
    rate: int = 24_000
    extra: Mapping[str, Any] = field(default_factory=dict)

    def shown(self, *, audio: bool = False) -> dict[str, Any]:
        """As in an item on the wire. Audio itself is shown by conversation.item.retrieve only (openai.md#72)."""
        body: dict[str, Any] = {"type": self.type, **self.extra}
        if self.type in ("input_text", "output_text"):
            body["text"] = self.text or ""
        elif self.type in ("input_audio", "output_audio"):
            body["transcript"] = self.text
            if audio:
                body["audio"] = base64.b64encode(self.sound()).decode()
        return body

    def sound(self) -> bytes:
        """The audio, PCM16. The model's is made again from its words, so that a long session keeps text alone."""
        if self.type == "input_audio":
            return self.pcm
        size = 2 * (self.audio_ms * self.rate // 1000)
        return speech.encode(self.said, self.rate)[:size].ljust(size, b"\0")


@dataclass(slots=True, eq=False)
class Item:
    """One item. Which fields count depends on ``type``."""

    id: str
    type: str
    origin: Origin
    role: str | None = None
    status: str | None = "completed"
    content: list[Part] = field(default_factory=list)
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    seen: tuple[object, Seen] | None = None
    """What a replier saw of it last, and of what that was made."""

    def shown(self, *, audio: bool = False) -> dict[str, Any]:
        """As on the wire: each type has its own fields (openai.md#98, openai.md#104)."""
        body: dict[str, Any] = {"id": self.id, "type": self.type}
        if self.type == "message":
            parts = [part.shown(audio=audio) for part in self.content]
            body |= {"status": self.status, "role": self.role, "content": parts}
        elif self.type == "function_call":
            body |= {"status": self.status, "name": self.name, "call_id": self.call_id, "arguments": self.arguments}
        elif self.type == "function_call_output":
            body |= {"call_id": self.call_id, "output": self.output}
        elif self.type in ("mcp_call", "mcp_approval_request"):
            body |= {"name": self.name, "arguments": self.arguments}
        return {**body, **self.extra}


def item_from(body: Mapping[str, Any], item_id: str, origin: Origin = "client") -> Item:
    """An item from a checked body of the client's."""
    parts = []
    for part in body.get("content", ()):
        extra = {key: part[key] for key in ("image_url", "detail") if key in part}
        kind = "output_text" if part["type"] == "output_audio" else part["type"]
        words = part.get("text") if kind in ("input_text", "output_text") else part.get("transcript")
        parts.append(Part(kind, words, extra=extra))
    kind = body["type"]
    extra = {}
    if kind.startswith("mcp_"):
        names = ("approval_request_id", "approve", "reason", "server_label", "tools", "error")
        extra = {key: body[key] for key in names if key in body}
    if kind == "mcp_call":
        extra = {"approval_request_id": None, "output": body.get("output"), "error": None, **extra}
    return Item(
        item_id,
        kind,
        origin,
        role=body.get("role"),
        content=parts,
        call_id=body.get("call_id", ""),
        name=body.get("name", ""),
        arguments=body.get("arguments", ""),
        output=body.get("output") or "",
        extra=extra,
    )
