"""Azure's three: OpenAI v1 (GA shapes), OpenAI with a dated api-version (beta shapes), Voice Live
(beta shapes of its own).

Sources: azure.md#1, azure.md#2 and azure.md#20. All take an ``api-key`` or an Entra token (azure.md#3), and have no
address that is everyone's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.core.frames import Handshake, Sender
from mockserver.dialects.keys import Keys
from mockserver.dialects.openai.lens import OPENAI, OpenAI, looks_like_azure, session_shape
from mockserver.dialects.openai.problems import DOES, PROBLEMS
from mockserver.dialects.problems import Problem, Trouble

LIMITED = Problem("inference_rate_limit_exceeded", "The rate limit of this deployment is exceeded. Please retry later.")
"""Code and type of azure.md#52; its words are not known, nor is a limit of requests a day."""
KEYS = Keys(
    headers=("api-key", "authorization"),
    params=("api-key",),
    hidden_headers=OPENAI.keys.hidden_headers[1:],
    hidden_subprotocols=OPENAI.keys.secret_subprotocols,
    fields=OPENAI.keys.fields,
    hands_out=OPENAI.keys.hands_out,
)
"""The header, or the query parameter of the same name (azure.md#3). A browser's subprotocol is OpenAI's alone
(azure.md#4)."""


class Azure(OpenAI):
    """Azure OpenAI, v1: ``/openai/v1/realtime?model=DEPLOYMENT``."""

    name = "azure"
    calls = None
    title = "Azure OpenAI Realtime"
    upstream = None
    base_path = "/openai/v1"
    socket_path = "/openai/v1/realtime"
    paths: tuple[str, ...] = ("/openai/v1/realtime", "/openai/realtime")
    env_vars = {"AZURE_OPENAI_ENDPOINT": "{http}", "AZURE_OPENAI_API_KEY": "{key}"}
    keys = replace(KEYS, env="AZURE_OPENAI_API_KEY")
    # The service's own facts begin where its page tells of a difference; whether it refuses the beta's is not known.
    does = {**{name: fact for name, fact in DOES.items() if name != "beta retired"}, "rate limit": "azure.md#52"}
    problems: Mapping[Trouble, Problem] = {
        name: LIMITED if name == "rate_limit" else problem
        for name, problem in PROBLEMS.items()
        if name != "request_limit"
    }

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By a part that stands in its event twice."""
        return looks_like_azure(said) if session_shape(said) == "ga" else False


class AzureDated(Azure):
    """Azure OpenAI with ``api-version`` and ``deployment`` in the query: the beta shape."""

    name = "azure_dated"
    calls = None
    title = "Azure OpenAI Realtime (dated api-version)"
    base_path = "/openai"
    socket_path = "/openai/realtime"
    paths = ("/openai/realtime",)

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """Never: its shapes are those of the beta, and no recording shows what is its own."""
        return False

    def recognises(self, handshake: Handshake) -> bool:
        """By the api-version that v1 has no use for."""
        return super().recognises(handshake) and handshake.param("api-version") is not None


class AzureVoiceLive(OpenAI):
    """Azure Voice Live: ``/voice-live/realtime?api-version=...&model=...``, beta names, ``voice`` an object."""

    name = "azure_voice_live"
    calls = None
    title = "Azure Voice Live"
    words: tuple[str, ...] = ("voice_live",)
    upstream = None
    base_path = ""
    socket_path = "/voice-live/realtime"
    paths = ("/voice-live/realtime",)
    does = {**Azure.does, "rate limit": DOES["rate limit"], "cancel not active": "azure.md#38"}
    env_vars = {"AZURE_VOICELIVE_ENDPOINT": "{http}", "AZURE_VOICELIVE_API_KEY": "{key}"}
    keys = replace(KEYS, env="AZURE_VOICELIVE_API_KEY")

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By fields of the session that only it has."""
        return session_shape(said) == "voice live"


AZURE = Azure()
AZURE_DATED = AzureDated()
AZURE_VOICE_LIVE = AzureVoiceLive()
