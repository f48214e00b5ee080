"""The course of a response as a table: what begins it, what closes it, in which order, for each ending.

The simulated server speaks by it, and so do the responses and endings that faults and replay make (``replies``,
``endings``). Each provider of the family has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.dialects.life import Outcome, Status

Opens = Literal["item", "conversation", "part"]
"""What is said at the begin of a message: the response's item, the same in the conversation, its content part."""
Closes = Literal["audio", "transcript", "text", "part"]
"""What a content part can have open: its sound, the words of that sound, written words, and the part itself."""
Ends = Literal["conversation", "item"]
"""What is said of an item that is over: by the conversation, and by the response."""


@dataclass(frozen=True, slots=True)
class ResponseEnding:
    """One way for a response to end. ``open_items``: the status of the items that are open then.

    ``reasons``: those that its details can hold (openai.md#111). A failed one has an error instead (openai.md#117).
    """

    open_items: Literal["completed", "incomplete"] = "incomplete"
    reasons: tuple[str, ...] = ()


ENDINGS: Mapping[Status, ResponseEnding] = {
    "completed": ResponseEnding("completed"),
    "cancelled": ResponseEnding(reasons=("turn_detected", "client_cancelled")),
    "incomplete": ResponseEnding(reasons=("max_output_tokens", "content_filter")),
    "failed": ResponseEnding(),
}


@dataclass(frozen=True, slots=True)
class ResponseCourse:
    """``response.created`` begins it. Each message begins with what ``opens`` lists; a call has no part.

    ``part``: the order in which what is open in a content part is closed; what is not open is left out. ``ends``: what
    follows for its item. After the last item comes ``response.done``, with the status and its details. All of that is
    the same however the response ends (openai.md#100, openai.md#113); ``endings`` says what is not.

    ``limits``: when ``rate_limits.updated`` comes: after ``response.done``, before the output, or never.
    """

    opens: tuple[Opens, ...] = ("item", "conversation", "part")
    part: tuple[Closes, ...] = ("audio", "transcript", "text", "part")
    ends: tuple[Ends, ...] = ("conversation", "item")
    endings: Mapping[Status, ResponseEnding] = field(default_factory=lambda: ENDINGS)
    limits: Literal["after", "before"] | None = "after"

    def details(self, outcome: Outcome) -> dict[str, Any] | None:
        """The ``status_details`` of ``response.done``."""
        if outcome.error is not None:
            return {"type": outcome.status, "error": dict(outcome.error)}
        return {"type": outcome.status, "reason": outcome.reason} if outcome.reason else None


GA = ResponseCourse()
"""Limits come after the response (openai.md#102)."""
BETA = ResponseCourse(ends=("item",), limits="before")
"""Its items are never said to be done by the conversation (openai.md#155); limits: openai.md#158."""
XAI = ResponseCourse(part=("transcript", "text", "part", "audio"), ends=("item",), limits=None)
"""The audio ends last (xai.md#22); items are never said to be done, and there are no limits (xai.md#19)."""
