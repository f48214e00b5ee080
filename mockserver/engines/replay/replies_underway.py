"""The replies of a replay that are on their way, and those that were cut short."""

from __future__ import annotations

from mockserver.dialects.causes import TURNS, Role
from mockserver.engines.replay.steps import Cue


class RepliesUnderway:
    """``active``: the replies on their way, each with the cue that began it. ``cut``: those that were cut short, each
    with the role that its dropped cues have (None: all of them).
    """

    __slots__ = ("active", "cut")

    def __init__(self) -> None:
        self.active: dict[str, Cue] = {}
        self.cut: dict[str, Role | None] = {}

    def played(self, cue: Cue) -> None:
        """A cue went out: a reply may have begun with it, or ended."""
        if cue.role is Role.BEGINS:
            self.active[cue.response] = cue
        elif cue.role is Role.ENDS:
            self.active.pop(cue.response, None)

    def meant(self, response_id: str | None) -> str:
        """The one on its way with this id; without one that of the default conversation, as the schema has it. "" where
        there is none.
        """
        if response_id is not None:
            return response_id if response_id in self.active else ""
        return next((name for name, cue in reversed(self.active.items()) if cue.chain.name == TURNS), "")

    def drop(self, response: str, only: Role | None) -> None:
        """From here on cues of this reply are dropped: all, or those with one role in it."""
        self.cut[response] = only
        if only is None:
            self.active.pop(response, None)

    def drops(self, cue: Cue) -> bool:
        """Whether a cue is one of those that are dropped."""
        return cue.response in self.cut and self.cut[cue.response] in (None, cue.role)
