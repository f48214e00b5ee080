"""Which client frames of the OpenAI family may come in either order."""

from __future__ import annotations

from typing import Any

from mockserver.core.view import View

NOT_HEARD = {"tracing", "include"}
"""Settings without influence on any answer. openai-agents sets ``tracing`` when it sees session.created,
which races with the user's first words (clients.md#53)."""
NOT_SPOKEN = {
    *NOT_HEARD,
    *("audio.input", "turn_detection", "input_audio_format", "input_audio_transcription"),
    *("input_audio_noise_reduction", "input_audio_sampling_rate"),
}
"""Settings without influence on a response that the client asks for."""
EDITS = {"conversation.item.create", "conversation.item.delete", "conversation.item.truncate"}


def independent(earlier: View, later: View) -> bool:
    """Whether ``later`` may come before ``earlier`` without changing what either is answered with.

    What a request sees must be the same: settings and items before the response that uses them, audio before its
    commit. Two outputs of parallel tool calls, two out-of-band responses, and requests about different items are
    independent.
    """
    first, second = sorted((earlier, later), key=lambda view: view.name)
    names = {first.name, second.name}
    if names & {"conversation.item.retrieve", "response.cancel", "output_audio_buffer.clear"}:
        return True
    if len(names) == 1:
        match first.name:
            case "response.create":
                return any(aside(_dict(_dict(view.body).get("response"))) for view in (first, second))
            case "conversation.item.create":
                return _unrelated(earlier, later)
            case "conversation.item.delete" | "conversation.item.truncate":
                return first.item_id != second.item_id
            case "session.update":
                return _touched(earlier).isdisjoint(_touched(later))
            case _:
                return False
    if "session.update" in names:
        return _setting(first, second, names)
    if "response.create" in names:
        create = second if second.name == "response.create" else first
        asked = _dict(_dict(create.body).get("response"))
        # Its own input replaces the conversation (openai.md#129).
        return aside(asked) and "input" in asked
    if names <= EDITS:
        return first.item_id != second.item_id and first.item_id is not None and second.item_id is not None
    return False


def _setting(first: View, second: View, names: set[str]) -> bool:
    """Settings and something else: independent where the settings have no part in what that gets."""
    update = first if first.name == "session.update" else second
    if names <= {"session.update", *EDITS}:
        return True
    return _touched(update) <= (NOT_SPOKEN if "response.create" in names else NOT_HEARD)


def _touched(update: View) -> set[str]:
    """What a session.update sets. A ``model`` in it is ignored by the server (openai.md#27)."""
    session = _dict(_dict(update.body).get("session"))
    audio = {f"audio.{side}" for side in _dict(session.get("audio"))}
    return {key for key in session if key not in ("type", "object", "model", "audio")} | audio


def _unrelated(earlier: View, later: View) -> bool:
    one, two = _dict(_dict(earlier.body).get("item")), _dict(_dict(later.body).get("item"))
    if one.get("type") == two.get("type") == "function_call_output":
        return one.get("call_id") != two.get("call_id")
    places = [_dict(view.body).get("previous_item_id") for view in (earlier, later)]
    # Each says where it belongs, and not behind the other.
    return None not in places and places[1] != one.get("id") and places[0] != two.get("id") and places[0] != places[1]


def aside(response: dict[str, Any]) -> bool:
    """Whether a response's settings put it out of band."""
    return response.get("conversation") == "none"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
