"""Azure Voice Live: a session of its own on the beta's wire, with an OpenAI model or a cascade of models behind it.

Sources: azure.md#20 to azure.md#39, azure.md#47 to azure.md#51.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mockserver.core.ids import Ids
from mockserver.dialects.openai import course as courses
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.openai import schema
from mockserver.engines.simulator.openai.cousins import beta_shape as flat
from mockserver.engines.simulator.openai.cousins.azure import Deployed
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.profile import PCM_24K
from mockserver.engines.simulator.shapes import FLAG, Shape, integer, text, variants

_DETECTIONS = {
    # Fields of its own detectors are not modelled, and taken as they are (Microsoft: voicelive-api-reference).
    kind: Shape(
        open=True,
        fields={
            "type": text(),
            "threshold": Shape(("number", "null"), least=0, most=1),
            "prefix_padding_ms": integer(0, null=True),
            "silence_duration_ms": integer(0, null=True),
            "create_response": FLAG,
            "interrupt_response": FLAG,
        },
    )
    for kind in (
        *("server_vad", "semantic_vad", "azure_semantic_vad", "azure_semantic_vad_en"),
        "azure_semantic_vad_multilingual",
    )
}
_VOICE = Shape(("string", "object"), open=True, fields={"name": text(), "type": text()})
_LIVE_SESSION = Shape(
    open=True,  # animation, avatar and so on: not modelled, echoed as they are
    fields={
        "model": text(),
        "modalities": schema.MODALITIES,
        "instructions": text(null=True),
        "voice": _VOICE,
        "input_audio_format": flat.FORMAT_NAMES,
        "output_audio_format": flat.FORMAT_NAMES,
        "input_audio_sampling_rate": Shape(("integer",), least=8_000, most=24_000),
        "input_audio_transcription": Shape(("object", "null")),
        "turn_detection": variants("type", _DETECTIONS, null=True),
        "tools": schema.FUNCTION_TOOLS,
        "tool_choice": schema.TOOL_CHOICE,
        "temperature": Shape(("number", "null")),
        "max_response_output_tokens": schema.MAX_TOKENS,
    },
)
_LIVE_RESPONSE = flat.response_shape(_VOICE, flat.FORMAT_NAMES, Shape(("number", "null")))
_EXTRAS = (
    *("animation", "input_audio_echo_cancellation", "avatar", "output_audio_timestamp_types"),
    *("truncation_strategy", "include"),
)


SPEAKING = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime", "phi4-mm-realtime", "azure-realtime")
"""Models that hear and speak themselves, by the begin of a deployment's name; the others are cascades (azure.md#48)."""
VOICE_FIELDS: Mapping[str, Any] = dict.fromkeys(
    (
        *("name", "type", "temperature", "custom_lexicon_url", "custom_text_normalization_url", "prefer_locales"),
        *("locale", "style", "pitch", "rate", "volume"),
    )
)
SEMANTIC_FIELDS: Mapping[str, Any] = {
    "profile": "classic",
    **dict.fromkeys(("neg_threshold", "window_size", "distinct_ci_phones", "require_vowel")),
    "require_vowel_assistant_speaking": None,
    "remove_filler_words": False,
}
END_OF_UTTERANCE: Mapping[str, Any] = {"threshold": None, "threshold_level": "default", "timeout": None}
"""What an update with one of Azure's own detectors fills in (azure.md#50)."""


class AzureVoiceLiveProfile(flat.Flat, Deployed):
    """Azure Voice Live, its basics: sessions, turns and tools with an OpenAI model behind it."""

    name = "azure_voice_live"
    needs_model = False  # unknown (azure.md#54); an agent of its own has none
    course = replace(courses.BETA, limits=None)  # azure.md#29
    modalities = (("text",), ("audio",), ("audio", "text"))  # azure.md#33
    events = flat.client_events(_LIVE_SESSION, _LIVE_RESPONSE, assistant=("text", "output_text"))
    session_shape = _LIVE_SESSION
    voices = None  # OpenAI's and Azure's own
    shown = (
        *("id", "model", "modalities", "instructions", "voice", "input_audio_format"),
        *("output_audio_format", "input_audio_transcription", "input_audio_noise_reduction"),
        *("turn_detection", "tools", "tool_choice", "max_response_output_tokens", "expires_at"),
        *("object", "input_audio_sampling_rate", *_EXTRAS),
    )
    # What it fills in where a client asks for server_vad; a new session has other values (azure.md#25).
    server_vad: Mapping[str, Any] = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 400,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
        "idle_timeout_ms": None,
        "speech_duration_ms": None,
        "end_of_utterance_detection": None,
        "auto_truncate": False,
        "appended_text_after_truncation": None,
    }
    transcription_fields: Mapping[str, None] = dict.fromkeys(
        ("model", "language", "prompt", "custom_speech", "phrase_list")
    )

    def __init__(self) -> None:
        self.newer = True  # whether a session shows what those recorded later do (azure.md#47)
        self.cascade = False  # whether the model is one of text between two of speech (azure.md#48)
        self._held: dict[str, dict[str, Any]] = {}  # items of speech whose transcript is not told yet

    def fresh(self) -> AzureVoiceLiveProfile:
        """One for each connection."""
        return AzureVoiceLiveProfile()

    def configure(self, options: OpenAIOptions, model: str) -> None:
        """What the session's model and the test's settings decide."""
        self.newer = options.voice_live_fields == "newer"
        self.cascade = not model.startswith(SPEAKING)
        self.transcribes_first = self.cascade
        self.shown = (
            *type(self).shown,
            *(("greeting", "handoff") if self.newer else ()),
            *(("temperature",) if self.cascade else ()),
            *(("reasoning_effort",) if self.cascade and model.startswith("gpt-5") else ()),
        )
        if self.newer:
            self.server_vad = without(dict(type(self).server_vad), "end_of_utterance_detection")
            self.transcription_fields = {**type(self).transcription_fields, "delay": None}

    def mint(self, what: str, ids: Ids) -> str:
        """Most event ids have 22 characters (azure.md#22); the others are OpenAI's."""
        return ids.mint("event_", 22, self.alphabet) if what == "event" else super().mint(what, ids)

    def defaults(self, model: str, instructions: str) -> dict[str, Any]:
        """As azure.md#23 shows; the model's own voice and silence, as OpenAI has them."""
        config = super().defaults(model, instructions)
        heard, said = config["audio"]["input"], config["audio"]["output"]
        heard["turn_detection"] = {
            **self.server_vad,
            "prefix_padding_ms": 300,
            "silence_duration_ms": heard["turn_detection"]["silence_duration_ms"],
        }
        said |= {"voice": {"name": said["voice"], "type": "openai"}, "format": dict(PCM_24K) if self.newer else None}
        config |= {**dict.fromkeys(_EXTRAS), "input_audio_sampling_rate": 24_000, "greeting": None, "handoff": None}
        if self.cascade:
            heard["turn_detection"] = dict(self.server_vad)
            heard["transcription"] = {**self.transcription_fields, "model": "azure-speech"}
            said["voice"] = _voice({"name": "en-US-AvaNeural", "type": "azure-standard"})
            config |= {"output_modalities": ["text", "audio"], "temperature": 0.8, "reasoning_effort": "minimal"}
        return config

    def session_in(self, given: dict[str, Any]) -> dict[str, Any]:
        """The sampling rate is that of the input format; a voice by its name is one of OpenAI's."""
        found = super().session_in(given)
        if "voice" in given:
            found["audio"]["output"]["voice"] = _voice(given["voice"])
        echo = given.get("input_audio_echo_cancellation")
        if isinstance(echo, dict):
            found["input_audio_echo_cancellation"] = {**echo, "reference_source": "server", "channels": 1}
        asked = given.get("input_audio_transcription")
        if self.cascade and isinstance(asked, dict):
            found["audio"]["input"]["transcription"] = {"language": "", **asked}  # azure.md#28
        rate = given.get("input_audio_sampling_rate")
        if rate is not None and given.get("input_audio_format", "pcm16") == "pcm16":
            heard = found.setdefault("audio", {}).setdefault("input", {})
            heard["format"] = {**PCM_24K, "rate": rate}
        return found

    def incoming(self, body: dict[str, Any]) -> dict[str, Any]:
        """As the beta; a voice as in the session."""
        response = body.get("response")
        if body["type"] == "response.create" and response and response.get("voice"):
            body = {**body, "response": {**response, "voice": _voice(response["voice"])}}
        return super().incoming(body)

    def detection(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any] | None:
        """What is left out goes to the defaults, not to what was there (azure.md#25)."""
        if new is None:
            return None
        base: dict[str, Any] = {**self.server_vad}
        if self.cascade:
            base |= dict.fromkeys(("threshold", "prefix_padding_ms", "silence_duration_ms"))  # azure.md#26
        if str(new["type"]).startswith("azure_semantic_vad"):
            base |= SEMANTIC_FIELDS
            told = new.get("end_of_utterance_detection")
            if isinstance(told, dict):
                new = {**new, "end_of_utterance_detection": {**END_OF_UTTERANCE, **told}}
        return {**base, **new}

    def detection_in_force(self, shown: dict[str, Any]) -> dict[str, Any]:
        """Its semantic detectors are models; ours goes by the silence they are set to."""
        given = {key: value for key, value in shown.items() if value is not None}
        return {**self.server_vad, **given, "type": "server_vad"}

    def outgoing(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """conversation.item.done there is for the user's speech alone (azure.md#30)."""
        item = body.get("item") or {}
        parts = [part["type"] for part in item.get("content", ())]
        if self.cascade and (parts == ["input_audio"] or "transcription." in body["type"]):
            yield from self._told_first(body, desk)
        elif body["type"] == "conversation.item.done" and parts == ["input_audio"]:
            yield {**body, "item": flat.item_out(item)}
        else:
            yield from super().outgoing(body, desk)

    def _told_first(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """With a cascade the transcript comes first, whole, then the item with it (azure.md#34)."""
        if body["type"] == "conversation.item.added":
            self._held[body["item"]["id"]] = body
        elif body["type"].endswith(("transcription.completed", "transcription.failed")):
            held = self._held.pop(body["item_id"], None)
            told = self.event_out(body)
            yield {**told, "language": "en-US"} if "transcript" in told else told
            if held is not None:
                content = [{**part, "transcript": body.get("transcript")} for part in held["item"]["content"]]
                yield from super().outgoing({**held, "item": {**held["item"], "content": content}}, desk)

    def response_out(self, response: dict[str, Any]) -> dict[str, Any]:
        """A cascade has no conversation that it would name, and no limit of tokens (azure.md#49)."""
        shown = super().response_out(response)
        return {**shown, "conversation_id": "", "max_output_tokens": None} if self.cascade else shown

    def usage_out(self, usage: dict[str, Any]) -> dict[str, Any]:
        """Tokens that were written to the cache are counted where a session is of the newer kind (azure.md#47)."""
        if not self.newer:
            return usage
        return {**usage, "input_token_details": {**usage["input_token_details"], "cache_write_tokens": 0}}

    def event_out(self, body: dict[str, Any]) -> dict[str, Any]:
        """The part at the end of a text is empty (azure.md#31)."""
        if body["type"] == "response.content_part.done" and body["part"]["type"] == "text":
            return {**body, "part": {**body["part"], "text": ""}}
        if body["type"].endswith("input_audio_transcription.completed"):
            return without(body, "usage")  # azure.md#30
        if not self.cascade:
            return body
        if body.get("item", {}).get("status") == "in_progress":
            body = {**body, "item": {**body["item"], "status": "incomplete"}}  # azure.md#35
        if body["type"] == "conversation.item.created" and body.get("previous_item_id") is None:
            body = {**body, "previous_item_id": ""}
        return body

    def shows_reasoning(self, model: str) -> bool:
        """Reasoning is counted (azure.md#32)."""
        return True


def _voice(given: Any) -> Any:
    """A voice by its name is one of OpenAI's; of Azure's all fields are shown (azure.md#24)."""
    if isinstance(given, str):
        return {"name": given, "type": "openai"}
    if isinstance(given, dict) and given.get("type") == "azure-standard":
        return {**VOICE_FIELDS, **given}
    return given


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    """All fields but one."""
    return {key: value for key, value in body.items() if key != name}
