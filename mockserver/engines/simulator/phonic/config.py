"""What a ``config`` or ``reset`` says, checked: formats, prompts, turn detection, pokes, tools (phonic.md#2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.engines.simulator.phonic.options import PhonicOptions
from mockserver.engines.simulator.voice.formats import AudioFormat

FORMATS = {
    "pcm_44100": AudioFormat("pcm", 44_100),
    "pcm_24000": AudioFormat("pcm", 24_000),
    "pcm_16000": AudioFormat("pcm", 16_000),
    "pcm_8000": AudioFormat("pcm", 8_000),
    "mulaw_8000": AudioFormat("ulaw", 8_000),
}
DEFAULT_FORMAT = "pcm_44100"
"""Where the config names none. Which one the service takes then is unknown; clients name both."""
_TEXTS = (
    *("agent", "project", "model", "system_prompt", "voice_id", "welcome_message", "no_input_poke_text"),
    *("default_language", "external_id", "external_storage_policy"),
)
_FLAGS = (
    *("generate_welcome_message", "is_welcome_message_interruptible", "generate_no_input_poke_text", "push_to_talk"),
    *("stream_ahead_of_real_time", "enable_assistant_backchannel", "enable_redaction", "enable_watermarking"),
)
_NUMBERS = (
    *("vad_prebuffer_duration_ms", "vad_min_speech_duration_ms", "vad_min_silence_duration_ms", "vad_threshold"),
    *("min_words_to_interrupt", "no_input_poke_sec", "no_input_end_conversation_sec", "websocket_timeout_sec"),
    *("audio_speed", "background_noise_level", "assistant_backchannel_aggressiveness"),
)
_LISTS = (
    "additional_voice_ids",
    "additional_languages",
    "boosted_keywords",
    "mcp_servers",
    "observability_integrations",
)
_UNIQUE = ("additional_voice_ids", "mcp_servers")
_WORDS = {
    "multilingual_mode": ("auto", "request", "initial"),
    "intelligence_level": ("standard", "high"),
    "input_format": tuple(FORMATS),
    "output_format": tuple(FORMATS),
}
"""Fields and their types, as the SDK has them (phonic.md#24). What is told of another type is unknown."""
MOST_LANGUAGES = 2
"""Beside the default one, where ``multilingual_mode`` is "auto" (phonic.md#24)."""
_VARIABLE = re.compile(r"\{\{\s*(\w{1,100})\s*\}\}")


class WrongConfig(Exception):
    """What is wrong, by field (``param_errors``)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("Invalid config")
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Tool:
    """``definition``: as the replier sees it, in the shape of a function tool."""

    name: str
    definition: Mapping[str, Any]
    timeout_ms: float
    silent: bool = False  # forbid_speech_after_tool_call


@dataclass(frozen=True, slots=True)
class TalkConfig:
    """One conversation's settings. ``builtin``: names of tools that the service has itself."""

    prompt: str
    welcome: str
    welcome_generated: bool
    welcome_interruptible: bool
    input: AudioFormat
    output: AudioFormat
    prefix_ms: float
    speech_ms: float
    silence_ms: float
    threshold: float
    min_words: float
    poke_s: float | None
    poke_text: str
    poke_generated: bool
    end_s: float | None
    timeout_s: float | None
    push_to_talk: bool
    ahead: bool
    language: str
    tools: tuple[Tool, ...]
    builtin: frozenset[str]

    def tool(self, name: str) -> Tool | None:
        """The client's own tool of this name."""
        return next((one for one in self.tools if one.name == name), None)


def config_of(body: Mapping[str, Any], options: PhonicOptions) -> TalkConfig:
    """The settings in a config. WrongConfig with every field that cannot be."""
    errors: dict[str, str] = {}
    given = {name: value for name, value in body.items() if value is not None}
    for names, kind, word in ((_TEXTS, str, "a string"), (_FLAGS, bool, "a boolean")):
        for name in names:
            if name in given and not isinstance(given[name], kind):
                errors[name] = f"must be {word}"
    for name in _NUMBERS:
        value = given.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            errors[name] = "must be a number of 0 or more"
    for name, known in _WORDS.items():
        if given.get(name, known[0]) not in known:
            errors[name] = f"must be one of {', '.join(known)}"
    for name in _LISTS:
        found = given.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            errors[name] = "must be an array of strings"
        elif name in _UNIQUE and len(set(found)) < len(found):
            errors[name] = "must have no name twice"
    languages = given.get("additional_languages", [])
    if given.get("multilingual_mode") == "auto" and isinstance(languages, list) and len(languages) > MOST_LANGUAGES:
        errors["additional_languages"] = f"at most {MOST_LANGUAGES} where multilingual_mode is auto"
    tools, builtin = _tools(given.get("tools", []), options, errors)
    variables = given.get("template_variables", {})
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        errors["template_variables"] = "must be an object of strings"
    if errors:
        raise WrongConfig(errors)

    def filled(text: str) -> str:
        return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)

    # A time of 0 is none: what the service makes of it is unknown.
    return TalkConfig(
        prompt=filled(given.get("system_prompt", "")),
        welcome=filled(given.get("welcome_message", "")),
        welcome_generated=given.get("generate_welcome_message", False),
        welcome_interruptible=given.get("is_welcome_message_interruptible", True),
        input=FORMATS[given.get("input_format", DEFAULT_FORMAT)],
        output=FORMATS[given.get("output_format", DEFAULT_FORMAT)],
        prefix_ms=given.get("vad_prebuffer_duration_ms", options.prefix_ms),
        speech_ms=given.get("vad_min_speech_duration_ms", options.speech_ms),
        silence_ms=given.get("vad_min_silence_duration_ms", options.turn_silence_ms),
        threshold=given.get("vad_threshold", 0.5),
        min_words=given.get("min_words_to_interrupt", options.min_words),
        poke_s=given.get("no_input_poke_sec") or None,
        poke_text=given.get("no_input_poke_text", ""),
        poke_generated=given.get("generate_no_input_poke_text", False),
        end_s=given.get("no_input_end_conversation_sec") or None,
        timeout_s=given.get("websocket_timeout_sec") or None,
        push_to_talk=given.get("push_to_talk", False),
        ahead=given.get("stream_ahead_of_real_time", False),
        language=given.get("default_language", "en"),
        tools=tools,
        builtin=builtin,
    )


def tools_of(value: Any, options: PhonicOptions) -> tuple[tuple[Tool, ...], frozenset[str]]:
    """The tools of an ``update_tools_subset``. WrongConfig."""
    errors: dict[str, str] = {}
    found = _tools(value, options, errors)
    if errors:
        raise WrongConfig(errors)
    return found


def _tools(value: Any, options: PhonicOptions, errors: dict[str, str]) -> tuple[tuple[Tool, ...], frozenset[str]]:
    """A name is a tool that the service has; an object with a schema is one of the client's."""
    if not isinstance(value, list):
        errors["tools"] = "must be an array"
        return (), frozenset()
    tools: dict[str, Tool] = {}
    builtin: set[str] = set()
    for index, one in enumerate(value):
        if isinstance(one, str):
            builtin.add(one)
            continue
        if not isinstance(one, dict):
            errors[f"tools[{index}]"] = "must be a name, or an object with a tool_schema"
            continue
        if one.get("type") == "built_in":
            name = one.get("name")
            if isinstance(name, str) and isinstance(one.get("tool_config"), dict):
                builtin.add(name)
            else:
                errors[f"tools[{index}]"] = "a tool that is built in has a name and a tool_config"
            continue
        wrong = _wrong_tool(one)
        if wrong:
            errors[f"tools[{index}]"] = wrong
            continue
        function, timeout = one["tool_schema"]["function"], one.get("tool_call_output_timeout_ms")
        name = function["name"]
        if name in tools:
            errors[f"tools[{index}]"] = f"the name {name[:60]!r} is there twice"
            continue
        definition = {"type": "function", **{k: v for k, v in function.items() if k != "strict"}}
        silent = one.get("forbid_speech_after_tool_call") is True
        tools[name] = Tool(name, definition, options.tool_timeout_ms if timeout is None else timeout, silent)
    return tuple(tools.values()), frozenset(builtin)


_TOOL_FLAGS = (
    *("require_speech_before_tool_call", "wait_for_speech_before_tool_call", "forbid_speech_after_tool_call"),
    *("forbid_tool_call_after_speech", "allow_tool_chaining", "wait_for_response", "uninterruptible"),
)


def _wrong_tool(one: Mapping[str, Any]) -> str:
    """What is wrong with a tool of the client's (phonic.md#21, phonic.md#25); "" for nothing."""
    schema = one.get("tool_schema")
    function = schema.get("function") if isinstance(schema, dict) else None
    if one.get("type") != "custom_websocket" or not isinstance(function, dict):
        return "must be a name, or an object of type custom_websocket with a tool_schema"
    if not isinstance(function.get("name"), str) or not function["name"]:
        return "tool_schema.function.name must be a string that is not empty"
    if not isinstance(function.get("description"), str) or not isinstance(function.get("parameters"), dict):
        return "tool_schema.function must have a description and parameters"
    if function.get("strict", True) is not True:
        return "tool_schema.function.strict must be true"
    timeout = one.get("tool_call_output_timeout_ms")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int) or timeout <= 0):
        return "tool_call_output_timeout_ms must be a whole number above 0"
    bad = next((name for name in _TOOL_FLAGS if not isinstance(one.get(name), bool | None)), None)
    return f"{bad} must be a boolean" if bad else ""
