"""Azure's three: OpenAI v1 (GA shapes), OpenAI with a dated api-version and Voice Live (both of the beta shape).

Sources: azure.md#1 to azure.md#39; what the beta shape is: openai.md#155 to openai.md#160.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from mockserver.core.frames import Handshake, Refuse
from mockserver.dialects.openai import course as courses
from mockserver.engines.base import Request
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.openai import problems, schema
from mockserver.engines.simulator.openai.cousins import beta_shape as flat
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import Profile
from mockserver.engines.simulator.shapes import number, record, text

PARTS = ("response.content_part.added", "response.content_part.done")
BAD_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again."
)


class Deployed(Profile):
    """What all of Azure's have in common."""

    translates = False  # unknown
    beta_header_refused = False  # unknown for v1 (azure.md#41); no error for the dated versions (azure.md#18)
    # The handshake is answered with HTTP 401 (azure.md#5). The bodies are those of Azure OpenAI's other calls
    # (azure.md#7, azure.md#8); at a handshake they are unknown (azure.md#40).
    refusals: Mapping[str, tuple[int, str, str]] = {
        "key": (401, "401", BAD_KEY),
        "model": (404, "DeploymentNotFound", NO_DEPLOYMENT),
    }

    version: Literal["needed", "unwanted", "any"] = "any"
    """``api-version``: the dated versions' address holds one (azure.md#2), v1 knows none (azure.md#53)."""
    needs_model = True

    def astray(self, handshake: Handshake, sockets: tuple[str, ...]) -> Astray | None:
        """A wrong path is 404 (azure.md#6); with which body is unknown."""
        if handshake.path not in sockets:
            return Astray(Refuse(404))
        dated = handshake.param("api-version")
        if self.version == "needed" and not dated:
            return Astray(Refuse(404), "this address needs ?api-version=")
        if self.version == "unwanted" and dated is not None:
            # The status is documented (azure.md#53); the body is unknown.
            return Astray(Refuse(401), "this address takes no ?api-version=")
        return None

    def bad_key_answer(self, key: str | None) -> tuple[int, dict[str, Any]]:
        """As at the handshake. Whether no key at all is worded so too is unknown."""
        status, name, message = self.refusals["key"]
        return status, {"error": {"code": name, "message": message}}

    def model_problem(self, model: str | None) -> ClientProblem | None:
        """What is said where no deployment is named is unknown (azure.md#54); here as of one that is none."""
        return problems.no_model() if model is None and self.needs_model else None

    def knows_model(self, model: str) -> bool:
        """A deployment is named by whoever made it, so any name may exist."""
        return bool(model)


class AzureProfile(Deployed):
    """Azure OpenAI, v1: ``/openai/v1/realtime?model=DEPLOYMENT``."""

    name = "azure"
    version = "unwanted"
    course = replace(courses.GA, limits=None)  # azure.md#12
    uuid_before_session = False  # unknown; its refusals come before the upgrade
    event_names = (*schema.EVENT_NAMES, "transcription_session.update")  # azure.md#14

    def outgoing(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """The part of content_part events stands there twice (azure.md#11)."""
        if body["type"] in PARTS:
            body = {**body, "content": body["part"]}
        yield body

    def other_answer(self, request: Request, *, ephemeral: bool) -> tuple[int, dict[str, Any]] | None:
        """A call over WebRTC needs a short-lived key (azure.md#9). The shape of the body is that of bad keys."""
        if (request.method, request.path) != ("POST", "/openai/v1/realtime/calls") or ephemeral:
            return None
        return 401, {"error": {"code": "401", "message": "This operation requires ephemeral tokens"}}


# --- dated ----------------------------------------------------------------------------------------------------------

_SESSION = record(
    model=text(),
    modalities=schema.MODALITIES,
    instructions=text(),
    voice=text(),
    input_audio_format=flat.FORMAT_NAMES,
    output_audio_format=flat.FORMAT_NAMES,
    input_audio_transcription=schema.TRANSCRIPTION,
    input_audio_noise_reduction=schema.NOISE_REDUCTION,
    turn_detection=schema.TURN_DETECTION,
    tools=schema.FUNCTION_TOOLS,
    tool_choice=schema.TOOL_CHOICE,
    temperature=flat.TEMPERATURE,
    max_response_output_tokens=schema.MAX_TOKENS,
    # The openai package and livekit know these two in a beta session too (openai.md#156). Tracing is refused
    # (azure.md#46).
    speed=number(0.25, 1.5),
    include=schema.INCLUDE,
)
_RESPONSE = flat.response_shape(text(), flat.FORMAT_NAMES, flat.TEMPERATURE)


class AzureDatedProfile(flat.Flat, Deployed):
    """Azure OpenAI with ``api-version`` and ``deployment`` in the query.

    No recording of Azure's own is public: names, fields and order are those of the OpenAI beta (azure.md#17).
    """

    name = "azure_dated"
    version = "needed"
    course = courses.BETA  # also its limits before the output; of Azure unknown (azure.md#42)
    rate_limit_names = ("requests", "tokens")
    events = flat.client_events(_SESSION, _RESPONSE)
    session_shape = _SESSION
    shown = (
        *("id", "object", "model", "expires_at", "modalities", "instructions", "voice"),
        *("input_audio_format", "output_audio_format", "input_audio_transcription"),
        *("turn_detection", "tools", "tool_choice", "temperature", "max_response_output_tokens"),
        "client_secret",
    )
    shown_if_set = ("input_audio_noise_reduction", "include")
    # The recorded session of the beta shows no interrupt_response; later versions have it (openai.md#160).
    server_vad: Mapping[str, Any] = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
    }
    transcription_fields: Mapping[str, None] = {}  # the beta's example shows what was given alone

    def model_asked(self, handshake: Handshake) -> str | None:
        """The deployment (azure.md#2)."""
        return handshake.param("deployment") or super().model_asked(handshake)

    def defaults(self, model: str, instructions: str) -> dict[str, Any]:
        """Those of a session of the beta (openai.md#160); its voice was chosen by its client."""
        config = super().defaults(model, instructions)
        config["audio"]["input"]["turn_detection"] = dict(self.server_vad)
        config["output_modalities"] = ["audio", "text"]
        return {**config, "temperature": 0.8, "client_secret": None}

    def event_out(self, body: dict[str, Any]) -> dict[str, Any]:
        """The name of a function is not repeated at the end of its arguments (openai.md#159)."""
        if body["type"] == "response.function_call_arguments.done":
            return {key: value for key, value in body.items() if key != "name"}
        return body

    def usage_out(self, usage: dict[str, Any]) -> dict[str, Any]:
        """No images in the beta (openai.md#159)."""
        details = usage["input_token_details"]
        return {
            **usage,
            "input_token_details": {
                **_without(details, "image_tokens"),
                "cached_tokens_details": _without(details["cached_tokens_details"], "image_tokens"),
            },
        }


def _without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}
