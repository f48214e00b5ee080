"""Texts that come in pieces: a body without its piece, or with the words of all pieces in the place of its own."""

from __future__ import annotations

from typing import Any

from mockserver.core.view import Spoken, View
from mockserver.dialects.base import Dialect


def piece_of(dialect: Dialect, view: View) -> Spoken | None:
    """The words of a frame that is a piece of a text; None where it is none, or a whole text."""
    said = dialect.spoken(view)
    return None if said is None or said.whole else said


def worded(body: Any, said: Spoken, words: str | None, depth: int = 0) -> Any:
    """The body with other words, and without what was only of its own; with None also without what is empty then."""
    step, last = said.path[depth], depth == len(said.path) - 1
    if isinstance(body, list):
        inner = words if last else worded(body[int(step)], said, words, depth + 1)
        return [inner if place == step else one for place, one in enumerate(body)]
    if last:
        kept = {key: one for key, one in body.items() if key not in said.own}
        return {key: words if key == step else one for key, one in kept.items() if key != step or words is not None}
    inner = worded(body[step], said, words, depth + 1)
    return {key: inner if key == step else one for key, one in body.items() if key != step or inner}
