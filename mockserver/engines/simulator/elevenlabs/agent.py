"""The agent as one conversation has it: the server's settings, what the client overrides, its dynamic variables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.engines.simulator.elevenlabs import problems
from mockserver.engines.simulator.elevenlabs.options import OVERRIDABLE, ElevenLabsOptions
from mockserver.engines.simulator.elevenlabs.overrides import OVERRIDE
from mockserver.engines.simulator.shapes import check
from mockserver.engines.simulator.voice.formats import AudioFormat

MOST_FILLED = 1 << 22
"""Characters that variables may bring into a text: a short one may name a long value any number of times. What the
service takes is unknown."""
_VARIABLE = re.compile(r"\{\{ *([\w.]+) *\}\}")


@dataclass(slots=True)
class Agent:
    """What an agent is in one conversation."""

    sound: AudioFormat
    model: str
    prompt: str = ""
    first_message: str = ""
    text_only: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    max_seconds: float = 600
    client_events: Collection[str] = ()


def sound_of(name: str) -> AudioFormat:
    """``pcm_16000``, ``ulaw_8000`` (elevenlabs.md#5)."""
    encoding, _, rate = name.partition("_")
    return AudioFormat("ulaw" if encoding == "ulaw" else "pcm", int(rate))


def agent_for(options: ElevenLabsOptions, model: str, body: Mapping[str, Any]) -> Agent:
    """The agent after ``conversation_initiation_client_data``. Raises the end that the service answers with."""
    overrides = body.get("conversation_config_override") or {}
    check(OVERRIDE, overrides, "conversation_config_override", problems)
    _permitted(overrides, options.overrides)
    given = {path: value for path, value in _leaves(overrides) if value is not None}
    if given.get("conversation.client_events") == []:
        raise problems.invalid("conversation.client_events is empty")  # elevenlabs.md#58
    known = options.tool_ids
    foreign = [one for one in given.get("agent.prompt.tool_ids", ()) if known is not None and one not in known]
    if foreign:
        raise problems.foreign_tools(foreign)
    agent = Agent(
        sound=sound_of(options.agent_audio),
        model=given.get("agent.prompt.llm", model),
        prompt=given.get("agent.prompt.prompt", options.prompt),
        first_message=given.get("agent.first_message", options.first_message),
        text_only=bool(given.get("conversation.text_only", options.text_only)),
        variables=body.get("dynamic_variables") or {},
        overrides=overrides,
        max_seconds=given.get("conversation.max_duration_seconds", options.max_session_s),
        client_events=given.get("conversation.client_events", options.client_events),
    )
    agent.first_message = _filled(agent.first_message, agent.variables, "first message")
    agent.prompt = _filled(agent.prompt, agent.variables, "prompt")
    return agent


def _permitted(overrides: Mapping[str, Any], allowed: Collection[str]) -> None:
    for path, value in _leaves(overrides):
        if value is not None and path in OVERRIDABLE and path not in allowed:
            raise problems.no_override(path.rpartition(".")[2])


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of the overrides with their dotted paths."""
    for key, inner in value.items():
        here = f"{path}.{key}" if path else key
        if isinstance(inner, Mapping):
            yield from _leaves(inner, here)
        else:
            yield here, inner


def _filled(text: str, variables: Mapping[str, Any], where: str) -> str:
    """``{{names}}`` replaced; a name that nobody gave ends the conversation (elevenlabs.md#49)."""
    named = _VARIABLE.findall(text)
    absent = [name for name in dict.fromkeys(named) if name not in variables]
    if absent:
        raise problems.missing_variables(where, absent)
    values = {name: str(variables[name]) for name in dict.fromkeys(named)}
    if sum(len(values[name]) for name in named) > MOST_FILLED:
        raise problems.invalid(f"the variables in the {where} are longer than {MOST_FILLED}")
    return _VARIABLE.sub(lambda found: values[found[1]], text)
