"""One connection that is answered from a recording: matches what the client sends, plays what was recorded.

Beside it: ``recording`` reads ahead and knows what waits for what, ``playback`` sends, ``matching`` compares frames,
and ``reports`` says how they differ. Here is the live session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from mockserver.cassette.model import Connection
from mockserver.core.burst import Burst, filled
from mockserver.core.frames import (
    Accept,
    Close,
    Effect,
    Event,
    Frame,
    Handshake,
    Lost,
    Micros,
    Note,
    Opened,
    Peer,
    Received,
    Refuse,
    Sender,
    Tell,
    Text,
    to_client,
)
from mockserver.core.ids import Ids
from mockserver.core.machine import earliest
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect, MatchRules
from mockserver.dialects.causes import Role
from mockserver.dialects.problems import Problem
from mockserver.engines.base import SessionContext
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.audio_progress import Hearing
from mockserver.engines.replay.departures import Departure, DepartureLine, Nearest, Overtake, closest, overtaker, unread
from mockserver.engines.replay.extra import Extra
from mockserver.engines.replay.handshake import kept, no_connection
from mockserver.engines.replay.matching import Comparison, Matcher, Mismatch, same_frame
from mockserver.engines.replay.pacing import Pacing
from mockserver.engines.replay.playback import SHOWN, Played, Stage
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.steps import Step


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What a user may set of a replay, beside the rules."""

    pace: Pacing = Pacing()
    stall_after: Micros = 5_000_000  # silence on both sides before a note says what is waited for
    on_stall: Literal["note", "close"] = "note"
    patience: Micros = 5_000_000  # how late an optional frame may come before its response ends
    redact: Callable[[Frame], Frame] | None = None


class Replaying:
    """The engine of one connection: it matches what the client sends and plays what was recorded."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        rules: MatchRules,
        settings: ReplaySettings,
        context: SessionContext,
        *,
        claim: Callable[[Replaying], Connection | str] | None = None,
    ) -> None:
        self.context = context
        self.reached = False  # a fault may answer a handshake so that no engine hears of it
        self._claim = claim
        self._dialect, self._rules, self._settings = dialect, rules, settings
        self._ids = Ids(context.rng("replay"))
        self._take(connection)

    def _take(self, connection: Connection) -> None:
        """Begin at the beginning of this recorded connection."""
        dialect, rules, settings = self._dialect, self._rules, self._settings
        self.connection = connection
        self.aliases = Aliases()
        self.departure: Departure | None = None
        self.opened = self.over = False
        self.last_active: Micros = 0
        self.stalled_at: Micros | None = None
        self.lines: deque[DepartureLine | Played] = deque(maxlen=SHOWN)
        self._looking_at = 0
        self._now: Micros = 0
        self.overtakes: list[Overtake] = []
        self._in_clear: object = None  # the body at hand before its secrets were taken out
        self._minted: dict[str, bool] = {}
        self.matcher = Matcher(rules, self.aliases, self._server_minted, connection.number)
        self.extra = Extra(rules, self.matcher)
        self.score = Score(connection, dialect, self.matcher, rules, settings.pace)
        self.stage = Stage(self.score, dialect, aliases=self.aliases, lines=self.lines, patience=settings.patience)
        self.hearing = Hearing(self.score, rules)

    # --- the machine ---

    def feed(self, item: Event, now: Micros) -> list[Effect]:
        """Something came from the client."""
        if self.over:
            return []
        self.stage.at(now)
        match item:
            case Opened(handshake):
                return self._opened(handshake, now)
            case Received(Peer.CLIENT, frame):
                self.lines.append(DepartureLine(now, Sender.CLIENT, frame))
                self.last_active, self.stalled_at = now, None
                return self._received(frame, now)
            case Tell("cancel", data):
                self.stage.drop(str(data.get("response_id")), now)
                return self.wake(now)
        return []

    def wake_at(self) -> Micros | None:
        """When the next frame is due, or a wait has become a stall."""
        if self.over or not self.opened:
            return None
        due = self.stage.due()
        if due is not None:
            return due if self.hearing.quiet_at is None else min(due, self.hearing.quiet_at)
        stall = None
        if self.stalled_at is None and self._settings.stall_after and self.waits_for():
            stall = self.last_active + self._settings.stall_after
        return earliest(self.hearing.quiet_at, stall)

    def wake(self, now: Micros) -> list[Effect]:
        """Play what is due."""
        out: list[Effect] = []
        for effect in self.wake_bursts(now):
            if isinstance(effect, Burst):
                out += map(to_client, effect)
            else:
                out.append(effect)
        return out

    def wake_bursts(self, now: Micros) -> Sequence[Effect | Burst]:
        """The same, with frames that go out together in bursts."""
        self.stage.at(now)
        if self.hearing.quiet_at is not None and self.hearing.quiet_at <= now:
            self.hearing.quiet(now)
        out = self.stage.play(now)
        if out:
            self.last_active = now
            self.over = self.stage.ended
        elif self.stage.due() is None and self._stalls(now):
            return self._stall(now)
        return out

    # --- the client's frames ---

    def _opened(self, handshake: Handshake, now: Micros) -> list[Effect]:
        if self._claim is not None:
            given = self._claim(self)
            if isinstance(given, str):
                self.over = True
                return no_connection(given)
            if given is not self.connection:
                self._take(given)
        self.reached = True
        answer = self.connection.answer
        if answer.status != 101:
            self.over = True
            return [Refuse(answer.status, kept(answer.headers), answer.body)]
        chosen = answer.subprotocol
        if chosen not in handshake.subprotocols:
            # A browser fails the handshake where it offered some and none is selected (clients.md#18).
            chosen = self._dialect.subprotocol(handshake.subprotocols)
        self.opened, self.last_active = True, now
        self.score.open(now)
        return [Accept(chosen, kept(answer.headers)), *self.wake(now)]

    def _received(self, frame: Frame, now: Micros) -> list[Effect]:
        self._now = now
        if isinstance(frame, Close | Lost):
            return self._ended()
        view = self.context.lens.view(frame, Sender.CLIENT)
        if view.kind is Kind.AUDIO and view.audio is not None:
            return self._heard(view, frame, now)
        self.hearing.ear.switch(self._dialect.audio_format(view, self.hearing.ear.format))
        seen: Frame = frame
        shown = view
        if self._settings.redact is not None:
            seen = self._settings.redact(frame)
            shown = view if seen is frame else self._dialect.view(seen, Sender.CLIENT)
        self._in_clear = None if seen is frame else view.body
        step, compared = self._find(shown, seen)
        if step is not None and compared is not None:
            return self._matched(step, compared, now)
        if view.kind is Kind.KEEPALIVE or self._optional(view.name) or self.extra.takes(shown):
            return self._added(view, now)
        return self._depart(shown, seen, now)

    def _find(self, view: View, frame: Frame) -> tuple[Step | None, Comparison | None]:
        """The first recorded step that this frame can be."""
        blockers: list[Step] = []
        optional = self._optional(view.name)
        for step in self.score.pending(more=0 if optional else 64):
            if step.view.name == view.name and self._may_come(step):
                compared = self._compare(step, view, frame)
                if not compared.differences and all(self._may_overtake(view, step, one) for one in blockers):
                    passed = [one for one in blockers if one.view.name == view.name]
                    if passed:
                        self.overtakes.append(Overtake(self._now, view, frame, step, passed[0]))
                    return step, compared
            if not step.optional:
                blockers.append(step)
        return None, None

    def _may_overtake(self, view: View, step: Step, earlier: Step) -> bool:
        """Whether a frame may come before one that was recorded earlier: by nature, or because it was seen to."""
        return self._dialect.independent(earlier.view, view) or self.extra.unordered(
            (earlier.view.name, earlier.which), (step.view.name, step.which), self.connection.number
        )

    def _may_come(self, step: Step) -> bool:
        """A cancel is the recorded one only while its response runs, or once that was ended for want of it."""
        return not step.about or step.about in self.stage.active or any(one.time is not None for one in step.anchors)

    def _compare(self, step: Step, view: View, frame: Frame) -> Comparison:
        self._looking_at = step.index
        if view.body is not None and step.view.body is not None:
            return self.matcher.compare(step.view.name, step.view.body, view.body, self._in_clear, step.which)
        if same_frame(step.frame, frame):
            return Comparison()
        return Comparison([Mismatch("", getattr(step.frame, "data", step.frame), getattr(frame, "data", frame))])

    def _optional(self, name: str) -> bool:
        return self.score.optional(name)

    def _matched(self, step: Step, compared: Comparison, now: Micros) -> list[Effect]:
        if step.view.name in self._dialect.audio_ends and not step.optional:
            unequal = self.hearing.end(step, now)
            if unequal is not None:
                return self._depart(step.view, step.frame, now, unequal=(step, unequal))
        self.aliases.learn(compared.bindings)
        if step.about and self.stage.too_early(step.about, step.index):
            self.stage.drop(step.about, now, only=Role.DELTA)
        self.score.done(step, now)
        self.stage.followed()
        return self.wake(now)

    def _added(self, view: View, now: Micros) -> list[Effect]:
        """An optional frame that the recording does not hold: what the provider would say to it."""
        target = self.stage.running(view.response_id) if view.name in self._dialect.life.cancels else ""
        note = Note("replay", f"{view.name} is not in the recording and may be added", {"response": target})
        if not target:
            return [note, *self._dialect.added(view)]
        tail = self.stage.cut_short(target, now, self._ids)
        return [note, *tail, *self.wake(now)]

    def _ended(self) -> list[Effect]:
        self.over = True
        for step in self.score.pending(more=64):
            if step.view.kind in (Kind.CLOSE, Kind.LOST):
                step.state = "done"
                break
        return []

    # --- audio ---

    def _heard(self, view: View, frame: Frame, now: Micros) -> list[Effect]:
        assert view.audio is not None
        if self._rules.audio == "ignore":
            return []
        if not self.score.holds_audio():
            return self._depart(view, frame, now, why="the client sends audio, and the recording holds none")
        why = self.hearing.take(view, frame, now)
        return self._depart(view, frame, now, why=why) if why else self.wake(now)

    # --- departures and stalls ---

    def _depart(
        self, view: View, frame: Frame, now: Micros, *, why: str = "", unequal: tuple[Step, Mismatch] | None = None
    ) -> list[Effect]:
        """The client does something else than was recorded. It is told in the provider's words, the test in ours."""
        nearest: Nearest = () if unequal is None else ((unequal[0], (unequal[1],)),)
        passed: Step | None = None
        if unequal is None and not why:
            compare = partial(self._compare, view=view, frame=frame)
            why, nearest, passed = closest(self.score, self._dialect, view, compare)
        told = self.told()
        if unequal is None:
            first = overtaker(self.overtakes, view, lambda step: self._compare(step, view, frame))
            if first is not None:
                # Two of a name: the one before this took the place of another, so it is the one that departed.
                compared = self._compare(first.passed, first.view, first.frame)
                nearest = ((first.passed, tuple(compared.differences)),)
                why = f"it was taken for client frame {first.step.number}, and the next {view.name} is that one"
                now, frame, view, passed = first.at, first.frame, first.view, None
                told = tuple(line for line in told if line.at <= now)
        self.departure = Departure(now, frame, view, why, nearest, told, passed)
        self.over = True
        hint = f"; nearest: {nearest[0][1][0]}" if nearest and nearest[0][1] else ""
        message = f"replay: {view.name} does not match the recording{f' ({why})' if why else ''}{hint}"
        problem = Problem("replay_mismatch", message, event_id=view.event_id)
        note = Note("replay", message.removeprefix("replay: "), {"departed": True})
        return [note, *self._dialect.refusal(problem)]

    def told(self) -> tuple[DepartureLine, ...]:
        """The live session so far, as a report may show it: without the client's secrets."""
        hide = self._settings.redact
        told: list[DepartureLine] = []
        for line in self.lines:
            if not isinstance(line, DepartureLine):
                at, text, fill = line
                told.append(DepartureLine(at, Sender.SERVER, Text(filled(text, fill))))
            elif hide is not None and line.sender is Sender.CLIENT:
                told.append(line._replace(frame=hide(line.frame)))
            else:
                told.append(line)
        return tuple(told)

    def waits_for(self) -> str:
        """What replay waits for, in words; "" where it waits for nothing."""
        if self.over:
            return ""
        steps = (step for step in self.score.pending() if not step.optional)
        step = next(steps, None)
        heard = f"{self.hearing.ear.us / 1000:.0f} ms have come"
        for needed, anchor in self.score.audio_waits:
            if anchor.waiting and (step is None or anchor.waiting[0].cues[0].index < step.index):
                return f"{needed / 1000:.0f} ms of client audio ({heard})"
            break
        if step is None:
            # So far ahead there is no other client frame, so it is audio that comes next.
            return "" if self.score.complete() else f"more client audio ({heard})"
        if step.view.kind in (Kind.CLOSE, Kind.LOST):
            return ""
        return f"client frame {step.number} ({step.view.name})"

    def unplayed(self) -> Iterator[Step]:
        """The required steps that never came. A recorded loss of the client need not come again."""
        return (
            step
            for step in (*self.score.pending(), *unread(self.score, self._dialect))
            if not step.optional and step.view.kind is not Kind.LOST
        )

    def _stalls(self, now: Micros) -> bool:
        after = self._settings.stall_after
        return bool(after) and self.stalled_at is None and now - self.last_active >= after and bool(self.waits_for())

    def _stall(self, now: Micros) -> list[Effect]:
        self.stalled_at = now
        message = f"nothing for {(now - self.last_active) / 1e6:.1f} s: waiting for {self.waits_for()}"
        note = Note("replay", message, {"stalled": True})
        if self._settings.on_stall == "note":
            return [note]
        self.over = True
        return [note, *self._dialect.refusal(Problem("replay_stalled", f"replay: {message}", type="server_error"))]

    def _server_minted(self, recorded: str) -> bool:
        """Whether an id was the server's: named by it before the client did."""
        known = self._minted.get(recorded)
        if known is None:
            known = self._minted[recorded] = self._first_said_by(recorded) is Sender.SERVER
        return known

    def _first_said_by(self, recorded: str) -> Sender | None:
        """Which side named an id first; None where neither did in a text of its own."""
        token = f'"{recorded}"'
        for place in range(self._looking_at + 1):
            record = self.connection.records[place]
            if isinstance(record.frame, Text) and token in record.frame.data:
                return record.sender
        return None
