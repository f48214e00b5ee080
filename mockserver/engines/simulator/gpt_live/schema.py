"""What a client may send: a table of fields by event, and limits that are no types (gpt_live.md#9, gpt_live.md#34)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.engines.simulator import shapes
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.shapes import ANY_OBJECT, FLAG, Shape, integer, listing, record, text, variants
from mockserver.engines.simulator.voice.words import count

VOICES = (
    *("alloy", "ash", "ballad", "beacon", "bossa", "cedar", "cinder", "coral", "delta", "echo", "gleam", "marin"),
    *("meridian", "quartz", "ripple", "sage", "shida", "shimmer", "stone", "tempo", "verse", "vesper", "willow"),
)
FORBIDDEN_VOICES = ("fable", "nova", "onyx")
"""gpt_live.md#35."""
APPEND_TOKENS = 500
SEED_ITEMS, SEED_TOKENS, SEED_OVERHEAD = 128, 8_192, 8
INSTRUCTIONS_TOKENS = 16_384
"""gpt_live.md#34. Tokens are counted as words and punctuation: the service's tokenizer is no part of this package."""

_FORMAT = variants(
    "type",
    {
        "audio/pcm": record("type", "rate", type=text(), rate=Shape(("integer",))),
        "audio/pcmu": record("type", type=text(), rate=Shape(("integer",))),
        "audio/pcma": record("type", type=text(), rate=Shape(("integer",))),
    },
)
_TOOL = variants(
    "type",
    {
        "function": record(
            "name",
            type=text(),
            name=text(),
            description=text(null=True),
            parameters=Shape(("object", "null")),
            strict=Shape(("boolean", "null")),
            defer_loading=Shape(("boolean", "null")),
            allowed_callers=Shape(("array", "null")),
            output_schema=Shape(("object", "null")),
        ),
        "mcp": Shape(fields={"server_label": text()}, required=("server_label",), open=True),
        **dict.fromkeys(
            (
                *("web_search", "file_search", "code_interpreter", "shell", "image_generation", "custom", "namespace"),
                *("tool_search", "programmatic_tool_calling", "computer", "apply_patch"),
            ),
            ANY_OBJECT,
        ),
    },
)
_BACKEND: dict[str, Shape] = {
    "model": text(),
    "instructions": text(null=True),
    "tools": listing(_TOOL),
    "tool_choice": Shape(("string", "object")),
    "parallel_tool_calls": Shape(("boolean", "null")),
    "max_output_tokens": integer(1, null=True),
    "reasoning": record(
        null=True,
        effort=text("none", "minimal", "low", "medium", "high", "xhigh", null=True),
        summary=text("concise", "detailed", "auto", null=True),
    ),
    "text": record(verbosity=text("low", "medium", "high", null=True), null=True),
    "service_tier": text("auto", "default", "fast_tier_temp_pilot", "flex", "priority", "ultrafast", null=True),
}
"""gpt_live.md#69."""
_CUSTOM_VOICE = record("id", id=text())
_DELAY = integer(0)


def _delegation(*, update: bool) -> Shape:
    needed = () if update else ("responses",)
    backend = Shape(fields=_BACKEND, required=() if update else ("model",))
    cases = {
        "client": record("type", type=text(), acknowledgement_delay_ms=_DELAY),
        "responses": record("type", *needed, type=text(), acknowledgement_delay_ms=_DELAY, responses=backend),
        "decisions": record("type", type=text(), acknowledgement_delay_ms=_DELAY, decisions=ANY_OBJECT),
    }
    return variants("type", cases, null=True)


_PART = record("text", type=text("input_text", "output_text", "text"), text=text())
_SEED = record(
    "role",
    "content",
    role=text("developer", "user", "assistant"),
    content=listing(_PART),
    id=text(null=True),
    type=text("message"),
    status=text(null=True),
    phase=text(null=True),
)
_START = record(
    "model",
    model=text(),
    audio=record(format=_FORMAT, output=record(voice=Shape(("string", "object")))),
    client=ANY_OBJECT,
    delegation=_delegation(update=False),
    input=listing(_SEED),
    instructions=text(null=True),
    safety_identifier=text(null=True),
    store=FLAG,
    triggers=listing(ANY_OBJECT),
)
FORK = record(audio=record(format=_FORMAT), client=ANY_OBJECT, delegation=_delegation(update=True), store=FLAG)
"""What a fork may change; an empty object inherits all (gpt_live.md#62)."""


def _event(*required: str, **fields: Shape) -> Shape:
    known = {"type": text(), "event_id": text(null=True), **fields}
    return Shape(fields=known, required=("type", *required))


_APPEND = _event("content", "delegation_id", content=text(), delegation_id=text(null=True))
EVENTS: Mapping[str, Shape] = {
    "session.start": _event("session", session=_START),
    "session.update": _event(
        "session", session=record(delegation=_delegation(update=True), triggers=listing(ANY_OBJECT))
    ),
    "session.close": _event(),
    "session.input_audio.append": _event("audio", audio=text()),
    "session.input_audio.mute": _event(),
    "session.input_audio.unmute": _event(),
    "session.output_audio.fixture.play": Shape(open=True, fields={}),
    "session.instructions.append": _APPEND,
    "session.thinking.append": _APPEND,
    "session.commentary.append": _APPEND,
    "decision.create": Shape(open=True, fields={}),
    "decision.item.create": Shape(open=True, fields={}),
    "decision.item.delete": Shape(open=True, fields={}),
    "response.item.create": _event("item", item=ANY_OBJECT),
    "response.create": _event(),
}
FORK_START: Mapping[str, Shape] = {**EVENTS, "session.start": _event("session", session=FORK)}


def check_start(session: Mapping[str, Any]) -> None:
    """The limits of a start that are no types."""
    sound = session.get("audio", {}).get("format") or {}
    rates = {"audio/pcm": (16_000, 24_000), "audio/pcmu": (8_000,), "audio/pcma": (8_000,)}
    allowed = rates.get(sound.get("type", "audio/pcm"), ())
    if sound.get("rate", allowed[-1]) not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise ClientProblem(
            "invalid_value", f"Invalid value: {sound['rate']}. Expected {wanted}.", "session.audio.format.rate"
        )
    voice = session.get("audio", {}).get("output", {}).get("voice")
    if isinstance(voice, dict):
        shapes.check(_CUSTOM_VOICE, voice, "session.audio.output.voice", problems)
    elif voice is not None and voice not in (*VOICES, *FORBIDDEN_VOICES):
        raise problems.bad_value(voice, VOICES, "session.audio.output.voice")
    if voice in FORBIDDEN_VOICES:
        raise ClientProblem("forbidden", f"Voice '{voice}' is not available.", "session.audio.output.voice")
    if count(session.get("instructions") or "") > INSTRUCTIONS_TOKENS:
        raise _too_many("session.instructions", INSTRUCTIONS_TOKENS)
    items = session.get("input") or []
    if len(items) > SEED_ITEMS:
        raise problems.too_many(len(items), SEED_ITEMS, "session.input")
    for number, item in enumerate(items):
        if len(item["content"]) != 1:
            raise ClientProblem("invalid_value", "Expected exactly one text part.", f"session.input[{number}].content")
    if sum(count(item["content"][0]["text"]) + SEED_OVERHEAD for item in items) > SEED_TOKENS:
        raise _too_many("session.input", SEED_TOKENS)


def check_append(content: str) -> None:
    """501 tokens are refused (gpt_live.md#34)."""
    if count(content) > APPEND_TOKENS:
        raise _too_many("content", APPEND_TOKENS)


def _too_many(path: str, most: int) -> ClientProblem:
    return ClientProblem("string_above_max_length", f"Invalid '{path}': more than {most} tokens.", path)
