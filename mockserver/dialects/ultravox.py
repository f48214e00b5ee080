"""Ultravox: a REST call gives the socket's address; JSON text for messages, raw PCM in binary
frames (ultravox.md#1, ultravox.md#4).
"""

from __future__ import annotations

from typing import Any

from mockserver.core.frames import Binary, Frame, Hangup, Send, Sender
from mockserver.core.view import Audio, Kind, Spoken, View
from mockserver.dialects.base import Dialect, MatchRules, event, spoken_at
from mockserver.dialects.causes import Causes, Turns
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Life


class Ultravox(Dialect):
    """Audio is 16 kHz in and 24 kHz out, as livekit asks for it; the rates are settings of the REST call."""

    name = "ultravox"
    title = "Ultravox"
    simulator = "ultravox"
    upstream = "https://api.ultravox.ai/api"
    base_path = "/api"
    socket_path = "/calls/mock"
    paths = ("/calls/mock",)
    # The reply that creates a call names the socket, which is at a host of its own. Which hosts
    # these are is documented nowhere, so any is allowed that the upstream's own reply names: a
    # client without a relay goes there too. The address carries its own token, if any.
    socket_fields = ("joinUrl",)
    socket_hosts = ("*",)
    names_socket = {"POST /api/calls": (201, {"callId": "mock", "ended": None, "joinUrl": "{ws_url}"})}
    socket_at_upstream = False
    env_vars = {"ULTRAVOX_API_KEY": "{key}"}
    keys = Keys(headers=("x-api-key",), env="ULTRAVOX_API_KEY")
    # A recorded ping's answer tells the recorded time: a second answer would be worse.
    rules = MatchRules(ids=("invocationId",), optional=("ping",), volatile=("ping:timestamp",))
    # Nothing but a change of state says that a reply is over, and the state is a field: the user's words begin anew.
    does = {"cancel midway": "ultravox.md#9"}
    life = Life(
        first=("call_started",),
        opening=("call_started",),
        requests=("user_text_message", "forced_agent_message"),
        deltas=(("audio", "audio"),),
        parts=("client_tool_invocation",),
        cuts=("playback_clear_buffer",),
        cut_ends=True,
        heard=("user_text_message", "forced_agent_message"),
        instead="replies have no ids on this wire, so an orphan cannot be told; look at playback_clear_buffer and "
        "state, and with assert_spoken at what was heard",
        reasons={"cancelled": ("turn_detected",)},
        endings={"cancelled": ({"type": "playback_clear_buffer"}, {"type": "state", "state": "listening"})},
    )
    examples = {
        "tie": "invocationId on client_tool_invocation",
        "outcome": "final to false on transcript",
        "id": "invocationId on client_tool_invocation",
        "object": "parameters on client_tool_invocation",
    }
    client_events = frozenset(
        {"ping", "user_text_message", "forced_agent_message", "set_output_medium", "hang_up", "client_tool_result"}
        | {"audio"}
    )
    server_events = frozenset(
        {"call_started", "state", "transcript", "client_tool_invocation", "playback_clear_buffer", "pong", "debug"}
        | {"call_event", "audio"}
    )
    repeated = ("audio",)

    def view(self, frame: Frame, sender: Sender) -> View:
        """Binary frames are audio."""
        if isinstance(frame, Binary):
            rate = 16_000 if sender is Sender.CLIENT else 24_000
            return View(Kind.AUDIO, "audio", audio=Audio(len(frame.data), rate, "pcm"))
        return super().view(frame, sender)

    def read(self, body: Any, sender: Sender) -> View:
        """``ping`` and ``pong`` keep the connection alive."""
        view = super().read(body, sender)
        return View(Kind.KEEPALIVE, view.name, body) if view.name in ("ping", "pong") else view

    def summary(self, view: View) -> str:
        """Audio as its duration."""
        return f"{view.audio.milliseconds():.0f} ms of audio" if view.audio is not None else super().summary(view)

    def spoken(self, view: View) -> Spoken | None:
        """A transcript: of the user whole, of the agent in pieces and then whole (ultravox.md#8)."""
        if view.name != "transcript":
            return None
        speaker = "user" if view.body.get("role") == "user" else "model"
        stream = f"{view.body.get('role')} {view.body.get('ordinal')}"
        return spoken_at(view, ("delta",), speaker=speaker, stream=stream) or spoken_at(
            view, ("text",), speaker=speaker, stream=stream, whole=True
        )

    def causes(self) -> Causes:
        """States follow what is heard; what follows a state belongs to it."""
        return Turns(heard=("state", "playback_clear_buffer"))

    def independent(self, earlier: View, later: View) -> bool:
        """Results of different tool calls."""
        calls = [view.body.get("invocationId") for view in (earlier, later) if view.name == "client_tool_result"]
        return len(calls) == 2 and calls[0] != calls[1]

    def added(self, view: View) -> list[Send | Hangup]:
        """A ping is answered with its own timestamp (ultravox.md#14)."""
        if view.name != "ping":
            return []
        return [event({"type": "pong", "timestamp": view.body.get("timestamp")})]


ULTRAVOX = Ultravox()
