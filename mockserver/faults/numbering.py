"""Which response and which item of a session a frame is of: by id, or by the order in which the server names them."""

from __future__ import annotations

from mockserver.core.frames import Sender
from mockserver.core.view import View
from mockserver.dialects.life import Life
from mockserver.faults.body import Sight
from mockserver.faults.where import Where


class NumberedFrames:
    """The responses and items of one session, and those of them that a fault means."""

    def __init__(self, where: Where, life: Life) -> None:
        self._wanted = (("response", where.response), ("item", where.item))
        self._is_delta = life.is_delta
        self._known: dict[str, dict[str, int]] = {"response": {}, "item": {}}
        self._owner: dict[str, str] = {}  # item -> response

    def see(self, sight: Sight) -> None:
        """A frame went by: what it names for the first time gets the next number."""
        if sight.sender is not Sender.SERVER or self._is_delta(sight.name):
            return  # a delta names nothing that was not named before it, and deltas are most of a session
        view = sight.view
        responses, items = self._known["response"], self._known["item"]
        if view.response_id is not None:
            responses.setdefault(view.response_id, len(responses) + 1)
            if view.item_id is not None:
                self._owner.setdefault(view.item_id, view.response_id)
        if view.item_id is not None:
            items.setdefault(view.item_id, len(items) + 1)

    def misses(self, sight: Sight | None) -> str:
        """Why a frame is of none that is meant, or ""; without a frame, why the newest ones are not."""
        for name, wanted in self._wanted:
            if wanted is None:
                continue
            known = self._known[name]
            found = next(reversed(known), None) if sight is None else self._of(sight.view, name)
            if found is None or wanted not in (found, known.get(found)):
                return f"not in {name} {wanted}"
        return ""

    def _of(self, view: View, name: str) -> str | None:
        if name == "item":
            return view.item_id
        return view.response_id or self._owner.get(view.item_id or "")
