"""OpenAI GPT-Live: the client speaks first (``session.start``), audio flows both ways without turns
(gpt_live.md#2, gpt_live.md#20).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.core.frames import Hangup, Send, Sender
from mockserver.core.view import Audio, Kind, Lens, Spoken, View
from mockserver.dialects.base import Dialect, MatchRules, SampleFormat, base64_size, close_reason, event, spoken_at
from mockserver.dialects.causes import Causes, Turns
from mockserver.dialects.delegated_replies import ENVELOPE, DelegatedReplies
from mockserver.dialects.gpt_live_calls import LiveCalls
from mockserver.dialects.life import Life, Replies
from mockserver.dialects.openai.lens import CLOSE_CODES, OpenAI, error_event, summary
from mockserver.dialects.openai.sound import G711
from mockserver.dialects.problems import Problem, Trouble

_ABSENT = ("shape_retired", "reply_active", "nothing_to_cancel")
PROBLEMS: Mapping[Trouble, Problem] = {
    **{trouble: problem for trouble, problem in OpenAI.problems.items() if trouble not in _ABSENT},
    # The code was seen, its sentence was not (gpt_live.md#36).
    "insufficient_quota": replace(OpenAI.problems["insufficient_quota"], kind="credit_balance_exhausted"),
    "session_expired": Problem("expired", ""),  # session.closed (gpt_live.md#19)
}
"""Realtime's, but those of responses that are on their way: nobody asks for one here, and nobody cancels one."""
_REPEATED = {
    "session.started": ("session",),
    "session.updated": ("session",),
    "session.usage.updated": ("usage",),
}
WRAPPED = (ENVELOPE, "decision.event")
"""These hold an event of a reply that was delegated (gpt_live.md#25)."""


class GPTLive(Dialect):
    """``/v1/live/sessions``, and ``/openai/v1/live/sessions`` at Azure."""

    name = "gpt_live"
    title = "OpenAI GPT-Live"
    simulator = "gpt_live"
    words: tuple[str, ...] = ("openai_live",)
    upstream = OpenAI.upstream
    base_path = "/v1"
    socket_path = "/v1/live/sessions"
    paths = ("/live/sessions",)
    env_vars = OpenAI.env_vars
    calls = LiveCalls()
    problems = PROBLEMS
    does = {"insufficient quota": "gpt_live.md#36", "session expired": "gpt_live.md#19"}
    keys = replace(OpenAI.keys, headers=("authorization", "api-key"))  # a bearer, or Azure's header (gpt_live.md#1)
    harmless_headers = OpenAI.harmless_headers
    # Speech goes on and on: nothing says where a reply begins or ends, and no frame cancels one.
    life = Life(
        first=("session.start",),
        opening=("session.started",),
        requests=("response.create", "decision.create"),
        fails=(ENVELOPE,),
        deltas=(("session.output_audio.delta", "audio"), ("session.output_transcript.delta", "transcript")),
        instead="audio has no reply on this wire, so an orphan cannot be told; look at delegation_id, at "
        "previous_response_id, and with assert_spoken at what was heard",
    )
    examples = {
        "tie": "delegation_id on 2nd response.event",
        "outcome": "session.status to null on session.closed",
        "id": "delegation.response_id on session.delegation.created",
        "object": "event on 2nd response.event",
    }
    client_events = frozenset(
        {
            *(f"session.{what}" for what in ("start", "update", "close")),
            *(f"session.input_audio.{what}" for what in ("append", "mute", "unmute")),
            *(f"session.{what}.append" for what in ("instructions", "thinking", "commentary")),
            *("session.output_audio.fixture.play", "decision.create", "decision.item.create", "decision.item.delete"),
            *("response.item.create", "response.create"),
        }
    )
    server_events = frozenset(
        {
            *(f"session.{what}" for what in ("started", "updated", "closed", "paused", "resumed")),
            *(f"session.input_audio.{what}" for what in ("muted", "unmuted")),
            *(f"session.{what}.appended" for what in ("instructions", "thinking", "commentary")),
            *(f"session.{what}.delta" for what in ("output_audio", "input_transcript", "output_transcript")),
            *("session.delegation.created", "session.usage.updated", "response.event", "error", "info"),
            *("session.output_audio.fixture.playing", "session.output_audio.fixture.played"),
            *("decision.event", "decision.item.created", "decision.item.deleted"),
        }
    )
    own_clock = ("session.output_audio.delta", "session.output_transcript.delta")
    floating = (*own_clock, "session.usage.updated")
    positions = (  # gpt_live.md#24, gpt_live.md#32
        "session.delegation.created:offset_ms",
        "session.*.appended:start_ms",
        "session.*.appended:end_ms",
    )
    rules = MatchRules(
        volatile=("event_id",),
        ids=("**.event_id", "**.delegation_id", "item.call_id", "item.id"),
        optional=("session.input_audio.mute", "session.input_audio.unmute"),
    )

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By its first events."""
        return not {"session.start", "session.started"}.isdisjoint(str(body.get("type")) for _, body in said)

    def read(self, body: Any, sender: Sender) -> View:
        """Type, ids and audio of one event."""
        if not isinstance(body, dict) or not isinstance(body.get("type"), str):
            return View(Kind.EVENT, "json", body)
        name: str = body["type"]
        key = {"session.input_audio.append": "audio", "session.output_audio.delta": "delta"}.get(name)
        data = body.get(key) if key else None
        audio = Audio(base64_size(data), path=(key,)) if key and isinstance(data, str) else None
        kind = Kind.AUDIO if audio is not None and sender is Sender.CLIENT else Kind.EVENT
        told = body.get("event_id")
        return View(kind, name, body, audio, event_id=told if isinstance(told, str) else None)

    def inside(self, view: View) -> str:
        """What the backend says comes in envelopes, ``response.event`` and ``decision.event``."""
        event = view.body.get("event") if view.name in WRAPPED else None
        kind = event.get("type") if isinstance(event, dict) else None
        return f"{view.name} {kind}" if isinstance(kind, str) else view.name

    def endable(self, lens: Lens | None = None) -> Replies:
        """What was delegated."""
        return DelegatedReplies(lens or self)

    def causes(self) -> Causes:
        """The model speaks on a clock of its own; what it heard and what it delegates follows the client's audio."""
        return Turns(
            heard=("session.input_transcript.delta", "session.delegation.created"),
            apart=self.own_clock,
        )

    def audio_format(self, view: View, current: SampleFormat) -> SampleFormat:
        """``session.start`` sets it, for both directions (gpt_live.md#5, gpt_live.md#23)."""
        session = view.body.get("session") if view.name == "session.start" else None
        audio = session.get("audio") if isinstance(session, dict) else None
        told = audio.get("format") if isinstance(audio, dict) else None
        if not isinstance(told, dict):
            return current
        if told.get("type") in G711:
            return SampleFormat(8_000, 1)
        rate = told.get("rate")
        return SampleFormat(rate) if type(rate) is int and rate > 0 else SampleFormat()

    def summary(self, view: View) -> str:
        """As the rest of the family; of an event inside another, its name and what matters of it."""
        inside = view.body.get("event") if view.name in WRAPPED and isinstance(view.body, dict) else None
        if not isinstance(inside, dict):
            return summary(view)
        inner = self.read(inside, Sender.SERVER)
        return f"{inner.name} {summary(inner)}".rstrip()

    def spoken(self, view: View) -> Spoken | None:
        """Transcripts of both sides, and the pieces inside the events of a delegated reply (gpt_live.md#25)."""
        if view.name in WRAPPED:
            told = view.body.get("event")
            kind = told.get("type") if isinstance(told, dict) else None
            return spoken_at(view, ("event", "delta"), stream=str(kind))
        speaker = "user" if view.name == "session.input_transcript.delta" else "model"
        return spoken_at(view, ("delta",), speaker=speaker, own=("start_ms", "end_ms"))

    def snapshot(self, view: View) -> Mapping[str, Any]:
        """The session and how much audio it has had: ``session.closed`` repeats both (gpt_live.md#49)."""
        return {key: view.body[key] for key in _REPEATED.get(view.name, ()) if key in view.body}

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """``session.closed`` where the session's time is up. Else an error event and a close with Realtime's code: this
        service's own are unknown (gpt_live.md#45).
        """
        if problem.kind == "expired":
            told = {"usage": {"seconds": 0.0}, **problem.extra, "type": "session.closed", "reason": problem.kind}
            return [event(told), Hangup(code=1000)]
        reason = close_reason(f"{problem.type}.{problem.kind}")
        return [*self.complaint(problem), Hangup(code=CLOSE_CODES.get(problem.kind, 1011), reason=reason)]

    def complaint(self, problem: Problem) -> list[Send | Hangup]:
        """An error event; the client's event is ``client_event_id`` here (gpt_live.md#18)."""
        return [error_event(problem, "client_event_id")]


GPT_LIVE = GPTLive()
