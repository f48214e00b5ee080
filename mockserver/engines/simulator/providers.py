"""Which providers can be simulated, and where each lives. A new one is a line here and a folder beside ``openai``."""

from __future__ import annotations

from importlib import import_module

from mockserver.engines.simulator.common import Provider
from mockserver.engines.simulator.elevenlabs.options import ElevenLabsSettings
from mockserver.engines.simulator.gemini.options import GeminiSettings
from mockserver.engines.simulator.openai.options import OpenAISettings
from mockserver.errors import UsageError

_OPENAI = "mockserver.engines.simulator.openai.source"
HOMES = {
    "openai": _OPENAI,
    "azure": _OPENAI,
    "azure_dated": _OPENAI,
    "azure_voice_live": _OPENAI,
    "xai": _OPENAI,
    "gemini": "mockserver.engines.simulator.gemini.source",
    "elevenlabs": "mockserver.engines.simulator.elevenlabs.source",
}
"""The module of each provider, which has it in ``PROVIDERS``. Loaded when asked for: no start waits for all of them."""


class AnySettings(OpenAISettings, GeminiSettings, ElevenLabsSettings, total=False):
    """The settings of every provider, for mypy. Each provider's own ``Options`` says which it takes."""


def provider_named(name: str) -> Provider:
    """A provider by the name of its dialect. UsageError where nobody simulates it."""
    if name not in HOMES:
        raise UsageError(f"simulator({name!r}): expected one of {', '.join(sorted(HOMES))}")
    found: Provider = import_module(HOMES[name]).PROVIDERS[name]
    return found
