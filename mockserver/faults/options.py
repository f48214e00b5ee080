"""The keyword options that every fault constructor takes: where, and whether it may stay unused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypedDict

from mockserver.core.frames import Micros, Sender
from mockserver.core.typed import Name, Positive, checked
from mockserver.errors import UsageError
from mockserver.faults.action import Action
from mockserver.faults.base import Fault
from mockserver.faults.where import After, Unit, Where, as_events

On = str | Iterable[str] | Where
"""An event name or glob, several, or a whole ``Where``."""


class Options(TypedDict, total=False):
    """Where a fault applies, in the words of ``Where``. At most one ``after_*``. None is not given."""

    sender: Literal["client", "server"] | None  # by default: who sends such events, else the server
    before: bool  # faults that happen at a moment: before the frame, not after it
    nth: int | None  # only the n-th
    every: int | None  # every n-th
    response: int | Name | None  # the n-th response of the session, or its id
    item: int | Name | None  # the n-th item, or its id
    after_ms: Positive | None  # once this time has passed
    after_audio_ms: Positive | None  # once this much audio has gone by
    after_frames: int | None  # after n frames
    after_events: tuple[int, Name] | None  # after n of an event
    since: Name | None  # what "after" counts from; starts anew each time. Default: the session's begin
    probability: float
    seed: int | None  # dice of its own, whatever the session's seed is
    times: int | None  # at most n times in a session
    attempts: int | None  # only for the first n connections to the server
    connection: int | None  # only for the n-th connection to the server
    reconnected: bool  # for every connection but the first
    optional: bool  # may stay unused


@checked("fault")
def make(action: Action, on: On, options: Options) -> Fault:
    """A fault of an action and a constructor's arguments. UsageError where they do not fit."""
    given = {name: value for name, value in options.items() if value is not None}
    unknown = given.keys() - Options.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    optional = options.get("optional", False)
    given.pop("optional", None)
    if isinstance(on, Where):
        if given:
            raise UsageError(f"{min(given)}: is part of the Where; give one of them, not both")
        return Fault(action, on, optional)
    after = _after(options)
    sender = options.get("sender")
    where = Where(
        events=as_events(on),
        sender=None if sender is None else Sender(sender),
        before=options.get("before", False),
        nth=options.get("nth"),
        every=options.get("every"),
        response=options.get("response"),
        item=options.get("item"),
        after=after,
        probability=options.get("probability", 1.0),
        seed=options.get("seed"),
        times=options.get("times"),
        attempts=options.get("attempts"),
        connection=options.get("connection"),
        reconnected=options.get("reconnected", False),
    )
    return Fault(action, where, optional)


def _after(options: Options) -> After | None:
    since = options.get("since")
    found: list[tuple[int, Unit, str | None]] = []
    if (ms := options.get("after_ms")) is not None:
        found.append((round(ms * 1_000), "time", None))
    if (ms := options.get("after_audio_ms")) is not None:
        found.append((round(ms * 1_000), "audio", None))
    if (frames := options.get("after_frames")) is not None:
        found.append((frames, "frames", None))
    if (events := options.get("after_events")) is not None:
        found.append((events[0], "events", events[1]))
    if len(found) > 1:
        raise UsageError("after_ms, after_audio_ms, after_frames, after_events: give one of them, not several")
    if not found:
        if since is not None:
            raise UsageError("since: says what 'after' counts from; add after_ms, after_frames ...")
        return None
    amount, unit, event = found[0]
    return After(amount=amount, unit=unit, event=event, since=since)


def micros(seconds: float, name: str = "seconds") -> Micros:
    """Seconds as microseconds. UsageError where they are negative or not a number."""
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"{name}: expected seconds, 0 or more, got {seconds!r}")
    return round(seconds * 1_000_000)
