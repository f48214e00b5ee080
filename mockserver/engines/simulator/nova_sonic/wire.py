"""The server's events: each with the ids of its completion (nova_sonic.md#28 to nova_sonic.md#34)."""

from __future__ import annotations

import json
from typing import Any

from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.nova_sonic.options import NovaSonicOptions
from mockserver.engines.simulator.nova_sonic.prompt import Prompt

FINAL, SPECULATIVE = "FINAL", "SPECULATIVE"
SPEECH_MS = 40
"""Milliseconds of audio that count as a token. How the service counts is unknown."""


class SonicWire:
    """What one stream says. ``completionStart`` comes once, before anything else."""

    def __init__(self, desk: Desk[NovaSonicOptions], prompt: Prompt) -> None:
        self.desk = desk
        self.prompt = prompt
        self.session_id = desk.ids.uuid()
        self.completion_id = ""
        self._total = {"input": {"speechTokens": 0, "textTokens": 0}, "output": {"speechTokens": 0, "textTokens": 0}}

    def event(self, name: str, **fields: Any) -> None:
        """One event."""
        ids = {"sessionId": self.session_id, "promptName": self.prompt.name, "completionId": self.completion_id}
        self.desk.send({"event": {name: {**ids, **fields}}})

    def begin(self) -> None:
        """``completionStart``, where it has not come yet."""
        if not self.completion_id:
            self.completion_id = self.desk.ids.uuid()
            self.event("completionStart")

    def end(self) -> None:
        """``completionEnd``, where something was begun."""
        if self.completion_id:
            self.event("completionEnd", stopReason="END_TURN")
            self.completion_id = ""

    # --- blocks ---

    def block(self, kind: str, role: str, stage: str = "") -> str:
        """``contentStart``; returns the id of the block."""
        self.begin()
        ident = self.desk.ids.uuid()
        more: dict[str, Any] = {}
        match kind:
            case "TEXT":
                more["textOutputConfiguration"] = {"mediaType": "text/plain"}
            case "AUDIO":
                more["audioOutputConfiguration"] = {
                    "mediaType": "audio/lpcm",
                    "sampleRateHertz": self.prompt.output.rate,
                    "sampleSizeBits": 16,
                    "channelCount": 1,
                    "encoding": "base64",
                }
            case _:
                more["toolUseOutputConfiguration"] = {"mediaType": "application/json"}
        if stage:
            more["additionalModelFields"] = json.dumps({"generationStage": stage}, separators=(",", ":"))
        self.event("contentStart", contentId=ident, type=kind, role=role, **more)
        return ident

    def close(self, ident: str, kind: str, reason: str) -> None:
        """``contentEnd``."""
        self.event("contentEnd", contentId=ident, type=kind, stopReason=reason)

    def text(self, role: str, stage: str, content: str, reason: str) -> None:
        """A block of text in one piece, as the service has them."""
        ident = self.block("TEXT", role, stage)
        self.event("textOutput", contentId=ident, role=role, content=content)
        self.close(ident, "TEXT", reason)

    # --- usage ---

    def usage(self, *, heard_ms: float = 0, read: int = 0, spoken_ms: float = 0, written: int = 0) -> None:
        """``usageEvent``: what is new, and all so far."""
        self.begin()
        delta = {
            "input": {"speechTokens": round(heard_ms / SPEECH_MS), "textTokens": read},
            "output": {"speechTokens": round(spoken_ms / SPEECH_MS), "textTokens": written},
        }
        for side, counts in delta.items():
            for kind, count in counts.items():
                self._total[side][kind] += count
        total = {side: dict(counts) for side, counts in self._total.items()}
        taken, given = sum(total["input"].values()), sum(total["output"].values())
        self.event(
            "usageEvent",
            details={"delta": delta, "total": total},
            totalInputTokens=taken,
            totalOutputTokens=given,
            totalTokens=taken + given,
        )
