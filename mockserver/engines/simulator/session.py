"""The session's settings: defaults, ``session.update`` all or nothing, and what is in force for one response."""

from __future__ import annotations

import copy
from typing import Any

from mockserver.engines.simulator import problems, schema, shapes
from mockserver.engines.simulator.profiles.base import (
    DEFAULT_INSTRUCTIONS,
    SEMANTIC_VAD,
    SERVER_VAD,
    VOICES,
    Profile,
)

# Fields that are replaced whole, never merged: a new value is the value.
WHOLE = (
    "tools",
    "tool_choice",
    "tracing",
    "truncation",
    "prompt",
    "include",
    "format",
    "noise_reduction",
    "output_modalities",
)


class SessionSettings:
    """One session's settings. ``config`` is what the client sees in session.created and session.updated."""

    def __init__(
        self, profile: Profile, model: str, *, transcribing: bool, instructions: str | None = None
    ) -> None:
        self.profile = profile
        self.default_instructions = DEFAULT_INSTRUCTIONS if instructions is None else instructions
        self.config = (
            profile.transcription_defaults()
            if transcribing
            else profile.defaults(model, self.default_instructions)
        )

    @property
    def transcribing(self) -> bool:
        """Whether this is a transcription session: no responses at all."""
        return bool(self.config["type"] == "transcription")

    def shown(self) -> dict[str, Any]:
        """A copy for the wire."""
        return copy.deepcopy(self.config)

    def update(self, given: dict[str, Any], *, voice_is_fixed: bool = False) -> None:
        """Merge what a client gave, or raise and change nothing (FACTS 3)."""
        shapes.check(schema.SESSION, given, "session")
        if given["type"] != self.config["type"]:
            raise problems.wrong_session_kind(given["type"], self.config["type"])
        check_modalities(given.get("output_modalities"))
        merged = merge(
            self.config,
            {key: value for key, value in given.items() if key not in ("type", "model")},
        )
        output = given.get("audio", {}).get("output", {})
        check_voice(output.get("voice"), "session.audio.output.voice")
        if (
            voice_is_fixed
            and merged["audio"]["output"]["voice"] != self.config["audio"]["output"]["voice"]
        ):
            raise problems.voice_is_fixed()
        if given.get("instructions") == "":
            merged["instructions"] = (
                self.default_instructions
            )  # C: openai-message_history_seeding:4
        self.config = merged

    # --- what is in force ---

    @property
    def turn_detection(self) -> dict[str, Any] | None:
        """The turn detection's settings, or None."""
        detection: dict[str, Any] | None = self.config["audio"]["input"]["turn_detection"]
        return detection

    @property
    def transcription(self) -> dict[str, Any] | None:
        """The transcription's settings, or None."""
        transcription: dict[str, Any] | None = self.config["audio"]["input"]["transcription"]
        return transcription

    @property
    def input_format(self) -> dict[str, Any]:
        """The format of the client's audio."""
        audio: dict[str, Any] = self.config["audio"]["input"]["format"]
        return audio


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``new`` over ``old``, objects field by field; neither is changed."""
    merged = copy.deepcopy(old)
    for key, value in new.items():
        if key == "turn_detection":
            merged[key] = _detection(merged.get(key), value)
        elif key == "transcription":
            # What is left out is shown as null (C: openai-text_in_audio_out_turn:4).
            merged[key] = (
                None if value is None else {"model": None, "language": None, "prompt": None} | value
            )
        elif isinstance(value, dict) and isinstance(merged.get(key), dict) and key not in WHOLE:
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _detection(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any] | None:
    """Same type: field by field over what was there. Another type: over that type's defaults."""
    if new is None:
        return None
    base = SERVER_VAD if new["type"] == "server_vad" else SEMANTIC_VAD
    return {**base, **(old if old is not None and old["type"] == new["type"] else {}), **new}


def check_modalities(given: list[str] | None) -> None:
    """Text or audio, never both and never none (D: output_modalities)."""
    if given is not None and given not in (["text"], ["audio"]):
        raise problems.bad_modalities(given)


def check_voice(voice: object, param: str) -> None:
    """A voice that exists, or a custom one by id."""
    if isinstance(voice, str) and voice not in VOICES:
        raise problems.bad_value(voice, VOICES, param)
