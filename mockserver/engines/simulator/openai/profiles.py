"""What differs between providers of the OpenAI family, one profile each, by the name of the dialect.

A cousin is loaded when it is asked for: no start waits for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from mockserver.engines.simulator.openai.profile import Profile
from mockserver.errors import UsageError


def _azure() -> Profile:
    from mockserver.engines.simulator.openai.cousins.azure import AzureProfile

    return AzureProfile()


def _azure_dated() -> Profile:
    from mockserver.engines.simulator.openai.cousins.azure import AzureDatedProfile

    return AzureDatedProfile()


def _azure_voice_live() -> Profile:
    from mockserver.engines.simulator.openai.cousins.voice_live import AzureVoiceLiveProfile

    return AzureVoiceLiveProfile()


def _xai() -> Profile:
    from mockserver.engines.simulator.openai.cousins.xai import XAIProfile

    return XAIProfile()


PROFILES: Mapping[str, Callable[[], Profile]] = {
    "openai": Profile,
    "azure": _azure,
    "azure_dated": _azure_dated,
    "azure_voice_live": _azure_voice_live,
    "xai": _xai,
}


@cache
def profile_for(name: str) -> Profile:
    """The profile of a dialect. UsageError where the simulator does not know that provider."""
    if name not in PROFILES:
        raise UsageError(f"simulator({name!r}): expected one of {', '.join(sorted(PROFILES))}")
    return PROFILES[name]()
