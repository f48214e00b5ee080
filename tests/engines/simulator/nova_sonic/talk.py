"""A client of a simulated Nova Sonic stream, on the clock of the test."""

from __future__ import annotations

import base64
import json
from typing import Any

from mockserver import simulator, speech
from mockserver.core.frames import Handshake
from tests.engines.simulator.caller import Caller

SCOPE = "AKIDMOCK/20261129/us-east-1/bedrock/aws4_request"
KEY = ("authorization", f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}")
IDS = {"sessionId", "promptName", "completionId"}
FIELDS: dict[str, set[str]] = {
    "completionStart": set(),
    "contentStart": {"contentId", "type", "role"},
    "textOutput": {"contentId", "role", "content"},
    "audioOutput": {"contentId", "content"},
    "toolUse": {"contentId", "content", "toolName", "toolUseId"},
    "contentEnd": {"contentId", "type", "stopReason"},
    "usageEvent": {"details", "totalInputTokens", "totalOutputTokens", "totalTokens"},
    "completionEnd": {"stopReason"},
}
"""Fields that each event has beside the ids of its completion (nova_sonic.md#28 to nova_sonic.md#34)."""
MORE = {"textOutputConfiguration", "audioOutputConfiguration", "toolUseOutputConfiguration", "additionalModelFields"}


def path(model: str = "amazon.nova-2-sonic-v1:0") -> str:
    return f"/model/{model}/invoke-with-bidirectional-stream"


def strict(body: dict[str, Any]) -> list[str]:
    """What the facts do not know of an event, or what it misses."""
    if "event" not in body:
        ((kind, told),) = body.items()
        return [] if kind.endswith("Exception") and set(told) == {"message"} else ["exception"]
    ((name, told),) = body["event"].items()
    wanted = FIELDS[name] | IDS
    extra = set(told) - wanted
    if name == "contentStart":
        extra -= MORE
        configurations = [key for key in told if key.endswith("Configuration")]
        if len(configurations) != 1 or (told["type"] == "TEXT") != ("additionalModelFields" in told):
            return ["contentStart"]
    return sorted(extra | (wanted - set(told)))


def spec(name: str) -> dict[str, Any]:
    """A tool, as a prompt offers it."""
    return {"toolSpec": {"name": name, "description": "", "inputSchema": {"json": '{"type":"object"}'}}}


class Stream(Caller):
    """One stream. ``begin``: session, prompt, system text and audio are begun."""

    def __init__(
        self,
        source: Any = None,
        *,
        begin: bool = True,
        audio: bool = True,
        model: str = "amazon.nova-2-sonic-v1:0",
        headers: tuple[tuple[str, str], ...] = (KEY,),
        session: dict[str, Any] | None = None,
        prompt: dict[str, Any] | None = None,
        history: tuple[tuple[str, str], ...] = (),
        **settings: Any,
    ) -> None:
        source = source or simulator("nova_sonic", **settings)
        super().__init__(source, Handshake(path(model), (), headers), check=strict)
        self.blocks = 0
        if begin:
            self.say("sessionStart", inferenceConfiguration={"maxTokens": 1024}, **(session or {}))
            self.say("promptStart", promptName="p", **(prompt or {}))
            self.write("Be brief.", role="SYSTEM")
            for role, text in history:
                self.write(text, role=role)
            if audio:
                self.open_audio()

    # --- what is sent ---

    def say(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        return self.put({"event": {name: fields}})

    def on(self, block: str, name: str, **fields: Any) -> list[dict[str, Any]]:
        """An event of a block."""
        return self.say(name, promptName="p", contentName=block, **fields)

    def write(self, text: str, *, role: str = "USER", interactive: bool = False) -> None:
        """A whole block of text."""
        self.blocks += 1
        block = f"text-{self.blocks}"
        self.on(block, "contentStart", type="TEXT", role=role, interactive=interactive)
        self.on(block, "textInput", content=text)
        self.on(block, "contentEnd")

    def open_audio(self, **fields: Any) -> None:
        told = {"role": "USER", "interactive": True, "audioInputConfiguration": {"sampleRateHertz": 16_000}, **fields}
        self.on("audio", "contentStart", type="AUDIO", **told)

    def audio(self, pcm: bytes, ms: int = 32) -> None:
        """Audio at the pace of speech."""
        for place in range(0, len(pcm), 32 * ms):
            self.wait(ms)
            if self.hangup is None:
                piece = base64.b64encode(pcm[place : place + 32 * ms]).decode()
                self.on("audio", "audioInput", content=piece)

    def speak(self, text: str, *, silence_ms: int = 1_900) -> None:
        """Speak, then be silent for a while."""
        self.audio(speech.encode(text, 16_000) + bytes(32 * silence_ms))

    def answer(self, ident: str, result: str) -> None:
        """A tool's result."""
        self.blocks += 1
        block = f"tool-{self.blocks}"
        self.on(block, "contentStart", type="TOOL", role="TOOL", toolResultInputConfiguration={"toolUseId": ident})
        self.on(block, "toolResult", content=result)
        self.on(block, "contentEnd")

    def end(self) -> None:
        """As clients end."""
        self.on("audio", "contentEnd")
        self.say("promptEnd", promptName="p")
        self.say("sessionEnd")

    # --- what came ---

    def all(self, name: str) -> list[dict[str, Any]]:
        """What is in all events of a name."""
        return [body["event"][name] for body in self.events if name in body.get("event", {})]

    def words(self, role: str, stage: str = "FINAL") -> list[str]:
        """The texts of one side."""
        return [text for who, kind, text, _ in self.texts() if (who, kind) == (role, stage)]

    def texts(self) -> list[tuple[str, str, str, str]]:
        """Each block of text: role, stage, words, how it ended."""
        starts = {one["contentId"]: one for one in self.all("contentStart") if one["type"] == "TEXT"}
        said = {one["contentId"]: one["content"] for one in self.all("textOutput")}
        return [
            (
                starts[one["contentId"]]["role"],
                json.loads(starts[one["contentId"]]["additionalModelFields"])["generationStage"],
                said[one["contentId"]],
                one["stopReason"],
            )
            for one in self.all("contentEnd")
            if one["contentId"] in starts
        ]

    def shape(self) -> list[str]:
        """The blocks in order: type, role, stage or how it ended."""
        made = []
        ends = {one["contentId"]: one["stopReason"] for one in self.all("contentEnd")}
        for start in self.all("contentStart"):
            stage = json.loads(start.get("additionalModelFields", "{}")).get("generationStage", "")
            end = ends.get(start["contentId"], "")
            made.append(" ".join(part for part in (start["role"], start["type"], stage, end) if part))
        return made

    def pcm(self) -> bytes:
        return b"".join(base64.b64decode(one["content"]) for one in self.all("audioOutput"))

    def heard(self, rate: int = 24_000) -> str:
        return str(speech.decode(self.pcm(), rate))

    @property
    def failure(self) -> tuple[str, str] | None:
        """The exception that ended the stream."""
        for body in self.events:
            for kind, told in body.items():
                if kind != "event":
                    return kind, told["message"]
        return None
