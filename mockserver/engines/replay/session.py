"""One connection that is answered from a recording: matches what the client sends, plays what was recorded.

Here is the live session. It brings from one part to the others what each returns: ``recording`` reads ahead and knows
what waits for what, ``playback`` sends, ``step_finder`` says which recorded frame a live one is, ``audio_progress`` how
much was heard, ``stall_clock`` when a wait is a stall, and ``departures`` what a frame is that was not recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from mockserver.cassette.model import Connection
from mockserver.core.burst import Burst
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
from mockserver.engines.replay.cut_short import closing
from mockserver.engines.replay.departures import Departure, Nearest, departed, nothing_came, unread
from mockserver.engines.replay.handshake import kept, no_connection
from mockserver.engines.replay.late_client import LateClient
from mockserver.engines.replay.live_lines import LiveLines
from mockserver.engines.replay.matching import Comparison
from mockserver.engines.replay.playback import Stage
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.settings import Booking, ReplaySettings
from mockserver.engines.replay.stall_clock import StallClock
from mockserver.engines.replay.step_finder import LiveFrame, StepFinder
from mockserver.engines.replay.steps import Step


class Replaying:
    """The engine of one connection: it matches what the client sends and plays what was recorded.

    ``booking`` says which recorded connection that is, once a handshake has reached the engine; or why there is none.
    """

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        rules: MatchRules,
        settings: ReplaySettings,
        context: SessionContext,
        *,
        booking: Booking | None = None,
    ) -> None:
        self.context = context
        self._came = Handshake(), 0  # how the client came, and when
        self.reached = False  # a fault may answer a handshake so that no engine hears of it
        self._state: Literal["new", "open", "over", "left"] = "new"
        self.departure: Departure | None = None
        self.stall = StallClock(settings.stall_after)
        self.lines = LiveLines(settings.redact)
        self._booking = booking
        self._absent: Connection | None = None  # the one that this was to be, whose client gave it up
        self._doubt: tuple[Micros, list[Effect]] | None = None  # a departure that is told then, and how
        self._dialect, self._rules, self._settings = dialect, rules, settings
        self._ids = Ids(context.rng("replay"))
        self._take(connection)

    def _take(self, connection: Connection) -> None:
        """Begin at the beginning of this recorded connection."""
        dialect, rules, settings = self._dialect, self._rules, self._settings
        self.connection = connection
        self.aliases = Aliases()
        self.finder = StepFinder(connection, dialect, rules, self.aliases)
        self.score = score = Score(connection, dialect, self.finder.matcher, settings.pace)
        self.hearing = Hearing(score.audio, score.records, rules)
        self.stage = Stage(
            score.chains,
            LateClient(score.steps.read, len(score.records)),
            opening=score.opening,
            at_once=score.at_once,
            aliases=self.aliases,
            dialect=dialect,
            patience=settings.patience,
        )

    @property
    def over(self) -> bool:
        """Whether nothing comes of anything any more."""
        return self._state in ("over", "left")

    @property
    def left(self) -> bool:
        """Whether it ended because the client left."""
        return self._state == "left"

    # --- the machine ---

    def feed(self, item: Event, now: Micros) -> list[Effect]:
        """Something came from the client."""
        if self.over:
            return []
        self.stage.now = now
        match item:
            case Opened(handshake):
                return self._opened(handshake, now)
            case Received(Peer.CLIENT, frame):
                self.lines.client(frame, now)
                self.stall.client_spoke(now)
                return self._received(frame, now)
            case Tell("cancel", data):
                self.score.follow(self.stage.drop(str(data.get("response_id")), now), now)
                return self.wake(now)
        return []

    def wake_at(self) -> Micros | None:
        """When the next frame is due, or a wait has become a stall."""
        if self._state != "open":
            return None
        if self._doubt is not None:
            return self._doubt[0]
        due = self._due()
        if due is None:
            stall = self.stall.due()
            due = stall if stall is not None and self.waits_for() else None
        return earliest(due, self.hearing.quiet_at)

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
        if self._doubt is not None:
            return self._departed() if self._doubt[0] <= now else []
        self.stage.now = now
        if self.hearing.quiet_at is not None and self.hearing.quiet_at <= now:
            heard = self.hearing.quiet()
            if heard is not None:
                self.score.heard(heard, now)
        out: list[Effect | Burst] = []
        self.score.follow(self.stage.play(now, out), now)
        self.lines.played(out, now)
        if out:
            self.stall.server_spoke(now)
            self._state = "over" if self.stage.ended else self._state
        elif self._due() is None:
            stall = self.stall.due()
            if stall is not None and stall <= now and self.waits_for():
                return self._stall(now)
        return out

    def _due(self) -> Micros | None:
        """When the next frame is due."""
        if self.score.chains.changed:
            self.score.follow(self.stage.take_up(), self.stage.now)
        return self.stage.due()

    # --- the client's frames ---

    def _opened(self, handshake: Handshake, now: Micros) -> list[Effect]:
        if self._booking is not None:
            given = self._booking.claim()
            if isinstance(given, str):
                self._state = "over"
                return no_connection(given)
            if given is not self.connection:
                self._take(given)
        self.reached = True
        answer = self.connection.answer
        if answer.status != 101:
            self._state = "over"
            return [Refuse(answer.status, kept(answer.headers), answer.body)]
        chosen = answer.subprotocol
        if chosen not in handshake.subprotocols:
            # A browser fails the handshake where it offered some and none is selected (clients.md#18).
            chosen = self._dialect.subprotocol(handshake.subprotocols)
        self._state, self._came = "open", (handshake, now)
        self.stall.server_spoke(now)
        self.score.open(now)
        return [Accept(chosen, kept(answer.headers)), *self.wake(now)]

    def _received(self, frame: Frame, now: Micros) -> list[Effect]:
        if isinstance(frame, Close | Lost):
            return self._ended()
        if self._doubt is not None:
            return self._departed()
        if moved := self._moves(frame, now):
            return moved
        view = self.context.lens.view(frame, Sender.CLIENT)
        if view.kind is Kind.AUDIO and view.audio is not None:
            return self._heard(view, frame, now)
        clock = self.hearing.clock
        clock.switch(self._dialect.audio_format(view, clock.format))
        live = self._shown(view, frame, now)
        found = self.finder.find(live, self.score, self.stage.replies.active)
        if found is not None:
            return self._matched(*found, now)
        optional = view.kind is Kind.KEEPALIVE or self.score.optional.hold(view.name)
        if optional or self.finder.may_be_added(live.view):
            return self._added(view, now)
        return self._put_off(live) or self._depart(live)

    def _shown(self, view: View, frame: Frame, now: Micros) -> LiveFrame:
        """The frame as it is compared with a recording, whose secrets were taken out."""
        if self._settings.redact is not None:
            seen = self._settings.redact(frame)
            if seen is not frame:
                return LiveFrame(now, self._dialect.view(seen, Sender.CLIENT), seen, view.body)
        return LiveFrame(now, view, frame)

    def _matched(self, step: Step, compared: Comparison, now: Micros) -> list[Effect]:
        if step.view.name in self._dialect.audio_ends and not step.optional:
            unequal = self.hearing.end(step)
            if unequal is not None:
                return self._depart(LiveFrame(now, step.view, step.frame), nearest=((step, (unequal,)),))
            if self._rules.audio != "ignore":
                self.score.heard(self.hearing.clock.us, now)
        self.aliases.learn(compared.bindings)
        if step.about and self.score.chains.too_early(step.about, step.index):
            self.score.follow(self.stage.drop(step.about, now, only=Role.DELTA), now)
        self.score.done(step, now)
        self.stage.late.followed()
        return self.wake(now)

    def _added(self, view: View, now: Micros) -> list[Effect]:
        """An optional frame that the recording does not hold: what the provider would say to it."""
        replies = self.stage.replies
        target = replies.meant(view.response_id) if view.name in self._dialect.life.cancels else ""
        note = Note("replay", f"{view.name} is not in the recording and may be added", {"response": target})
        if not target:
            return [note, *self._dialect.added(view)]
        tail = closing(replies.active[target], self.score, self._dialect, self.aliases, self._ids)
        self.score.follow(self.stage.drop(target, now), now)
        return [note, *tail, *self.wake(now)]

    def _ended(self) -> list[Effect]:
        self._state = "left"
        if self._doubt is not None:
            self._doubt = self.departure = None
        if self._absent is not None and self._booking is not None and nothing_came(self.lines, self._dialect):
            self._booking.back(self._absent)
            self.connection = self._absent
            return [Note("replay", f"the client gave it up: it was connection {self._absent.number} after all")]
        for step in self.score.pending(more=64):
            if step.view.kind in (Kind.CLOSE, Kind.LOST):
                step.state = "done"
                break
            if _asks(step) and self._booking is not None and self._booking.others() is not None:
                what = f"{step.view.name}, which the recorded one had sent before it gave this connection up"
                return [Note("replay", f"the client left before {what}")]
        return []

    # --- a connection that the recorded client gave up before anything came of it ---

    def _others(self) -> Sequence[Connection] | None:
        """How far the recorded client came is chance: what this may be in its place. None but for a first frame."""
        return self._booking.others() if self._booking is not None and len(self.lines) == 1 else None

    def _moves(self, frame: Frame, now: Micros) -> list[Effect]:
        """The client's first frame is that of a connection that was opened later: then it is taken for that one."""
        for connection in self._others() or ():
            probe = Replaying(connection, self._dialect, self._rules, self._settings, self.context)
            handshake, opened_at = self._came
            probe.feed(Opened(handshake), opened_at)
            probe.feed(Received(Peer.CLIENT, frame), now)
            if probe.departure is None and self._booking is not None:
                self._booking.move(connection)
                self._absent = given_up = self.connection
                self._take(connection)
                self.stage.now = now
                self.score.open(opened_at)
                numbers = f"connection {given_up.number}, which the recorded client gave up"
                note = Note("replay", f"{numbers}, did not come: this is {connection.number}")
                return [note, *self._received(frame, now)]
        return []

    def _put_off(self, live: LiveFrame) -> list[Effect]:
        """A set-up that the recorded client did not come to: this one may leave as well, without an answer."""
        name = live.view.name
        if self._others() is None or name not in self._dialect.life.first or any(map(_asks, self.score.steps.read)):
            return []
        told = self._depart(live)
        self._state = "open"
        self._doubt = live.at + self._settings.patience, told
        return [Note("replay", f"{name} is not in the recording, whose client had left: no answer")]

    def _departed(self) -> list[Effect]:
        """The client that was to leave did not."""
        assert self._doubt is not None
        (_, told), self._doubt = self._doubt, None
        self._state = "over"
        return told

    # --- audio ---

    def _heard(self, view: View, frame: Frame, now: Micros) -> list[Effect]:
        assert view.audio is not None
        if self._rules.audio == "ignore":
            return []
        why = "the client sends audio, and the recording holds none"
        if self.score.holds_audio():
            self.score.heard(self.hearing.take(view.audio), now)
            why = self.hearing.compare(view, frame)
        if why:
            return self._depart(LiveFrame(now, view, frame), why=why)
        self.hearing.await_quiet(now)
        return self.wake(now)

    # --- departures and stalls ---

    def _depart(self, live: LiveFrame, *, why: str = "", nearest: Nearest = ()) -> list[Effect]:
        """The client does something else than was recorded. It is told in the provider's words, the test in ours.

        ``why``, ``nearest``: where it is known already in words, or how it differs from the step that it is.
        """
        self.departure = departure = departed(live, self.lines.told(), self.finder, self.score, why, nearest)
        self._state = "over"
        problem = departure.problem()
        note = Note("replay", problem.message.removeprefix("replay: "), {"departed": True})
        return [note, *self._dialect.refusal(problem)]

    def waits_for(self) -> str:
        """What replay waits for, in words; "" where it waits for nothing."""
        if self.over:
            return ""
        steps = (step for step in self.score.pending() if not step.optional)
        step = next(steps, None)
        heard = f"{self.hearing.clock.us / 1000:.0f} ms have come"
        for needed, anchor in self.score.audio.waits:
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

    def _stall(self, now: Micros) -> list[Effect]:
        lasted = self.stall.stalls(now)
        message = f"nothing for {lasted / 1e6:.1f} s: waiting for {self.waits_for()}"
        note = Note("replay", message, {"stalled": True})
        if self._settings.on_stall == "note":
            return [note]
        self._state = "over"
        return [note, *self._dialect.refusal(Problem("replay_stalled", f"replay: {message}", type="server_error"))]


def _asks(step: Step) -> bool:
    """Whether the client says something with it."""
    return step.view.kind not in (Kind.CLOSE, Kind.LOST) and not step.optional
