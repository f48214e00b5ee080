"""ElevenLabs Agents: the client speaks first, audio stands in ``user_audio_chunk`` and ``audio_event``.

Shapes and order: elevenlabs.md#3 to elevenlabs.md#23.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.core.frames import Frame, Hangup, Send, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.core.view import Audio, Kind, Lens, Spoken, View
from mockserver.dialects.base import Dialect, MatchRules, base64_size, close_reason, parse, spoken_at
from mockserver.dialects.causes import Ahead, Cause, Causes, Turns
from mockserver.dialects.keys import ANY_PARAMS, Keys
from mockserver.dialects.life import Life, Outcome, Replies, Status, TableReplies
from mockserver.dialects.problems import Problem, Trouble

CHUNK = "user_audio_chunk"
RATE = 16_000
"""What every recorded agent is set to. The server tells it; recorded and live audio are measured alike."""


PROBLEMS: Mapping[Trouble, Problem] = {
    "insufficient_quota": Problem("quota_exceeded", "This request exceeds your quota limit."),  # elevenlabs.md#24
    "server_error": Problem("unknown_websocket_crash", ""),  # elevenlabs.md#27
    # What the text asks for is known, its words are not (elevenlabs.md#2).
    "invalid_key": Problem(
        "unauthorized",
        "The AI agent you are trying to reach requires authentication. Generate a signed link to start a conversation.",
    ),
    # The words are ours (elevenlabs.md#45).
    "session_expired": Problem("max_duration_exceeded", "Max call duration exceeded"),
}
"""Each is a close; the message is its reason. Errors that leave a conversation open are unknown (elevenlabs.md#32)."""
CLOSE_CODES = {"quota_exceeded": 1002, "unauthorized": 3000, "max_duration_exceeded": 1000}
"""Those that are not 1011 (elevenlabs.md#2, elevenlabs.md#24, elevenlabs.md#45)."""


class NumberedReplies(TableReplies):
    """A reply is cut off by an ``interruption`` with a number of its own, above the reply's (elevenlabs.md#34)."""

    def __init__(self, life: Life, lens: Lens) -> None:
        super().__init__(life, lens)
        self._number = 0

    def see(self, sender: Sender, what: View | Frame, *, name: str | None = None) -> None:
        """One frame; the number of its audio."""
        super().see(sender, what, name=name)
        if sender is Sender.SERVER and self._open:
            view = what if isinstance(what, View) else self._lens.view(what, sender)
            told = view.body.get("audio_event") if isinstance(view.body, dict) else None
            number = told.get("event_id") if isinstance(told, dict) else None
            self._number = number if isinstance(number, int) else self._number

    def can_end(self, status: Status) -> bool:
        """Cut off by the user; nothing else ends one early."""
        return status == "cancelled"

    def end(self, reply: str, outcome: Outcome, ids: Ids) -> list[Text]:
        """The interruption. A client that was not to hear of corrections gets none (elevenlabs.md#46)."""
        del self._open[reply]
        self._late = reply
        return [Text(dumps({"type": "interruption", "interruption_event": {"event_id": self._number + 1}}))]


class NumberedTurns(Turns):
    """What was said may be told before its sound has come (elevenlabs.md#12): sound of that number is of that turn."""

    def __init__(self, *, heard: tuple[str, ...], ends: tuple[str, ...]) -> None:
        super().__init__(heard=heard, ends=ends)
        self._number: object = None

    def server(self, name: str, frame: Frame, ahead: Ahead) -> Cause:
        """Parsed are the end of a turn, and the sound after it."""
        if self._fresh and not self._stepped and name == "audio" and _number(frame) == self._number is not None:
            self._fresh = False
        elif name in self._ends:
            self._number = _number(frame)
        return super().server(name, frame, ahead)


def _number(frame: Frame) -> object:
    body = parse(frame.data) if isinstance(frame, Text) else None
    told = body.get(f"{body.get('type')}_event") if isinstance(body, dict) else None
    return told.get("event_id") if isinstance(told, dict) else None


class ElevenLabs(Dialect):
    """Its problems are closes; errors that leave the conversation open are not known (elevenlabs.md#32)."""

    name = "elevenlabs"
    title = "ElevenLabs Agents"
    simulator = "elevenlabs"
    upstream = "https://api.elevenlabs.io"
    socket_path = "/v1/convai/conversation"
    paths = ("/convai/conversation",)
    # GET /v1/convai/conversation/get-signed-url, for agents that are not public (elevenlabs.md#1).
    socket_fields = ("signed_url",)
    names_socket = dict.fromkeys(
        ("GET /v1/convai/conversation/get-signed-url", "GET /v1/convai/conversation/get_signed_url"),
        (200, {"signed_url": "{ws_url}?conversation_signature=cvtkn_mock"}),
    )
    env_vars = {"ELEVENLABS_API_KEY": "{key}"}
    subprotocols = ("convai",)
    keys = Keys(
        headers=("xi-api-key",),
        hidden_headers=("authorization",),
        hidden_params=(*ANY_PARAMS, "conversation_signature"),
        begins=(("sk_", 16),),
        env="ELEVENLABS_API_KEY",
    )
    # The server counts its events; what a client repeats of that (pong, feedback) is no request.
    rules = MatchRules(volatile=("event_id",), ids=("tool_call_id",), optional=("feedback",))
    problems = PROBLEMS
    does = {
        "cancel midway": "elevenlabs.md#18",
        "insufficient quota": "elevenlabs.md#24",
        "server error": "elevenlabs.md#27",
        "session expired": "elevenlabs.md#45",
    }
    # Only ``agent_response_complete``, which an agent must ask for, says that a reply was played out.
    life = Life(
        first=("conversation_initiation_client_data",),
        opening=("conversation_initiation_metadata",),
        requests=("user_message",),
        deltas=(("audio", "audio"), ("agent_chat_response_part", "text")),
        parts=("agent_response", "agent_response_correction", "client_tool_call", "context_usage"),
        ends=("agent_response_complete",),
        cuts=("interruption",),
        heard=("user_transcript", "user_message"),
        reasons={"cancelled": ("turn_detected",)},
        instead="a reply has no request on this wire, so an orphan cannot be told; look at in_response_to_ids, at "
        "agent_response_correction, and with assert_spoken at what was heard",
    )
    examples = {
        "tie": "agent_response_event.in_response_to_ids on agent_response",
        "outcome": "agent_tool_response.is_error to true on agent_tool_response",
        "id": "client_tool_call.tool_call_id on client_tool_call",
        "object": "audio_event on 2nd audio",
    }
    client_events = frozenset(
        {
            *(CHUNK, "user_message", "user_activity", "contextual_update", "pong", "feedback"),
            *("conversation_initiation_client_data", "client_tool_result", "mcp_tool_approval_result"),
            "multimodal_message",
        }
    )
    server_events = frozenset(
        {
            *("conversation_initiation_metadata", "ping", "audio", "user_transcript", "agent_response"),
            *("agent_response_correction", "agent_response_complete", "agent_chat_response_part", "interruption"),
            *("vad_score", "context_usage", "client_tool_call", "agent_tool_response", "mcp_tool_call"),
            *("queue_status", "client_error", "error", "tentative_user_transcript", "agent_tool_request"),
            *("asr_initiation_metadata", "mcp_connection_status", "guardrail_triggered", "dtmf_request"),
            *("agent_tool_response_full_payload", "agent_response_metadata", "internal_turn_probability"),
            "internal_tentative_agent_response",
        }
    )
    repeated = ("audio", "agent_chat_response_part")

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By how a conversation is begun."""
        return any(str(body.get("type")).startswith("conversation_initiation_") for _, body in said)

    def read(self, body: Any, sender: Sender) -> View:
        """A piece of client audio has no type; ``ping`` and ``pong`` keep the connection alive."""
        view = super().read(body, sender)
        if not isinstance(body, dict):
            return view
        if sender is Sender.CLIENT and isinstance(chunk := body.get(CHUNK), str):
            audio = Audio(base64_size(chunk), RATE, "pcm", (CHUNK,))
            return View(Kind.AUDIO, CHUNK, body, audio)
        if view.name in ("ping", "pong"):
            return View(Kind.KEEPALIVE, view.name, body)
        told = body.get("audio_event") if view.name == "audio" else None
        data = told.get("audio_base_64") if isinstance(told, dict) else None
        if not isinstance(data, str):
            return view
        audio = Audio(base64_size(data), path=("audio_event", "audio_base_64"))
        return View(Kind.EVENT, view.name, body, audio)

    def summary(self, view: View) -> str:
        """Audio as its duration."""
        if view.audio is None:
            return super().summary(view)
        return f"{view.audio.milliseconds(RATE):.0f} ms of audio"

    def spoken(self, view: View) -> Spoken | None:
        """What the agent writes in pieces; whole, what it says and heard (elevenlabs.md#10, elevenlabs.md#14)."""
        match view.name:
            case "agent_chat_response_part":
                return spoken_at(view, ("text_response_part", "text"), speaker="model", own=("type",))
            case "agent_response":
                return spoken_at(view, ("agent_response_event", "agent_response"), speaker="model", whole=True)
            case "user_transcript":
                return spoken_at(view, ("user_transcription_event", "user_transcript"), speaker="user", whole=True)
            case _:
                return None

    def causes(self) -> Causes:
        """What is heard follows the client's audio; the rest of a turn keeps its own time."""
        heard = ("user_transcript", "interruption", "vad_score")
        return NumberedTurns(heard=heard, ends=("agent_response",))

    def replies(self, lens: Lens | None = None) -> Replies:
        """A new tracker for one connection."""
        return NumberedReplies(self.life, lens or self)

    def stranger(self, name: str, event_id: str) -> dict[str, Any]:
        """What an event is about stands under its name."""
        return {"type": name, f"{name}_event": {}}

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """A close."""
        return [Hangup(code=CLOSE_CODES.get(problem.kind, 1011), reason=close_reason(problem.message))]

    def independent(self, earlier: View, later: View) -> bool:
        """Results of different tool calls."""
        calls = [view.body.get("tool_call_id") for view in (earlier, later) if view.name == "client_tool_result"]
        return len(calls) == 2 and calls[0] != calls[1]


ELEVENLABS = ElevenLabs()
