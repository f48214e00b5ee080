"""What differs between two cassettes: steps only one has, fields that changed. Ids, times and chunks do not count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.normal import Names, Step, dumps, steps
from mockserver.cassette.patterns import stands_for
from mockserver.cassette.render import lens_of
from mockserver.core.frames import Close, Lost, Sender
from mockserver.core.timeline import safe, seconds_of

SLACK_MS = 50
"""How much the audio of two streams may differ in length before it counts as a difference of its own."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``frames``: the frame's number in the first and in the second cassette (None: not there)."""

    where: str
    frames: tuple[int | None, int | None]
    what: str

    def __str__(self) -> str:
        left, right = ("-" if number is None else str(number) for number in self.frames)
        return safe(f"{self.where} [{left} | {right}] {self.what}", 600)


def diff(first: Cassette, second: Cassette) -> list[Difference]:
    """The differences between two cassettes; an empty list where they hold the same conversation."""
    return list(_all(first, second))


def _all(first: Cassette, second: Cassette) -> Iterator[Difference]:
    for field in ("dialect", "ended", "audio"):
        yield from _changed("header", (None, None), field, getattr(first.header, field), getattr(second.header, field))
    names = (Names(), Names())
    for left, right in zip_longest(first.connections, second.connections):
        if left is None or right is None:
            one: Connection = left or right
            side = "only in the first" if right is None else "only in the second"
            yield Difference(f"connection {one.number}", (None, None), f"{side} ({len(one.records)} frames)")
            continue
        where = f"connection {left.number}"
        none = (None, None)
        yield from _changed(where, none, "path", left.handshake.path, right.handshake.path)
        yield from _changed(where, none, "query", dict(left.handshake.query), dict(right.handshake.query))
        offered = [[*one.handshake.subprotocols] for one in (left, right)]
        yield from _changed(where, none, "subprotocols", *offered)
        yield from _changed(where, none, "answer", left.answer.status, right.answer.status)
        a = list(steps(left, lens_of(first), names[0]))
        b = list(steps(right, lens_of(second), names[1]))
        yield from _aligned(where, _heard(a, b, right), _heard(b, a, left))
    for number, (mine, theirs) in enumerate(zip_longest(first.exchanges, second.exchanges)):
        said = [None if one is None else f"{one.method} {one.path} -> {one.status}" for one in (mine, theirs)]
        yield from _changed(f"http {number}", (None, None), "exchange", *said)


def _heard(mine: list[Step], theirs: list[Step], other: Connection) -> list[Step]:
    """My steps without the floating ones that the other client, who left by itself, may have left too early for."""
    if not any(isinstance(one.frame, Close | Lost) and one.sender is Sender.CLIENT for one in other.records[-1:]):
        return mine
    there = Counter(step.name for step in theirs if step.floating)
    here = Counter(step.name for step in mine if step.floating)
    kept = []
    for step in reversed(mine):
        if step.floating and here[step.name] > there[step.name]:
            here[step.name] -= 1
            continue
        kept.append(step)
    return kept[::-1]


def _aligned(where: str, a: Sequence[Step], b: Sequence[Step]) -> Iterator[Difference]:
    """Steps are laid side by side by sender and name, so that one more or less does not shift all the rest."""
    mine, theirs = ([(step.sender, step.name) for step in side] for side in (a, b))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, mine, theirs, len(a) + len(b) > 4_000).get_opcodes():
        if tag == "equal":
            for left, right in zip(a[i1:i2], b[j1:j2], strict=True):
                yield from _step(where, left, right)
            continue
        yield from (Difference(where, (one.first, None), f"only in the first: {one.line()}") for one in a[i1:i2])
        yield from (Difference(where, (None, one.first), f"only in the second: {one.line()}") for one in b[j1:j2])


def _step(where: str, left: Step, right: Step) -> Iterator[Difference]:
    frames = (left.first, right.first)
    yield from _changed(f"{where} {left.name}", frames, "", left.body, right.body)
    before, after = left.audio_ms or 0, right.audio_ms or 0
    if abs(before - after) > SLACK_MS:
        what = f"audio: {seconds_of(before)} -> {seconds_of(after)}"
        yield Difference(f"{where} {left.name}", frames, what)
    elif left.sound != right.sound:
        yield Difference(f"{where} {left.name}", frames, f"audio: {seconds_of(before)}, with another content")


def _changed(
    where: str, frames: tuple[int | None, int | None], path: str, left: Any, right: Any
) -> Iterator[Difference]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*left, *right)):
            here = f"{path}.{key}" if path else key
            if key not in right:
                yield Difference(where, frames, f"{here}: only in the first ({_short(left[key])})")
            elif key not in left:
                yield Difference(where, frames, f"{here}: only in the second ({_short(right[key])})")
            else:
                yield from _changed(where, frames, here, left[key], right[key])
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, (mine, theirs) in enumerate(zip(left, right, strict=True)):
            yield from _changed(where, frames, f"{path}.{number}" if path else str(number), mine, theirs)
    elif isinstance(left, str) and isinstance(right, str) and (stands_for(left, right) or stands_for(right, left)):
        return  # equal but for secrets, which have other names in another recording
    elif type(left) is not type(right) or left != right:
        yield Difference(where, frames, f"{path}{': ' if path else ''}{_short(left)} -> {_short(right)}")


def _short(value: Any) -> str:
    text = dumps(value)
    return text if len(text) <= 200 else text[:199] + "…"
