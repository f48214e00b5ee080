"""The session's settings: defaults, ``session.update`` all or nothing, and what is in force for one response."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.engines.simulator import shapes
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.profile import PCM_24K, Profile
from mockserver.engines.simulator.openai.tools import check_tools, labelled, with_addresses

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
# Null is no value of these: unknown what it means to the provider, here it changes nothing.
NOT_GIVEN = ("instructions", "voice", "speed", "max_output_tokens", "format")


UNDIVIDED = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Transcription models that take no turn detection (openai.md#40)."""
NEWER_OPTIONS = ("reasoning", "parallel_tool_calls")
DECIMALS = 16
"""Of a threshold (openai.md#43)."""


class SessionSettings:
    """One session's settings. ``config`` is what the client sees in session.created and session.updated."""

    def __init__(self, profile: Profile, model: str, *, transcribing: bool, instructions: str | None = None) -> None:
        self.profile = profile
        self.default_instructions = profile.default_instructions if instructions is None else instructions
        self.config = (
            profile.transcription_defaults() if transcribing else profile.defaults(model, self.default_instructions)
        )
        # What tracing was first set to. Null turns it off (openai.md#48). Whether it can then come back other than
        # it was is unknown; here it cannot.
        self._traced: Any = None

    @property
    def transcribing(self) -> bool:
        """Whether this is a transcription session: no responses at all."""
        return bool(self.config["type"] == "transcription")

    def shown(self, name: str = "session.updated") -> dict[str, Any]:
        """For the wire, as the event ``name`` shows it. It shares what is in it with ``config``: tools may be long."""
        return self.profile.session_out(self.config, name)

    def begin(self, given: Mapping[str, Any]) -> None:
        """Settings that a session begins with: the test's, or those of a client secret. Their type may be left out."""
        typed = {"type": self.config["type"]} if self.profile.typed_session else {}
        self.config = self._changed({**typed, **copy.deepcopy(dict(given))})  # the next session begins with the same
        self._traced = self.config.get("tracing")

    def update(self, given: dict[str, Any], *, spoken: Sequence[Any] = (), responding: bool = False) -> None:
        """Merge what a client gave, or raise and change nothing (openai.md#28).

        ``spoken``: the voice in which the model has sent audio, if it has. ``responding``: whether a response is in
        progress.
        """
        changed = self._changed(given)
        if spoken and _output(changed, "voice") not in (_output(self.config, "voice"), *spoken):
            raise problems.voice_is_fixed()
        if responding and _output(changed, "speed") != _output(self.config, "speed"):
            raise problems.speed_is_fixed()
        tracing = changed.get("tracing")
        if tracing is not None and self._traced is not None and _bare(tracing) != _bare(self._traced):
            raise problems.tracing_is_fixed()
        self.config = changed
        self._traced = tracing if self._traced is None else self._traced

    def _changed(self, given: dict[str, Any]) -> dict[str, Any]:
        """The settings with what a client gave in them."""
        shapes.check(self.profile.session_shape, given, "session", problems)
        if self.profile.typed_session and given["type"] != self.config["type"]:
            raise problems.wrong_session_kind(given["type"], self.config["type"])
        given = self.profile.session_in(given)
        self._check(given)
        merged = self._merged(self.config, {key: value for key, value in given.items() if key not in ("type", "model")})
        if "tools" in given:
            merged["tools"] = with_addresses(given["tools"], self.config.get("tools") or ())
        if self.transcribing:
            self._check_detection(merged["audio"]["input"])
        if given.get("instructions") == "":
            merged["instructions"] = self.default_instructions  # openai.md#30
        return merged

    def _check_detection(self, heard: dict[str, Any]) -> None:
        """Some models transcribe as they hear, and take no turn detection: in a transcription session (openai.md#40).

        In a session with responses they do: openai.md#80, openai.md#93.
        """
        model = (heard["transcription"] or {}).get("model")
        if model in UNDIVIDED and heard["turn_detection"] is not None:
            raise problems.no_detection_for("session.audio.input.turn_detection")

    def _check(self, given: dict[str, Any]) -> None:
        """What a table of shapes cannot say."""
        check_options(given, self.config.get("model") or "", "session", self.profile)
        known = labelled(self.config.get("tools") or ())
        check_tools(given.get("tools") or (), known, "session.tools")
        detection = ((given.get("audio") or {}).get("input") or {}).get("turn_detection") or {}
        threshold = detection.get("threshold")
        if isinstance(threshold, float) and len(f"{threshold!r}".partition(".")[2]) > DECIMALS:
            raise problems.too_many_decimals(threshold, DECIMALS, f"session.{self.profile.detection_path}.threshold")
        check_modalities(given.get("output_modalities"), self.profile, f"session.{self.profile.modalities_path}")
        output = (given.get("audio") or {}).get("output") or {}
        check_voice(output.get("voice"), "session", self.profile)

    def _merged(self, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        """``new`` over ``old``, objects field by field; neither is changed, and what is in them is shared."""
        merged = dict(old)
        for key, value in new.items():
            if value is None and key in NOT_GIVEN:
                continue
            if key == "turn_detection":
                merged[key] = self.profile.detection(merged.get(key), value)
            elif key == "transcription":
                merged[key] = None if value is None else {**self.profile.transcription_fields, **value}
            elif isinstance(value, dict) and isinstance(merged.get(key), dict) and key not in WHOLE:
                merged[key] = self._merged(merged[key], value)
            else:
                merged[key] = value
        return merged

    # --- what is in force ---

    @property
    def turn_detection(self) -> dict[str, Any] | None:
        """The turn detection's settings, or None."""
        shown: dict[str, Any] | None = self.config["audio"]["input"]["turn_detection"]
        return None if shown is None else self.profile.detection_in_force(shown)

    @property
    def transcription(self) -> dict[str, Any] | None:
        """The transcription's settings, or None."""
        transcription: dict[str, Any] | None = self.config["audio"]["input"]["transcription"]
        return {} if transcription is None and self.profile.transcribes_always else transcription

    @property
    def input_format(self) -> dict[str, Any]:
        """The format of the client's audio."""
        audio: dict[str, Any] = self.config["audio"]["input"]["format"] or dict(PCM_24K)
        return audio

    @property
    def output_format(self) -> dict[str, Any]:
        """The format of the model's audio."""
        audio: dict[str, Any] = self.config["audio"]["output"]["format"] or dict(PCM_24K)
        return audio


def check_modalities(given: list[str] | None, profile: Profile, param: str) -> None:
    """One of the combinations that there are; in GA text or audio, never both (openai.md#39).

    ``param``: where an error says that they are.
    """
    known = [sorted(names) for names in profile.modalities]
    if given is not None and sorted(given) not in known:
        raise problems.bad_modalities(given, profile.modalities, param)


def check_voice(voice: object, param: str, profile: Profile) -> None:
    """A voice that exists, or a custom one by id. ``param``: "session" or "response"."""
    if isinstance(voice, str) and profile.voices is not None and voice not in profile.voices:
        raise problems.bad_value(voice, profile.voices, f"{param}.{profile.voice_path}")


def check_options(given: Mapping[str, Any], model: str, place: str, profile: Profile) -> None:
    """Settings that models of the first generation do not have (openai.md#44). ``place``: "session" or "response"."""
    if not profile.lacks_options(model):
        return
    for name in NEWER_OPTIONS:
        if given.get(name) is not None:
            raise problems.unsupported_option(f"{place}.{name}")


def _output(config: dict[str, Any], name: str) -> object:
    return config["audio"].get("output", {}).get(name)


def _bare(tracing: object) -> object:
    """Without the parts that are null: openai-agents sends them (clients.md#44)."""
    if isinstance(tracing, dict):
        return {name: value for name, value in tracing.items() if value is not None}
    return tracing
