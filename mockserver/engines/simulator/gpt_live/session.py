"""One session's configuration: what a client started it with, defaults filled in, and how it is shown."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.voice.formats import AudioFormat

DEFAULT_FORMAT = {"type": "audio/pcm", "rate": 24_000}
_ENCODINGS: Mapping[str, Any] = {"audio/pcm": "pcm", "audio/pcmu": "ulaw", "audio/pcma": "alaw"}


def default_delegation() -> dict[str, Any]:
    """Left out or null: the application itself."""
    return {"type": "client"}


@dataclass(slots=True)
class SessionResource:
    """``given``: as ``session.start`` had it. ``sideband``: whether a call stands behind it."""

    id: str
    expires_at: int
    model: str = ""
    instructions: str | None = None
    voice: Any = "marin"
    format: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_FORMAT))
    delegation: dict[str, Any] = field(default_factory=default_delegation)
    input: list[dict[str, Any]] = field(default_factory=list)
    store: bool = False

    def start(self, given: Mapping[str, Any]) -> None:
        """``session.start``."""
        audio = given.get("audio", {})
        self.model = given["model"]
        self.instructions = given.get("instructions")
        self.voice = audio.get("output", {}).get("voice", self.voice)
        self.store = given.get("store", False)
        self.input = copy.deepcopy(list(given.get("input") or []))
        self._sound(audio)
        self._delegate(given.get("delegation") or default_delegation())

    def fork(self, stored: SessionResource, given: Mapping[str, Any]) -> None:
        """A session that goes on from a stored one (gpt_live.md#62)."""
        self.model, self.instructions, self.voice = stored.model, stored.instructions, stored.voice
        self.delegation = copy.deepcopy(stored.delegation)
        self.store = given.get("store", stored.store)
        self._sound(given.get("audio", {}))
        if given.get("delegation"):
            self.update(given)

    def update(self, given: Mapping[str, Any]) -> None:
        """``session.update``: delegation only, and its type stays (gpt_live.md#9)."""
        told = given.get("delegation")
        if told is None:
            return
        if told["type"] != self.delegation["type"]:
            raise ClientProblem(
                "invalid_value",
                f"Invalid value: '{told['type']}'. The delegation type cannot change.",
                "session.delegation.type",
            )
        merged = copy.deepcopy(self.delegation) | {key: value for key, value in told.items() if key != "responses"}
        if "responses" in told:
            merged["responses"] = {**merged.get("responses", {}), **copy.deepcopy(told["responses"])}
        self.delegation = merged

    def _sound(self, audio: Mapping[str, Any]) -> None:
        told = audio.get("format")
        if told is not None:
            self.format = {
                "type": told["type"],
                "rate": told.get("rate", 24_000 if told["type"] == "audio/pcm" else 8_000),
            }

    def _delegate(self, told: Mapping[str, Any]) -> None:
        self.delegation = copy.deepcopy(dict(told))
        if self.target == "responses":
            self.delegation["responses"].setdefault("tools", [])
            self.delegation["responses"].setdefault("tool_choice", "auto")

    @property
    def target(self) -> str:
        """Who gets the work that is delegated."""
        return str(self.delegation["type"])

    @property
    def backend(self) -> dict[str, Any]:
        """The backend's settings; empty where it is none of the Responses API."""
        found: dict[str, Any] = self.delegation.get("responses", {})
        return found

    @property
    def sound(self) -> AudioFormat:
        """The format of both directions."""
        return AudioFormat(_ENCODINGS[self.format["type"]], self.format["rate"])

    def shown(self, *, sideband: bool = False) -> dict[str, Any]:
        """As in ``session.started``; a sideband sees no format, but what its client may do (gpt_live.md#40)."""
        audio: dict[str, Any] = {"output": {"voice": self.voice}}
        if not sideband:
            audio["format"] = self.format
        body: dict[str, Any] = {
            "id": self.id,
            "expires_at": self.expires_at,
            "model": self.model,
            "instructions": self.instructions,
            "audio": audio,
            "delegation": self.delegation,
            "status": "active",
            "input": self.input,
        }
        if sideband:
            body["client"] = {"data_channel": {"allowed_client_events": [], "allowed_server_events": []}}
        return copy.deepcopy(body)
