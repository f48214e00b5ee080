"""How an item of a response is closed, as a table: what of it ends in which order, at each provider of the family.

The simulated server closes its items by it, and so do the endings that faults and replay make (``endings``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Closes = Literal["audio", "transcript", "text", "part"]
"""What a content part can have open: its sound, the words of that sound, written words, and the part itself."""


@dataclass(frozen=True, slots=True)
class ItemClosing:
    """``part``: the order in which what is open in a content part is closed; what is not open is left out.

    ``item_done``: ``conversation.item.done`` follows, before ``response.output_item.done``. After the last item comes
    ``response.done``, with the status and its details. All of it is the same however the response ends (openai.md#100,
    openai.md#113).
    """

    part: tuple[Closes, ...] = ("audio", "transcript", "text", "part")
    item_done: bool = True


GA = ItemClosing()
BETA = ItemClosing(item_done=False)
"""Its items are never said to be done (openai.md#155)."""
XAI = ItemClosing(("transcript", "text", "part", "audio"), item_done=False)
"""The audio ends last (xai.md#22); items are never said to be done (xai.md#19)."""
