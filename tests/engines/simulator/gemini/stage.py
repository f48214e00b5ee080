"""A client of the simulated Gemini without sockets or a clock: sends messages at a time, keeps what came back.

Every message that passes here is checked against google-genai's own types (``strict``).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Literal

from mockserver import speech
from mockserver.core.frames import Binary, Effect, Handshake, Peer, Refuse, Send, Text
from mockserver.dialects.gemini import GEMINI
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.gemini.source import GeminiSource
from tests.engines.simulator.caller import Caller
from tests.engines.simulator.gemini import strict

MODEL = "gemini-2.5-flash-native-audio-preview-12-2025"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
RATE = 16_000
WEATHER = {"functionDeclarations": [{"name": "get_weather"}]}


def handshake(path: str | None = None, *, key: str | None = "any", **query: str) -> Handshake:
    """A handshake as the Python client makes it."""
    headers = (("x-goog-api-key", key),) if key else ()
    return Handshake(path or GEMINI.socket_path, tuple(query.items()), headers)


def studio(version: str, ending: str = "") -> str:
    """The socket's path in a version of the Developer API."""
    return f"/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent{ending}"


class Stage(Caller):
    """One connection to a source. ``setup`` False sends none."""

    def __init__(
        self,
        source: GeminiSource | None = None,
        *,
        hands: Handshake | None = None,
        setup: dict[str, Any] | Literal[False] | None = None,
        model: str = MODEL,
        number: int = 0,
        later_us: int = 0,
        **settings: Any,
    ) -> None:
        made = source or simulator("gemini", **settings)
        assert isinstance(made, GeminiSource)
        hands = hands or handshake()
        self.frames: list[Text | Binary] = []
        self.heard_ms = 0
        super().__init__(made, hands, check=strict.faults, seed=f"seed/{number}", number=number, later_us=later_us)
        if setup is not False:
            vertex = hands.path == VERTEX
            name = f"projects/p/locations/l/publishers/google/models/{model}" if vertex else f"models/{model}"
            self.send("setup", {"model": name, "outputAudioTranscription": {}, **(setup or {})})

    def send(self, name: str, body: Any) -> list[dict[str, Any]]:
        """A client message now."""
        return self.put({name: body})

    def names_in(self, body: dict[str, Any]) -> list[str]:
        """Messages and the fields of ``serverContent``."""
        return names_of(body)

    # --- what a client does often ---

    def write(self, *texts: str, complete: bool = True, role: str | None = "user", **content: Any) -> None:
        """``clientContent`` of these texts."""
        turns = [{"parts": [{"text": text}], **({"role": role} if role else {})} for text in texts]
        self.send("clientContent", {"turns": turns, "turnComplete": complete, **content})

    def ask(self, text: str) -> str:
        """A text turn; returns what the model said aloud."""
        start = len(self.all)
        self._read = start
        self.write(text)
        self.until("turnComplete")
        return speech.decode(self.audio(start))

    def hear(self, pcm: bytes, *, chunk_ms: int = 20, rate: int = RATE, name: str = "audio") -> None:
        """Send audio at the pace of speech."""
        size = 2 * rate * chunk_ms // 1000
        for place in range(0, len(pcm), size):
            self.wait(chunk_ms)
            data = base64.urlsafe_b64encode(pcm[place : place + size]).decode()
            self.send("realtimeInput", {name: {"data": data, "mimeType": f"audio/pcm;rate={rate}"}})

    def talk(self, text: str, *, silence_ms: int = 700) -> None:
        """Speak, then be silent for a while."""
        self.hear(speech.encode(text, RATE) + bytes(2 * RATE * silence_ms // 1000))

    def answer(self, *outputs: str, **fields: Any) -> list[dict[str, Any]]:
        """Answer the newest calls."""
        calls = self.of("toolCall")[-1]["functionCalls"]
        responses = [
            {"id": call["id"], "name": call["name"], "response": {"output": output}, **fields}
            for call, output in zip(calls, outputs, strict=False)
        ]
        return self.send("toolResponse", {"functionResponses": responses})

    # --- what came ---

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(Peer.CLIENT, Text() | Binary() as frame):
                    self.effects.append(effect)
                    self.frames.append(frame)
                    self._came(frame.data if isinstance(frame, Text) else frame.data.decode())
                case _:
                    super()._take([effect])

    @property
    def all(self) -> list[tuple[float, dict[str, Any]]]:
        """All server events so far, each with its time in ms."""
        return self.timed

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All server messages so far."""
        return self.events

    def names(self, start: int = 0) -> list[str]:
        """What they are, repeated ones once."""
        found: list[str] = []
        for body in self.messages[start:]:
            name = "+".join(names_of(body))
            if not found or found[-1] != name:
                found.append(name)
        return found

    def of(self, name: str) -> list[dict[str, Any]]:
        """What stands under this key in all messages so far."""
        found = []
        for body in self.messages:
            inside = body.get("serverContent", {})
            found += [place[name] for place in (body, inside) if name in place]
        return found

    def said(self, start: int = 0) -> str:
        """The transcript of what the model said."""
        return "".join(
            body["serverContent"]["outputTranscription"]["text"]
            for body in self.messages[start:]
            if "outputTranscription" in body.get("serverContent", {})
        )

    def audio(self, start: int = 0) -> bytes:
        """What the model said aloud."""
        found = b""
        for body in self.messages[start:]:
            for part in body.get("serverContent", {}).get("modelTurn", {}).get("parts", ()):
                found += base64.b64decode(part.get("inlineData", {}).get("data", ""))
        return found

    @property
    def refused(self) -> Refuse | None:
        """How the server refused the handshake, if it did."""
        return next((one for one in self.effects if isinstance(one, Refuse)), None)

    @property
    def inside(self) -> dict[str, Any]:
        """What the engine shows of itself."""
        return self.engine.inspect().values

    @property
    def context(self) -> str:
        """All words of the context that the replier was given last."""
        words: str = self.inside["contexts"][-1].words()
        return words


def names_of(body: dict[str, Any]) -> list[str]:
    """What a message is: its keys, and those of ``serverContent`` in its place."""
    found = []
    for name, inner in body.items():
        if name == "serverContent":
            found += sorted(inner) or ["serverContent"]
        else:
            found.append(name)
    return found or ["empty"]
