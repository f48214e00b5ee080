"""A client of a simulated Phonic conversation, on the clock of the test."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from mockserver import simulator, speech
from mockserver.core.frames import Handshake
from tests.engines.simulator.caller import Caller

KEY = ("Authorization", "Bearer ph_any")
BASE = {"input_format": "pcm_16000", "output_format": "pcm_24000"}
NEW = {"conversation_reconnected"}
"""Events that the SDK looks for by name, without a model of them."""


def strict(body: dict[str, Any]) -> list[str]:
    """What the SDK's own model of an event does not know, or misses. It reads any text as audio, so all is one."""
    return list(_strict(json.dumps({**body, "audio": ""} if isinstance(body.get("audio"), str) else body)))


@cache
def _strict(event: str) -> tuple[str, ...]:
    """The SDK tries model after model, a millisecond for each event: what it has seen before it need not see again."""
    from phonic.conversations.socket_client import ConversationsSocketClientResponse
    from phonic.core.unchecked_base_model import construct_type

    body = json.loads(event)
    if body["type"] in NEW:
        return ()
    model = construct_type(type_=ConversationsSocketClientResponse, object_=body)
    fields = type(model).model_fields
    missing = [name for name, field in fields.items() if field.is_required() and name not in body]
    return (*(name for name in body if name not in fields), *missing, *(() if model.type == body["type"] else ["type"]))


class Talk(Caller):
    """One socket. ``config``: what is sent first beside the formats; None sends none."""

    def __init__(
        self,
        source: Any = None,
        *,
        config: dict[str, Any] | None = {},  # noqa: B006 - read only
        query: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (KEY,),
        seed: str = "0/0",
        **settings: Any,
    ) -> None:
        source = source or simulator("phonic", **settings)
        super().__init__(source, Handshake("/v1/sts/ws", query, headers), check=strict, seed=seed)
        if config is not None:
            self.put({"type": "config", **BASE, **config})

    def audio(self, pcm: bytes, ms: int = 20) -> None:
        """Audio at the pace of speech."""
        for place in range(0, len(pcm), 32 * ms):
            self.wait(ms)
            if self.hangup is None:
                self.put({"type": "audio_chunk", "audio": base64.b64encode(pcm[place : place + 32 * ms]).decode()})

    def speak(self, text: str, *, silence_ms: int = 800) -> None:
        """Speak, then be silent for a while."""
        self.audio(speech.encode(text, 16_000) + bytes(32 * silence_ms))

    def pcm(self) -> bytes:
        """The assistant's audio so far."""
        return b"".join(base64.b64decode(body["audio"]) for body in self.of("audio_chunk"))

    def heard(self) -> str:
        """The words in it."""
        return str(speech.decode(self.pcm(), 24_000))

    def written(self) -> str:
        """Its text."""
        return "".join(body["text"] for body in self.of("audio_chunk"))

    def said(self, role: str) -> list[str]:
        """Messages of one side in the conversation."""
        return [item["text"] for item in self.values["conversation"] if item["role"] == role]
