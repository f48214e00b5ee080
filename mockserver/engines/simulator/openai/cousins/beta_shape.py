"""The beta shape that two of Azure's services speak: a flat session, older event names, ``conversation.item.created``.

Sources: openai.md#155 to openai.md#160 for the beta, azure.md#20 to azure.md#39 for Voice Live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mockserver.dialects.openai import course as courses
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.openai import schema
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.profile import PCM_24K, Profile
from mockserver.engines.simulator.shapes import Shape, number, text, variants

NAMES = {
    "conversation.item.added": "conversation.item.created",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}
"""GA's name of a server event and the beta's (openai.md#155)."""

FORMATS: Mapping[str, Mapping[str, Any]] = {
    "pcm16": PCM_24K,
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
PLACES: Mapping[str, tuple[str, ...]] = {
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
}
"""Where a flat setting stands in a GA session; the others have the same name at the top."""

CONTENT = {"output_text": "text", "output_audio": "audio"}
"""GA's type of an assistant's content part and the beta's."""


def item_shapes(assistant: Iterable[str] = ("text",)) -> dict[str, Shape]:
    """Items as a client may make them: an assistant's text is ``text`` (openai.md#157)."""
    return schema.item_kinds(dict.fromkeys(assistant, schema.TEXT_PART))


def client_events(session: Shape, response: Shape, *, assistant: Iterable[str] = ("text",)) -> dict[str, Shape]:
    """The client events of the beta. ``assistant``: the types of text that an assistant's message may have."""
    item = variants("type", item_shapes(assistant))
    return {
        **schema.CLIENT_EVENTS,
        "session.update": schema.event_shape("session", session=session),
        "conversation.item.create": schema.event_shape("item", previous_item_id=text(null=True), item=item),
        "response.create": schema.event_shape(
            response=Shape(("object", "null"), fields=response.fields, open=response.open)
        ),
    }


def response_shape(voice: Shape, formats: Shape, temperature: Shape) -> Shape:
    """``response.create`` of the beta (its example; both names of the token limit are in use)."""
    given = dict(schema.RESPONSE.fields or {})
    for name in ("output_modalities", "audio", "parallel_tool_calls", "reasoning", "prompt"):
        del given[name]
    references = variants("type", {**item_shapes(), "item_reference": schema.REFERENCE})
    return Shape(
        fields={
            **given,
            "input": Shape(("array",), of=references),
            "modalities": schema.MODALITIES,
            "voice": voice,
            "output_audio_format": formats,
            "temperature": temperature,
            "max_response_output_tokens": schema.MAX_TOKENS,
        }
    )


TEMPERATURE = number(0.6, 1.2)
"""The beta's bounds (openai.md#159)."""
FORMAT_NAMES = text(*FORMATS)


GA_ONLY = frozenset(("type", "audio", "output_modalities", "max_output_tokens"))
"""What the engine calls settings that have other names on this wire. Here they are fields that nobody knows: where the
wire lets unknown fields by, they must not be taken for settings.
"""


class Flat(Profile):
    """The engine's GA events and settings on a beta wire. ``shown``: the session's fields, in order."""

    transcription_sessions = False  # the beta's have events of their own: not modelled
    typed_session = False
    # The beta's short-lived keys come from another path (openai.md#161), of Voice Live's nothing is known
    # (azure.md#45): neither is modelled.
    gives_secrets = False
    obfuscation = False  # openai.md#159, azure.md#39
    beta_header_refused = False
    course = courses.BETA
    modalities: tuple[tuple[str, ...], ...] = (("text",), ("audio", "text"))
    event_names = tuple(schema.CLIENT_EVENTS)
    modalities_path = "modalities"
    detection_path = "turn_detection"
    voice_path = "voice"
    shown: tuple[str, ...] = ()
    shown_if_set: tuple[str, ...] = ()

    # --- settings ---

    def session_in(self, given: dict[str, Any]) -> dict[str, Any]:
        """Flat settings as a GA session."""
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name in GA_ONLY:
                continue
            *way, last = PLACES.get(name, (name,))
            inner = found
            for step in way:
                inner = inner.setdefault(step, {})
            inner[last] = self.format_in(value) if last == "format" else value
        return found

    def session_out(self, config: dict[str, Any], name: str) -> dict[str, Any]:
        """A GA session as flat settings."""
        wanted = [*self.shown, *(name for name in self.shown_if_set if _at(config, name) is not None)]
        body = {name: _at(config, name) for name in wanted}
        for name in ("input_audio_format", "output_audio_format"):
            body[name] = self.format_out(body[name])
        return body

    def format_in(self, name: str | None) -> dict[str, Any] | None:
        """A format's name as GA has it."""
        return None if name is None else dict(FORMATS[name])

    def format_out(self, sound: Mapping[str, Any] | None) -> str | None:
        """A format by its name."""
        if sound is None:
            return None
        return next(name for name, known in FORMATS.items() if known["type"] == sound["type"])

    def response_extra(self, asked: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
        """A response shows its temperature (openai.md#159)."""
        return {"temperature": asked.get("temperature", config.get("temperature"))}

    # --- events ---

    def incoming(self, body: dict[str, Any]) -> dict[str, Any]:
        """Items and ``response.create`` as GA has them."""
        if body["type"] == "conversation.item.create":
            return {**body, "item": _item_in(body["item"])}
        response = body.get("response")
        if body["type"] != "response.create" or not response:
            return body
        asked = {key: value for key, value in response.items() if value is not None}
        if "max_response_output_tokens" in asked:
            asked.setdefault("max_output_tokens", asked.pop("max_response_output_tokens"))
        if "modalities" in asked:
            asked["output_modalities"] = asked.pop("modalities")
        output = {}
        if "voice" in asked:
            output["voice"] = asked.pop("voice")
        if "output_audio_format" in asked:
            output["format"] = self.format_in(asked.pop("output_audio_format"))
        if output:
            asked["audio"] = {"output": output}
        if "input" in asked:
            asked["input"] = [_item_in(item) for item in asked["input"]]
        return {**body, "response": asked}

    def outgoing(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """Beta names; items with ``object`` and the beta's content types; no ``conversation.item.done``."""
        name = body["type"]
        if name == "conversation.item.done":
            return
        body = {**body, "type": NAMES.get(name, name)}
        if "item" in body:
            body["item"] = item_out(body["item"])
        if "response" in body:
            body["response"] = self.response_out(body["response"])
        yield self.event_out(body)

    def event_out(self, body: dict[str, Any]) -> dict[str, Any]:
        """What else differs in one event."""
        return body

    def response_out(self, response: dict[str, Any]) -> dict[str, Any]:
        """A GA response as the beta shows it (openai.md#159)."""
        body = dict(response)
        output = body.pop("audio")["output"]
        modalities = body.pop("output_modalities")
        usage = body["usage"]
        return {
            **body,
            "output": [item_out(item) for item in body["output"]],
            "modalities": modalities,
            "voice": output["voice"],
            "output_audio_format": self.format_out(output["format"]),
            "usage": None if usage is None else self.usage_out(usage),
        }

    def usage_out(self, usage: dict[str, Any]) -> dict[str, Any]:
        """What a response used."""
        return usage


def item_out(item: dict[str, Any]) -> dict[str, Any]:
    """A GA item as the beta shows it."""
    body = {"id": item["id"], "object": "realtime.item", **item}
    if "content" in item:
        body["content"] = [{**part, "type": CONTENT.get(part["type"], part["type"])} for part in item["content"]]
    return body


def _item_in(item: dict[str, Any]) -> dict[str, Any]:
    """A client's item as a GA item."""
    if item.get("role") != "assistant" or "content" not in item:
        return item
    parts = [{**part, "type": "output_text"} if part["type"] == "text" else part for part in item["content"]]
    return {**item, "content": parts}


def _at(config: Mapping[str, Any], name: str) -> Any:
    found: Any = config
    for step in PLACES.get(name, (name,)):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
