"""One connection that is answered from a recording: matches what the client sends, plays what was recorded.

What is read ahead of the recording and what waits for what is ``engines.score``; how frames are compared is
``engines.matching``; what is said when they differ is ``engines.reports``. Here: the live session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mockserver.cassette.model import Connection
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
    Pairs,
    Peer,
    Received,
    Refuse,
    Sender,
    Tell,
    Text,
)
from mockserver.core.ids import Ids
from mockserver.core.machine import earliest
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect, MatchRules, Problem
from mockserver.dialects.causes import Role
from mockserver.engines.aliases import Aliases
from mockserver.engines.base import Context
from mockserver.engines.departures import Departure, Line, closest
from mockserver.engines.hearing import Ear, audio_bytes
from mockserver.engines.matching import Comparison, Difference, Matcher
from mockserver.engines.pacing import Pacing
from mockserver.engines.score import Step
from mockserver.engines.stage import Stage

BATCH = 256
"""Frames due at one time go out so many at once; the next ones a microsecond later, so that a shell can send in between."""
QUIET: Micros = 500_000
"""After so long without client audio, a little less than was recorded counts as all of it (``audio_slack_ms``)."""
NOT_REPLAYED = frozenset(
    ["connection", "upgrade", "date", "server", "content-length", "content-encoding", "transfer-encoding", "set-cookie", "keep-alive"]
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set of a replay, beside the rules."""

    pace: Pacing = Pacing()
    stall_after: Micros = 5_000_000  # silence on both sides before a note says what is waited for
    on_stall: Literal["note", "close"] = "note"
    patience: Micros = 5_000_000  # how much later than recorded an optional frame may come before its response ends anyway
    redact: Callable[[Frame], Frame] | None = None


class Replaying:
    """See the head of this module."""

    def __init__(
        self, connection: Connection, dialect: Dialect, rules: MatchRules, settings: Settings, context: Context
    ) -> None:
        self.connection, self.context = connection, context
        self.aliases = Aliases()
        self.departure: Departure | None = None
        self.client_gone: Frame | None = None
        self.over = False
        self.last_active: Micros = 0
        self.stalled_at: Micros | None = None
        self.lines: deque[Line] = deque(maxlen=60)
        self._dialect, self._rules, self._settings = dialect, rules, settings
        self._looking_at = 0
        self._minted: dict[str, bool] = {}
        self.matcher = Matcher(rules, self.aliases, self._server_minted)
        self.stage = Stage(connection, dialect, self.matcher, rules, settings.pace, aliases=self.aliases, lines=self.lines,
                           patience=settings.patience)
        self.score = self.stage.score
        self.ear = Ear()
        self._synced: tuple[Micros, int, int] = (0, 0, 0)  # recorded time, live bytes, recorded bytes at the last end
        self._quiet_at: Micros | None = None
        self._spoke_at: Micros = 0
        self._ids = Ids(context.rng("replay"))

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
                self.lines.append(Line(now, Sender.CLIENT, frame))
                self.last_active, self.stalled_at = now, None
                return self._received(frame, now)
            case Tell("cancel", data):
                self.stage.drop(str(data.get("response_id")), now)
                return self.wake(now)
        return []

    def wake_at(self) -> Micros | None:
        """When the next frame is due, or a wait has become a stall."""
        if self.over:
            return None
        due = self.stage.due()
        if due is not None:
            return due if self._quiet_at is None else min(due, self._quiet_at)
        stall = None
        if self.stalled_at is None and self._settings.stall_after and self.waits_for():
            stall = self.last_active + self._settings.stall_after
        return earliest(self._quiet_at, stall)

    def wake(self, now: Micros) -> list[Effect]:
        """Play what is due."""
        self.stage.at(now)
        if self._quiet_at is not None and self._quiet_at <= now:
            self._quiet(now)
        out = self.stage.play(now)
        if out:
            self.last_active = now
            self.over = self.stage.ended
        elif self.stage.due() is None and self._stalls(now):
            return self._stall(now)
        return out

    # --- the client's frames ---

    def _opened(self, handshake: Handshake, now: Micros) -> list[Effect]:
        answer = self.connection.answer
        if answer.status != 101:
            self.over = True
            return [Refuse(answer.status, _kept(answer.headers), answer.body)]
        chosen = answer.subprotocol
        if chosen not in handshake.subprotocols:
            # A browser fails the handshake where it offered some and none is selected (CLIENTS.md section 1).
            chosen = self._dialect.subprotocol(handshake.subprotocols)
        self.last_active = now
        self.score.open(now)
        return [Accept(chosen, _kept(answer.headers)), *self.wake(now)]

    def _received(self, frame: Frame, now: Micros) -> list[Effect]:
        if isinstance(frame, Close | Lost):
            return self._ended(frame, now)
        view = self.context.lens.view(frame, Sender.CLIENT)
        if view.kind is Kind.AUDIO and view.audio is not None:
            return self._heard(view, frame, now)
        self.ear.switch(self._dialect.audio_format(view, self.ear.format))
        seen, shown = frame, view
        if self._settings.redact is not None:
            seen = self._settings.redact(frame)
            shown = view if seen is frame else self._dialect.view(seen, Sender.CLIENT)
        step, compared = self._find(shown, seen)
        if step is not None and compared is not None:
            return self._matched(step, compared, now)
        if view.kind is Kind.KEEPALIVE or self._optional(view.name):
            return self._added(view, now)
        return self._depart(shown, seen, now)

    def _find(self, view: View, frame: Frame) -> tuple[Step | None, Comparison | None]:
        """The first recorded step that this frame can be."""
        blockers: list[Step] = []
        optional = self._optional(view.name)
        for step in self.score.pending(more=0 if optional else 64):
            if step.view.name == view.name and self._may_come(step):
                compared = self._compare(step, view, frame)
                if not compared.differences and all(self._dialect.independent(one.view, view) for one in blockers):
                    return step, compared
            if not step.optional:
                blockers.append(step)
        return None, None

    def _may_come(self, step: Step) -> bool:
        """A cancel is the recorded one only while its response runs, or once that was ended for want of it."""
        return not step.about or step.about in self.stage.active or any(one.time is not None for one in step.anchors)

    def _compare(self, step: Step, view: View, frame: Frame) -> Comparison:
        self._looking_at = step.index
        if view.body is not None and step.view.body is not None:
            return self.matcher.compare(step.view.name, step.view.body, view.body)
        if step.frame == frame:
            return Comparison()
        return Comparison([Difference("", getattr(step.frame, "data", step.frame), getattr(frame, "data", frame))])

    def _optional(self, name: str) -> bool:
        return self.score.optional(name)

    def _matched(self, step: Step, compared: Comparison, now: Micros) -> list[Effect]:
        if step.view.name in self._dialect.audio_ends and self._rules.audio != "ignore":
            unequal = self._end_of_audio(step, now)
            if unequal is not None:
                return self._depart(step.view, step.frame, now, unequal=(step, unequal))
        self.aliases.learn(compared.bindings)
        if step.about and self.stage.too_early(step.about, step.index):
            self.stage.drop(step.about, now, only=Role.DELTA)
        self.score.done(step, now)
        return self.wake(now)

    def _added(self, view: View, now: Micros) -> list[Effect]:
        """An optional frame that the recording does not hold: what the provider would say to it."""
        target = self.stage.running(view.response_id) if view.name in self._dialect.cancels else ""
        note = Note("replay", f"{view.name} is not in the recording and may be added", {"response": target})
        if not target:
            return [note, *self._dialect.added(view, active=False)]
        out = [note, *self.stage.cut_short(target, now, self._ids)]
        return [*out, *self.wake(now)]

    def _ended(self, frame: Frame, now: Micros) -> list[Effect]:
        self.client_gone = frame
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
        before = self.ear.size
        self.ear.take(view.audio)
        self.score.heard(self.ear.us, now)
        if self._rules.audio == "exact":
            recorded = self.score.heard_exactly or b""
            live = audio_bytes(view, frame)
            expected = bytes(recorded[before : before + len(live)])
            if expected != live[: len(expected)]:
                at = self.ear.format.micros(before) // 1000
                return self._depart(view, frame, now, why=f"the audio differs from the recorded one after {at} ms")
        waits = self.score.audio_waits
        # A slow client's pause between two pieces is no silence.
        pause, self._spoke_at = now - self._spoke_at, now
        self._quiet_at = now + max(QUIET, 3 * pause) if waits and waits[0][0] - self.ear.us <= self._slack(waits[0][0]) else None
        return self.wake(now)

    def _quiet(self, now: Micros) -> None:
        """No more audio came, and next to nothing is missing: that counts as all of it."""
        self._quiet_at = None
        waits = self.score.audio_waits
        if waits and waits[0][0] - self.ear.us <= self._slack(waits[0][0]):
            self.ear.jump(waits[0][0])
            self.score.heard(self.ear.us, now)

    def _slack(self, recorded: Micros) -> Micros:
        if self._rules.audio != "duration":
            return 0
        return min(self._rules.audio_slack_ms * 1_000, (recorded - self._synced[0]) // 10)

    def _end_of_audio(self, step: Step, now: Micros) -> Difference | None:
        """The client ends an utterance: it must be as long as the recorded one."""
        from_us, live_from, recorded_from = self._synced
        recorded, live = step.audio_us - from_us, self.ear.us - from_us
        sizes = step.audio_bytes - recorded_from, self.ear.size - live_from
        same = sizes[0] == sizes[1] if self._rules.audio != "duration" else abs(recorded - live) <= self._slack(step.audio_us)
        if not same:
            return Difference("the audio before it", f"{recorded / 1000:.0f} ms ({sizes[0]} bytes)",
                              f"{live / 1000:.0f} ms ({sizes[1]} bytes)")
        self.ear.jump(step.audio_us)
        self._synced = step.audio_us, self.ear.size, step.audio_bytes
        self.score.heard(self.ear.us, now)
        return None

    # --- departures and stalls ---

    def _depart(
        self, view: View, frame: Frame, now: Micros, *, why: str = "", unequal: tuple[Step, Difference] | None = None
    ) -> list[Effect]:
        """The client does something else than was recorded. It is told in the provider's words, the test in ours."""
        nearest = () if unequal is None else ((unequal[0], (unequal[1],)),)
        if unequal is None and not why:
            why, nearest = closest(self.score, self._dialect, view, lambda step: self._compare(step, view, frame))
        self.departure = Departure(now, frame, view, why, nearest, tuple(self.lines))
        self.over = True
        first = f"; nearest: {nearest[0][1][0]}" if nearest and nearest[0][1] else ""
        message = f"replay: {view.name} does not match the recording{f' ({why})' if why else ''}{first}"
        problem = Problem("replay_mismatch", message, event_id=view.event_id)
        return [Note("replay", message), *self._dialect.refusal(problem)]

    def waits_for(self) -> str:
        """What replay waits for, in words; "" where it waits for nothing."""
        if self.over:
            return ""
        step = self.next_step()
        if step is not None and step.view.kind not in (Kind.CLOSE, Kind.LOST):
            return f"client frame {step.number} ({step.view.name})"
        if self.score.audio_waits and any(anchor.waiting for _, anchor in self.score.audio_waits):
            needed = self.score.audio_waits[0][0]
            return f"{needed / 1000:.0f} ms of client audio ({self.ear.us / 1000:.0f} ms have come)"
        return ""

    def next_step(self) -> Step | None:
        """The first required step that has not come."""
        return next((step for step in self.score.pending(more=1) if not step.optional), None)

    def unplayed(self) -> Iterator[Step]:
        """The required steps that never came."""
        return (step for step in self.score.pending(more=len(self.connection.records)) if not step.optional)

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
        for record in self.connection.records[: self._looking_at + 1]:
            if isinstance(record.frame, Text) and token in record.frame.data:
                return record.sender
        return None

    def _name(self, frame: Frame) -> str:
        return self._dialect.peek(frame, Sender.SERVER)


def _kept(headers: Pairs) -> Pairs:
    return tuple(
        (name, value)
        for name, value in headers
        if name.lower() not in NOT_REPLAYED and not name.lower().startswith("sec-websocket-")
    )
