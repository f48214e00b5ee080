"""A client of a simulated Ultravox call: the REST call that makes it, what clients send, and what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver import speech
from mockserver.core.frames import Binary, Effect, Handshake, Send
from mockserver.core.view import Memo
from mockserver.engines.base import HttpReply, Request, SessionContext
from mockserver.engines.simulator import simulator
from tests.engines.simulator.caller import UNIX_US, Caller

KEY = ("X-API-Key", "abcdefgh.any")
MEDIUM = {"serverWebSocket": {"inputSampleRate": 16_000, "outputSampleRate": 24_000, "clientBufferSizeMs": 30_000}}


@cache
def models() -> Any:
    """The plugin's module of events, by itself: the plugin around it is a whole voice agent, 1.4 s of imports.

    None where it is not installed, as for ``make test``: ``make check`` has it.
    """
    try:
        plugin = util.find_spec("livekit.plugins.ultravox")
    except ModuleNotFoundError:
        return None
    assert plugin is not None
    assert plugin.origin is not None
    spec = util.spec_from_file_location("ultravox_events", Path(plugin.origin).parent / "realtime" / "events.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where pydantic looks up what its annotations name
    spec.loader.exec_module(module)
    return module


def strict(body: dict[str, Any]) -> list[str]:
    """What the plugin's own model of an event does not know, or misses."""
    if models() is None:
        return []
    model = models().UltravoxEventAdapter.validate_python(body)
    shown = model.model_dump(by_alias=True, exclude_unset=True)
    return [name for name in body if name not in shown]


def rest(source: Any, method: str, path: str, body: Any = None, *, query: Any = (), at_s: float = 0) -> HttpReply:
    """A plain request."""
    data = b"" if body is None else json.dumps(body).encode()
    context = SessionContext(
        0, "rest", Memo(source.dialect), unix_us=round(1e6 * at_s) or UNIX_US, base_url="http://127.0.0.1:1/api"
    )
    reply = source.neighbour(Request(method, path, tuple(query), (KEY,), data), context)
    assert reply is not None
    return reply


def made(source: Any, *, query: Any = (), **definition: Any) -> dict[str, Any]:
    """A call that is made over REST: its body."""
    reply = rest(source, "POST", "/api/calls", {"medium": MEDIUM, **definition}, query=query)
    assert reply.status == 201, reply
    return dict(json.loads(reply.body))


class Talk(Caller):
    """A joined call, on the clock of the test. Without a definition it is joined without a REST call."""

    def __init__(self, source: Any = None, *, call: dict[str, Any] | None = None, **settings: Any) -> None:
        source = source or simulator("ultravox", **{"first_speaker": "user", **settings})
        path = "/calls/mock" if call is None else urlsplit(call["joinUrl"]).path
        self.pcm: list[tuple[int, bytes]] = []
        super().__init__(source, Handshake(path), check=strict)

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.frame, Binary):
                self.pcm.append((self.at, effect.frame.data))
            else:
                super()._take([effect])

    def speak(self, text: str, *, silence_ms: int = 800) -> None:
        """Speak at the pace of speech, then be silent for a while."""
        pcm = speech.encode(text, 16_000) + bytes(32 * silence_ms)
        for place in range(0, len(pcm), 640):
            self.wait(20)
            if self.hangup is None:
                self.binary(pcm[place : place + 640])

    def write(self, text: str, **more: Any) -> None:
        """user_text_message."""
        self.put({"type": "user_text_message", "text": text, **more})

    def heard(self) -> str:
        """The words in the agent's audio so far."""
        return str(speech.decode(b"".join(data for _, data in self.pcm), 24_000))

    def states(self) -> list[str]:
        return [body["state"] for body in self.of("state")]

    def finals(self, role: str) -> list[str]:
        """Whole transcripts of one side."""
        return [body["text"] for body in self.of("transcript") if body["role"] == role and body["final"]]
