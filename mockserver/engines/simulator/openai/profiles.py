"""What differs between providers of the OpenAI family, one profile each, by the name of the dialect."""

from __future__ import annotations

from mockserver.engines.simulator.openai.cousins.azure import AzureDatedProfile, AzureProfile
from mockserver.engines.simulator.openai.cousins.voice_live import AzureVoiceLiveProfile
from mockserver.engines.simulator.openai.cousins.xai import XAIProfile
from mockserver.engines.simulator.openai.profile import Profile
from mockserver.errors import UsageError

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (Profile(), AzureProfile(), AzureDatedProfile(), AzureVoiceLiveProfile(), XAIProfile())
}


def profile_for(name: str) -> Profile:
    """The profile of a dialect. UsageError where the simulator does not know that provider."""
    if name not in PROFILES:
        raise UsageError(f"simulator({name!r}): expected one of {', '.join(sorted(PROFILES))}")
    return PROFILES[name]
