"""The session's settings: the client's ``setup``, checked against what its model takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.engines.simulator.gemini import problems
from mockserver.engines.simulator.gemini.models import LiveModel, model_named

_STUDIO = re.compile(r"models/([\w.-]+)")
_VERTEX = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/([\w.-]+)")
DEFAULT_COMPRESSION_SHARE = 0.8
"""Of the context, when compression begins where the setup does not say (gemini.md#95)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a client connected: which service, which version of it, and whether with a token's address."""

    version: str
    vertex: bool = False
    constrained: bool = False

    @property
    def package(self) -> str:
        """The package that errors name."""
        name = "google.cloud.aiplatform" if self.vertex else "google.ai.generativelanguage"
        return f"{name}.{self.version}"


class Setup:
    """A setup that was taken. ``body`` is camelCase; contextUpdate may change two of its fields."""

    def __init__(self, body: dict[str, Any], model: LiveModel) -> None:
        self.body = body
        self.model = model
        generation = body.get("generationConfig", {})
        self.modalities: tuple[str, ...] = tuple(generation.get("responseModalities") or model.modalities[:1])
        realtime = body.get("realtimeInputConfig", {})
        self.detection: Mapping[str, Any] = realtime.get("automaticActivityDetection", {})
        self.manual = bool(self.detection.get("disabled"))
        self.interruptible = realtime.get("activityHandling") != "NO_INTERRUPTION"
        self.all_input = realtime.get("turnCoverage") == "TURN_INCLUDES_ALL_INPUT"
        self.seeded = bool(body.get("historyConfig", {}).get("initialHistoryInClientContent"))
        self.resumption: Mapping[str, Any] | None = body.get("sessionResumption")
        self.compression: Mapping[str, Any] | None = body.get("contextWindowCompression")
        self.transcribes_input = "inputAudioTranscription" in body or model.transcribes_unasked
        self.transcribes_output = "outputAudioTranscription" in body
        thinking = generation.get("thinkingConfig", {})
        self.asks_thoughts = bool(thinking.get("includeThoughts"))
        self.thinks = thinking.get("thinkingBudget") != 0

    @property
    def speaks(self) -> bool:
        """Whether the model answers in audio."""
        return "AUDIO" in self.modalities

    @property
    def instructions(self) -> str:
        """The system instruction's text."""
        return _text(self.body.get("systemInstruction", {}))

    @property
    def functions(self) -> list[Mapping[str, Any]]:
        """The functions that are declared, in order."""
        return [one for tool in self.body.get("tools", ()) for one in tool.get("functionDeclarations", ())]

    def blocking(self, name: str) -> bool:
        """Whether the model waits for this function's result (gemini.md#43)."""
        declared = next((one for one in self.functions if one.get("name") == name), {})
        behavior = declared.get("behavior", "UNSPECIFIED")
        return self.model.blocking_by_default if behavior == "UNSPECIFIED" else behavior == "BLOCKING"


def model_of(name: str, place: Endpoint) -> str | None:
    """The bare name in a model's resource name; None where it is no such name."""
    found = (_VERTEX if place.vertex else _STUDIO).fullmatch(name)
    return found[1] if found else None


def checked(body: dict[str, Any], place: Endpoint, knows: Any) -> Setup:
    """The setup. Raises Closing where the service refuses it. ``knows``: whether a model of a name exists here."""
    name = body.get("model")
    if not name:
        raise problems.invalid()
    bare = model_of(name, place)
    if bare is None or not knows(bare, place.vertex):
        raise problems.unknown_model(name, place.version, vertex=place.vertex)
    model = model_named(bare, vertex=place.vertex)
    setup = Setup(body, model)
    if len(setup.modalities) != 1 or setup.modalities[0] not in model.modalities:
        raise problems.bad_modalities(setup.modalities)
    generation = body.get("generationConfig", {})
    if generation.get("enableAffectiveDialog") and model.affective == "refused at setup":
        raise problems.invalid()
    _check_thinking(model, generation.get("thinkingConfig", {}))
    for tool in body.get("tools", ()):
        check_tool(tool, model)
    return setup


def check_tool(tool: Mapping[str, Any], model: LiveModel) -> None:
    """A tool that this model takes (gemini.md#59, gemini.md#60)."""
    if "codeExecution" in tool and not model.code_execution:
        raise problems.unsupported("Code Execution tool is not supported for this model")
    for function in tool.get("functionDeclarations", ()):
        if not function.get("name"):
            raise problems.invalid()
        if function.get("behavior") == "BLOCKING" and not model.takes_blocking:
            raise problems.unsupported("BLOCKING function calls are not supported for this model")


def _check_thinking(model: LiveModel, asked: Mapping[str, Any]) -> None:
    """gemini.md#57, gemini.md#58."""
    level = asked.get("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED")
    given = level != "THINKING_LEVEL_UNSPECIFIED"
    match model.thinking:
        case "level required" if not given:
            raise problems.unsupported("Thinking level must be specified for this model")
        case "level required" if level == "MINIMAL":
            raise problems.unsupported("Thinking level MINIMAL is not supported for this model")
        case "no level" if given:
            raise problems.unsupported("Thinking level is not supported for this model")
        case "no level on vertex" if given:
            raise problems.unsupported("thinking_level is not supported by this model")
        case _:
            pass


def _text(content: Mapping[str, Any]) -> str:
    return "\n".join(part["text"] for part in content.get("parts", ()) if part.get("text"))
