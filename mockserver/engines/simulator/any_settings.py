"""The settings of every provider, for who reads types. No server loads them: each ``Options`` checks its own."""

from __future__ import annotations

from mockserver.engines.simulator.elevenlabs.options import ElevenLabsSettings
from mockserver.engines.simulator.gemini.options import GeminiSettings
from mockserver.engines.simulator.gpt_live.options import LiveSettings
from mockserver.engines.simulator.nova_sonic.options import NovaSonicSettings
from mockserver.engines.simulator.openai.options import OpenAISettings
from mockserver.engines.simulator.personaplex.options import PersonaPlexSettings
from mockserver.engines.simulator.phonic.options import PhonicSettings
from mockserver.engines.simulator.ultravox.options import UltravoxSettings


class AnySettings(
    OpenAISettings,
    GeminiSettings,
    ElevenLabsSettings,
    LiveSettings,
    UltravoxSettings,
    PhonicSettings,
    PersonaPlexSettings,
    NovaSonicSettings,
    total=False,
):
    """The settings of every provider, for mypy. Each provider's own ``Options`` says which it takes."""
