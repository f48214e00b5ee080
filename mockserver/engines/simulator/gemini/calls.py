"""Calls of functions that the client has been asked for and has not answered, and what it may answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.engines.simulator.gemini import problems
from mockserver.engines.simulator.gemini.models import LiveModel


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``blocking``: the model waits for its result."""

    id: str
    name: str
    blocking: bool


class Calls:
    """The open calls, in order."""

    def __init__(self) -> None:
        self.open: dict[str, Call] = {}

    def ask(self, call: Call) -> None:
        """One more."""
        self.open[call.id] = call

    @property
    def blocking(self) -> list[Call]:
        """Those that the model waits for."""
        return [call for call in self.open.values() if call.blocking]

    def close(self, calls: Iterable[Call]) -> list[str]:
        """These are not wanted any more; returns their ids."""
        return [call.id for call in calls if self.open.pop(call.id, None) is not None]


def check_response(response: Mapping[str, Any], model: LiveModel) -> None:
    """One ``functionResponses`` element of a proper shape (gemini.md#40, gemini.md#45, gemini.md#55, gemini.md#59)."""
    if not response.get("id") or not isinstance(response.get("response"), dict):
        raise problems.invalid()
    if response.get("scheduling", "SCHEDULING_UNSPECIFIED") != "SCHEDULING_UNSPECIFIED" and not model.takes_scheduling:
        raise problems.unsupported("Function response scheduling is not supported for this model")
    for part in response.get("parts", ()):
        if part.get("inlineData", {}).get("mimeType") == "application/pdf":
            raise problems.invalid()


def output_of(response: Mapping[str, Any]) -> str:
    """What a function gave back, as text: ``output`` or ``error`` where there is one, else all of it."""
    body = response["response"]
    for name in ("output", "error"):
        if name in body and len(body) == 1:
            value = body[name]
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(body, ensure_ascii=False)
