"""What a GPT-Live session has delegated: responses of a backend, in envelopes, and how one ends early.

Speech has no replies on that wire; these are the only ones that can fail (gpt_live.md#25, gpt_live.md#67).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.core.frames import Frame, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.core.view import Lens, View
from mockserver.dialects.life import Outcome, Status

ENVELOPE = "response.event"
ENDS: Mapping[str, Status] = {
    "response.completed": "completed",
    "response.failed": "failed",
    "response.incomplete": "incomplete",
}
NAMES: Mapping[Status, str] = {status: name for name, status in ENDS.items() if status != "completed"}


@dataclass(slots=True)
class DelegatedResponse:
    """One that is on its way. ``shown``: the newest snapshot of it; ``counted``: its newest sequence number."""

    delegation: str
    shown: dict[str, Any]
    counted: int


class DelegatedReplies:
    """The backend's responses of one connection."""

    def __init__(self, lens: Lens) -> None:
        self._lens = lens
        self._open: dict[str, DelegatedResponse] = {}
        self._newest: dict[str, str] = {}  # delegation -> its newest response
        self._ended: set[str] = set()

    @property
    def open(self) -> Mapping[str, object]:
        """Those on their way."""
        return self._open

    def see(self, sender: Sender, what: View | Frame, *, name: str | None = None) -> None:
        """One frame; only envelopes matter."""
        if sender is not Sender.SERVER or (name is not None and name != ENVELOPE):
            return
        view = what if isinstance(what, View) else self._lens.view(what, sender)
        event, delegation = _inside(view)
        kind = event.get("type")
        shown = event.get("response")
        if kind == "response.created" and isinstance(shown, dict) and isinstance(shown.get("id"), str):
            self._newest[delegation] = shown["id"]
            self._open[shown["id"]] = DelegatedResponse(delegation, shown, 0)
        owner = self.owner(view)
        response = self._open.get(owner) if owner is not None else None
        if response is None or owner is None:
            return
        count = event.get("sequence_number")
        if isinstance(count, int):
            response.counted = count
        if isinstance(shown, dict):
            response.shown = shown
        if kind in ENDS:
            del self._open[owner]

    def owner(self, view: View) -> str | None:
        """The response that an envelope is of; speech is of none."""
        event, delegation = _inside(view)
        shown = event.get("response")
        ident = shown.get("id") if isinstance(shown, dict) else None
        return ident if isinstance(ident, str) else self._newest.get(delegation)

    def outcome(self, view: View) -> Status | None:
        """As its last event says."""
        return ENDS.get(str(_inside(view)[0].get("type")))

    def can_end(self, status: Status) -> bool:
        """A backend's response cannot be cancelled here."""
        return status in NAMES

    def end(self, reply: str, outcome: Outcome, ids: Ids) -> list[Text]:
        """The last event of a response that failed, or stopped short. What it had begun stays open."""
        response = self._open.pop(reply)
        self._ended.add(reply)
        error = outcome.error or {}
        failed = {"code": error.get("code") or error.get("type"), "message": error.get("message")}
        event = {
            "type": NAMES[outcome.status],
            "response": {
                **response.shown,
                "status": outcome.status,
                "error": failed if outcome.status == "failed" else None,
                "incomplete_details": {"reason": outcome.reason} if outcome.status == "incomplete" else None,
            },
            "sequence_number": response.counted + 1,
        }
        body = {"event_id": ids.mint("event_"), "type": ENVELOPE, "delegation_id": response.delegation, "event": event}
        return [Text(dumps(body))]

    def late(self, view: View) -> bool:
        """What still comes of one that ``end`` has ended."""
        return view.name == ENVELOPE and self.owner(view) in self._ended

    def speak(self, words: str, ids: Ids) -> tuple[str, list[Text]]:
        """A backend speaks when it is asked."""
        return "", []

    def belated(self, reply: str, ids: Ids) -> list[Text]:
        """Not known."""
        return []


def _inside(view: View) -> tuple[dict[str, Any], str]:
    """The event in an envelope, and whose it is; empty where it is none."""
    body = view.body if view.name == ENVELOPE and isinstance(view.body, dict) else {}
    event = body.get("event")
    return (event if isinstance(event, dict) else {}), str(body.get("delegation_id"))
