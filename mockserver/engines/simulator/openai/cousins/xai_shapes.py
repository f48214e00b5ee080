"""xAI's shapes of responses, items, tools and transcripts, made of GA's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNIMPLEMENTED = "unimplemented"
TRANSCRIPTION = "conversation.item.input_audio_transcription."


def completed(event_id: str, shown: dict[str, Any], status: str) -> dict[str, Any]:
    """One telling of a transcript."""
    return {"type": TRANSCRIPTION + "completed", "event_id": event_id, **shown, "status": status}


def response_out(response: dict[str, Any]) -> dict[str, Any]:
    """A response as it shows it; metadata only where a client sent some (xai.md#20)."""
    body = {
        "id": response["id"],
        "object": response["object"],
        "output": [item_out(item, call_role="user") for item in response["output"]],
        "status": response["status"],
        "status_details": UNIMPLEMENTED,
        "usage": {},
    }
    return {**body, "metadata": response["metadata"]} if response["metadata"] else body


def item_out(item: dict[str, Any], *, call_role: str) -> dict[str, Any]:
    """With ``object``; a role on what belongs to tools, which is not the same everywhere (xai.md#24)."""
    body = {**item, "object": "realtime.item"}
    if item["type"] == "function_call":
        body["role"] = call_role
    elif item["type"] == "function_call_output":
        body |= {"role": "tool", "status": "completed"}
    if "content" in item:
        body["content"] = [
            {**part, "type": "audio"} if part["type"] == "output_audio" else part for part in item["content"]
        ]
    return body


def tool_out(tool: dict[str, Any]) -> dict[str, Any]:
    """A function's fields stand one level down (xai.md#10)."""
    if tool.get("type") != "function":
        return tool
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}


def tokens(details: dict[str, Any]) -> dict[str, Any]:
    """Tokens as it counts them (xai.md#21)."""
    return {name: details[name] for name in ("text_tokens", "audio_tokens")} | {"grok_tokens": 0}


def known(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of these fields that are given and are not null."""
    return {name: given[name] for name in names if given.get(name) is not None}
