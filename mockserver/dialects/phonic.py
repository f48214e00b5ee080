"""Phonic: JSON text both ways, the client speaks first (``config``), audio in ``audio_chunk``
(phonic.md#2, phonic.md#5, phonic.md#6).
"""

from __future__ import annotations

import re
from typing import Any

from mockserver.core.frames import Hangup, Send, Sender
from mockserver.core.view import Audio, Kind, Spoken, View
from mockserver.dialects.base import Dialect, MatchRules, SampleFormat, base64_size, close_reason, event, spoken_at
from mockserver.dialects.causes import Causes, Turns
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Life
from mockserver.dialects.pointing import phonic_clients
from mockserver.dialects.problems import Problem

_FORMAT = re.compile(r"(pcm|mulaw|alaw)_([1-9][0-9]{0,8})")


class Phonic(Dialect):
    """Turns are told by ``*_started_speaking`` and ``*_finished_speaking``."""

    name = "phonic"
    title = "Phonic"
    simulator = "phonic"
    upstream = "https://api.phonic.ai"
    socket_path = "/v1/sts/ws"
    paths = ("/v1/sts/ws",)
    env_vars = {"PHONIC_API_KEY": "{key}"}
    keys = Keys(begins=(("ph_", 16),), env="PHONIC_API_KEY")
    points = staticmethod(phonic_clients)
    rules = MatchRules(ids=("tool_call_id",), optional=("mute", "unmute"))
    life = Life(
        opening=("conversation_created",),
        requests=("generate_reply", "say"),
        begins=("assistant_started_speaking",),
        deltas=(("audio_chunk", "audio"),),
        parts=("tool_call",),
        ends=("assistant_finished_speaking",),
        cuts=("interrupted_response",),
        heard=("user_started_speaking", "generate_reply", "say"),
        instead="replies have no ids on this wire, so an orphan cannot be told; look at interrupted_response, and with "
        "assert_spoken at what was heard",
    )
    examples = {
        "tie": "tool_call_id on tool_call",
        "outcome": 'type to "noise" on {end}',
        "id": "tool_call_id on tool_call",
        "object": "parameters on tool_call",
    }
    client_events = frozenset(
        {
            *("config", "audio_chunk", "update_system_prompt", "add_system_message", "set_external_id"),
            *("tool_call_output", "say", "generate_reply", "mute", "unmute", "reset", "update_tools_subset"),
        }
    )
    server_events = frozenset(
        {
            *("conversation_created", "conversation_reconnected", "ready_to_start_conversation", "audio_chunk"),
            *("input_text", "input_cancelled"),
            *("user_started_speaking", "user_finished_speaking", "interrupted_response", "tool_call"),
            *("assistant_started_speaking", "assistant_finished_speaking", "assistant_chose_not_to_respond"),
            *("assistant_ended_conversation", "tool_call_output_processed", "tool_call_interrupted", "dtmf"),
            *("warning", "error"),
        }
    )
    repeated = ("audio_chunk",)

    def read(self, body: Any, sender: Sender) -> View:
        """Type and audio of one message."""
        view = super().read(body, sender)
        data = body.get("audio") if isinstance(body, dict) and view.name == "audio_chunk" else None
        if not isinstance(data, str):
            return view
        kind = Kind.AUDIO if sender is Sender.CLIENT else Kind.EVENT
        return View(kind, view.name, body, Audio(base64_size(data), path=("audio",)))

    def summary(self, view: View) -> str:
        """Audio as its duration."""
        if view.audio is None:
            return super().summary(view)
        return f"{view.audio.milliseconds():.0f} ms of audio {view.body.get('text') or ''}".rstrip()

    def spoken(self, view: View) -> Spoken | None:
        """The words of a piece of audio, what the user said, and how far an interrupted reply came (phonic.md#6)."""
        match view.name:
            case "audio_chunk":
                return spoken_at(view, ("text",), speaker="model", own=("timings",))
            case "input_text":
                return spoken_at(view, ("text",), speaker="user", whole=True)
            case _:
                return None

    def audio_format(self, view: View, current: SampleFormat) -> SampleFormat:
        """``config.input_format``, e.g. "pcm_24000"."""
        told = view.body.get("input_format") if view.name == "config" else None
        found = _FORMAT.fullmatch(told) if isinstance(told, str) else None
        return SampleFormat(int(found[2]), 2 if found[1] == "pcm" else 1) if found else current

    def causes(self) -> Causes:
        """What is heard follows the client's audio; the assistant's turn keeps its own time."""
        heard = ("user_*", "input_text", "input_cancelled", "interrupted_response", "tool_call_interrupted")
        return Turns(heard=heard, ends=("assistant_finished_speaking", "ready_to_start_conversation"))

    def independent(self, earlier: View, later: View) -> bool:
        """Outputs of different tool calls."""
        calls = [view.body.get("tool_call_id") for view in (earlier, later) if view.name == "tool_call_output"]
        return len(calls) == 2 and calls[0] != calls[1]

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """An error message and a close. Which code the service closes with is unknown (phonic.md#15)."""
        return [*self.complaint(problem), Hangup(code=1011, reason=close_reason(problem.kind))]

    def complaint(self, problem: Problem) -> list[Send | Hangup]:
        """An error message: code and message (phonic.md#11)."""
        return [event({"type": "error", "error": {"code": problem.kind, "message": problem.message}})]


PHONIC = Phonic()
