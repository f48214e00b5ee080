# test_nova_sonic.py
"""Nova Sonic is interrupted: its audio came faster than it plays, so the client has to throw away what is left."""

import pytest
from sonic_client import talking

from mockserver import Scripted, simulator, speech

COUNT = "one two three four five six seven eight nine ten eleven twelve"


def sonic(**settings):
    """A model that counts, and then stops."""
    return simulator("nova_sonic", replier=Scripted([COUNT, "I stop."]), require_key=False, **settings)


async def interrupt(server):
    """The model counts; the user says something after two seconds. Returns the words that were played."""
    async with talking(server) as talk:
        talk.begin("Be brief.")
        await talk.speak("count", silence_s=4)
        await talk.speak("please stop now", silence_s=5)
    return speech.decode(talk.played, 24_000)


@pytest.mark.realtime_mock(simulator=sonic(), virtual_time=True)
async def test_what_was_not_played_is_thrown_away(realtime_mock):
    played = await interrupt(realtime_mock)

    assert played.startswith("one two three")
    assert "twelve" not in played
    assert played.endswith("I stop.")


@pytest.mark.realtime_mock(simulator=sonic(misbehave="interruption_ignored"), virtual_time=True)
async def test_a_model_that_talks_on(realtime_mock):
    played = await interrupt(realtime_mock)

    with pytest.raises(AssertionError):
        assert "twelve" not in played
