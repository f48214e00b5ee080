"""One connection that is answered from a recording: matches what the client sends, plays what was recorded.

What is read ahead of the recording and what waits for what is ``engines.score``; how frames are compared is
``engines.matching``; what is said when they differ is ``engines.reports``. Here: the live session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
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
    Send,
    Sender,
    Tell,
    Text,
    to_client,
)
from mockserver.core.ids import Ids
from mockserver.core.machine import earliest
from mockserver.core.view import Kind, View
from mockserver.dialects.base import AudioFormat, Dialect, MatchRules, Problem
from mockserver.dialects.causes import TURNS, Role
from mockserver.dialects.turns import Turns
from mockserver.engines.aliases import Aliases, cut
from mockserver.engines.base import Context
from mockserver.engines.matching import Comparison, Difference, Matcher
from mockserver.engines.pacing import Pacing
from mockserver.engines.score import Chain, Cue, Score, Step, audio_bytes

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


@dataclass(frozen=True, slots=True)
class Line:
    """One frame of the live session, for reports."""

    at: Micros
    sender: Sender
    frame: Frame


@dataclass(frozen=True, slots=True)
class Departure:
    """A client frame that nothing in the recording matches. ``nearest``: recorded frames and how they differ, best first."""

    at: Micros
    frame: Frame
    view: View
    why: str
    nearest: tuple[tuple[Step, tuple[Difference, ...]], ...]
    lines: tuple[Line, ...]


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
        self.score = Score(connection, dialect, self.matcher, rules, settings.pace, self._arm)
        self._heap: list[tuple[Micros, int, Cue]] = []
        self._now: Micros = 0
        self._resume: Micros = 0
        self._active: dict[str, Cue] = {}  # responses on their way, by the cue that began them
        self._format = AudioFormat()
        self._audio_bytes = 0
        self._format_base: tuple[Micros, int] = (0, 0)
        self.audio_us: Micros = 0
        self._synced: tuple[Micros, int, int] = (0, 0, 0)  # recorded time, live bytes, recorded bytes at the last end
        self._quiet_at: Micros | None = None
        self._ids = Ids(context.rng("replay"))

    # --- the machine ---

    def feed(self, item: Event, now: Micros) -> list[Effect]:
        """Something came from the client."""
        self._now = now
        if self.over:
            return []
        match item:
            case Opened(handshake):
                return self._opened(handshake, now)
            case Received(Peer.CLIENT, frame):
                self.lines.append(Line(now, Sender.CLIENT, frame))
                self.last_active, self.stalled_at = now, None
                return self._received(frame, now)
            case Tell("cancel", data):
                self._drop(lambda cue: cue.response == data.get("response_id"), now)
                self._active.pop(str(data.get("response_id")), None)
        return []

    def wake_at(self) -> Micros | None:
        """When the next frame is due, or a wait has become a stall."""
        if self.over:
            return None
        due = max(self._heap[0][0], self._resume) if self._heap else None
        if due is not None:
            return due if self._quiet_at is None else min(due, self._quiet_at)
        stall = None
        if self.stalled_at is None and self._settings.stall_after and self.waits_for():
            stall = self.last_active + self._settings.stall_after
        return earliest(self._quiet_at, stall)

    def wake(self, now: Micros) -> list[Effect]:
        """Play what is due."""
        self._now = now
        out: list[Effect] = []
        if self._quiet_at is not None and self._quiet_at <= now:
            self._quiet(now)
        heap = self._heap
        while heap and heap[0][0] <= now:
            if len(out) >= BATCH:
                self._resume = now + 1
                return out
            due, _, cue = heappop(heap)
            chain = cue.chain
            if cue.dropped or not chain.cues or chain.cues[0] is not cue:
                continue
            if cue.anchor.time is None:
                # An optional frame did not come in time: what it would have ended, ends.
                out.append(Note("replay", f"{self._name(cue.frame)} goes out although {cue.anchor.words} did not come"))
                self.score.settle(cue.anchor, now, whole=True)
                continue
            chain.cues.popleft()
            chain.last = due
            effect = cue.effect
            if cue.parts is not None and len(self.aliases):
                effect = to_client(Text(self.aliases.fill(cue.parts)))
            out.append(effect)
            self.lines.append(Line(due, Sender.SERVER, cue.frame))
            if cue.role is not Role.NONE:
                self._mark(cue)
            if chain.cues:
                self._arm(chain)
            self.score.sent(cue, now)
            if not isinstance(effect, Send):
                self.over = True
                return out
        if out:
            self.last_active = now
        elif not heap and self._stalls(now):
            return self._stall(now)
        return out

    # --- sending ---

    def _arm(self, chain: Chain) -> None:
        """Plan the first cue of a chain, now that it is the first or its anchor has come."""
        if not chain.cues:
            return
        cue = chain.cues[0]
        anchor = cue.anchor
        if anchor.time is None and cue.closing and anchor.left:
            self.score.settle(anchor, self._now, whole=True)
        if anchor.time is not None:
            heappush(self._heap, (max(anchor.time + cue.delay, chain.last), cue.index, cue))
            return
        if chain not in anchor.waiting:
            anchor.waiting.append(chain)
        if cue.closing:
            limit = max(chain.last, self._now) + self._settings.pace.gap(max(cue.delay, 0)) + self._settings.patience
            heappush(self._heap, (limit, cue.index, cue))

    def _mark(self, cue: Cue) -> None:
        if cue.role is Role.BEGINS:
            self._active[cue.response] = cue
        elif cue.role is Role.ENDS:
            self._active.pop(cue.response, None)

    def _drop(self, wanted: Callable[[Cue], bool], now: Micros) -> int:
        """Take cues out of the plan."""
        count = 0
        for chain in list(self.score.chains.values()):
            gone = [cue for cue in chain.cues if wanted(cue)]
            if not gone:
                continue
            first = chain.cues[0]
            chain.cues = deque(cue for cue in chain.cues if not wanted(cue))
            for cue in gone:
                cue.dropped = True
                self.score.sent(cue, now)
            count += len(gone)
            if first.dropped:
                self._arm(chain)
        return count

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
        self._set_format(self._dialect.audio_format(view, self._format))
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
            if step.view.name == view.name and (not step.about or step.about in self._active or step.state == "left"):
                compared = self._compare(step, view, frame)
                if not compared.differences and all(self._dialect.independent(one.view, view) for one in blockers):
                    return step, compared
            if not step.optional:
                blockers.append(step)
        return None, None

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
        if step.about:
            early = any(
                cue.role is Role.DELTA and cue.response == step.about and cue.index < step.index
                for chain in self.score.chains.values()
                for cue in chain.cues
            )
            if early:
                self._drop(lambda cue: cue.role is Role.DELTA and cue.response == step.about, now)
        self.score.done(step, now)
        return self.wake(now)

    def _added(self, view: View, now: Micros) -> list[Effect]:
        """An optional frame that the recording does not hold: what the provider would say to it."""
        target = ""
        if view.name in self._dialect.cancels:
            # Without an id it is the one in the default conversation (published schema, response.cancel).
            running = [name for name, cue in self._active.items() if view.response_id in (name, None)]
            running = [name for name in running if view.response_id or self._active[name].chain.name == TURNS]
            target = running[-1] if running else ""
        note = Note("replay", f"{view.name} is not in the recording and may be added", {"response": target})
        if not target:
            return [note, *self._dialect.added(view, active=False)]
        out = [note, *self._cut_short(target, now)]
        return [*out, *self.wake(now)]

    def _cut_short(self, response: str, now: Micros) -> list[Send]:
        """End a response that the recording let go on: drop what is left of it, say what the provider says."""
        began = self._active.pop(response)
        planned = {cue.index for chain in self.score.chains.values() for cue in chain.cues}
        turns = Turns(self._dialect)
        for place in range(began.index, self.score.progress + 1):
            record = self.connection.records[place]
            if record.sender is Sender.SERVER and place not in planned:
                turns.see(Sender.SERVER, self._as_sent(record.frame))
        self._drop(lambda cue: cue.response == response, now)
        if response not in turns.open:
            return []
        return [to_client(frame) for frame in turns.cancelled_tail(response, "client_cancelled", self._ids)]

    def _as_sent(self, frame: Frame) -> Frame:
        parts = cut(frame.data, self.score.ids) if isinstance(frame, Text) else None
        return frame if parts is None else Text(self.aliases.fill(parts))

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
        self._set_format(AudioFormat(view.audio.rate, 2) if view.audio.rate else self._format)
        before = self._audio_bytes
        self._audio_bytes += view.audio.size
        start, size = self._format_base
        self.audio_us = start + self._format.micros(self._audio_bytes - size)
        self.score.heard(self.audio_us, now)
        if self._rules.audio == "exact":
            recorded = self.score.heard_exactly or b""
            live = audio_bytes(view, frame)
            expected = bytes(recorded[before : before + len(live)])
            if expected != live[: len(expected)]:
                at = self._format.micros(before) // 1000
                return self._depart(view, frame, now, why=f"the audio differs from the recorded one after {at} ms")
        waits = self.score.audio_waits
        self._quiet_at = now + QUIET if waits and waits[0][0] - self.audio_us <= self._slack(waits[0][0]) else None
        return self.wake(now)

    def _quiet(self, now: Micros) -> None:
        """No more audio came, and next to nothing is missing: that counts as all of it."""
        self._quiet_at = None
        waits = self.score.audio_waits
        if waits and waits[0][0] - self.audio_us <= self._slack(waits[0][0]):
            self._jump(waits[0][0])
            self.score.heard(self.audio_us, now)

    def _slack(self, recorded: Micros) -> Micros:
        if self._rules.audio != "duration":
            return 0
        return min(self._rules.audio_slack_ms * 1_000, (recorded - self._synced[0]) // 10)

    def _end_of_audio(self, step: Step, now: Micros) -> Difference | None:
        """The client ends an utterance: it must be as long as the recorded one."""
        from_us, live_from, recorded_from = self._synced
        recorded, live = step.audio_us - from_us, self.audio_us - from_us
        sizes = step.audio_bytes - recorded_from, self._audio_bytes - live_from
        same = sizes[0] == sizes[1] if self._rules.audio != "duration" else abs(recorded - live) <= self._slack(step.audio_us)
        if not same:
            return Difference("the audio before it", f"{recorded / 1000:.0f} ms ({sizes[0]} bytes)",
                              f"{live / 1000:.0f} ms ({sizes[1]} bytes)")
        self._jump(step.audio_us)
        self._synced = step.audio_us, self._audio_bytes, step.audio_bytes
        self.score.heard(self.audio_us, now)
        return None

    def _jump(self, position: Micros) -> None:
        """The live audio stands where the recorded one stood."""
        self.audio_us = position
        self._format_base = position, self._audio_bytes

    def _set_format(self, wanted: AudioFormat) -> None:
        if wanted != self._format:
            self._format_base = self.audio_us, self._audio_bytes
            self._format = wanted

    # --- departures and stalls ---

    def _depart(
        self, view: View, frame: Frame, now: Micros, *, why: str = "", unequal: tuple[Step, Difference] | None = None
    ) -> list[Effect]:
        """The client does something else than was recorded. It is told in the provider's words, the test in ours."""
        nearest: list[tuple[int, Step, tuple[Difference, ...]]] = []
        if unequal is not None:
            nearest = [(0, unequal[0], (unequal[1],))]
        elif not why:
            why = self._rank(view, frame, nearest)
        ranked = tuple((step, told) for _, step, told in sorted(nearest, key=lambda one: (one[0], one[1].number))[:3])
        self.departure = Departure(now, frame, view, why, ranked, tuple(self.lines))
        self.over = True
        first = f"; nearest: {ranked[0][1][0]}" if ranked and ranked[0][1] else ""
        message = f"replay: {view.name} does not match the recording{f' ({why})' if why else ''}{first}"
        problem = Problem("replay_mismatch", message, event_id=view.event_id)
        return [Note("replay", message), *self._dialect.refusal(problem)]

    def _rank(self, view: View, frame: Frame, nearest: list[tuple[int, Step, tuple[Difference, ...]]]) -> str:
        """Fill ``nearest``; returns what can be said in words."""
        blockers: list[Step] = []
        why = ""
        for step in self.score.pending(more=20):
            if step.view.kind in (Kind.CLOSE, Kind.LOST):
                continue
            compared = self._compare(step, view, frame)
            differences = compared.differences or []
            if step.view.name != view.name:
                differences = [Difference("type", step.view.name, view.name)]
            elif not differences:
                first = next((one for one in blockers if not self._dialect.independent(one.view, view)), None)
                if first is not None and not why:
                    why = f"it is recorded, but client frame {first.number} ({first.view.name}) comes before it"
            nearest.append((Comparison(differences).weight(), step, tuple(differences)))
            if not step.optional:
                blockers.append(step)
        if not nearest:
            return "the recording holds no further client frame"
        if not why:
            done = [step for step in self.score.steps if step.state == "done" and step.view.name == view.name]
            if any(not self._compare(step, view, frame).differences for step in done):
                why = "a frame like it has already come as often as recorded"
        return why

    def waits_for(self) -> str:
        """What replay waits for, in words; "" where it waits for nothing."""
        if self.over:
            return ""
        step = self.next_step()
        if step is not None and step.view.kind not in (Kind.CLOSE, Kind.LOST):
            return f"client frame {step.number} ({step.view.name})"
        if self.score.audio_waits and any(anchor.waiting for _, anchor in self.score.audio_waits):
            needed = self.score.audio_waits[0][0]
            return f"{needed / 1000:.0f} ms of client audio ({self.audio_us / 1000:.0f} ms have come)"
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
