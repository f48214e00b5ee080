"""A reply of minutes at pace "instant": all of it comes, in its order, and others are served between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mockserver.engines.simulator import Scripted
from mockserver.engines.simulator.voice.captions import AT_ONCE, BURST
from tests.engines.simulator.elevenlabs.talk import Talk as ElevenLabs
from tests.engines.simulator.gemini.stage import Stage as Gemini
from tests.engines.simulator.nova_sonic.talk import Stream as NovaSonic
from tests.engines.simulator.phonic.talk import Talk as Phonic
from tests.engines.simulator.ultravox.talk import Talk as Ultravox

WORDS = " ".join(f"word{number}" for number in range(300))


def settings() -> Any:
    return {"replier": Scripted([WORDS]), "pace": "instant"}


MORE = 40
"""Events of a burst that are no deltas."""


def ultravox() -> Any:
    talk = Ultravox(**settings())
    talk.write("hello")
    return talk


def phonic() -> Any:
    talk = Phonic(**settings())
    talk.speak("hello")
    return talk


def elevenlabs() -> Any:
    talk = ElevenLabs(**settings())
    talk.write("hello")
    return talk


def nova_sonic() -> Any:
    talk = NovaSonic(**settings())
    talk.speak("hello")
    return talk


def gemini() -> Any:
    talk = Gemini(**settings())
    talk.put({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}})
    return talk


@pytest.mark.parametrize(
    ("begun", "audio", "end"),
    [
        (ultravox, None, None),  # its audio is binary, and not told among its events
        (phonic, "audio_chunk", "assistant_finished_speaking"),
        (elevenlabs, "audio", None),  # nothing tells the end of a turn
        (nova_sonic, "audioOutput", "contentEnd"),
        (gemini, "modelTurn", "turnComplete"),
    ],
)
def test_it_comes_whole_and_in_bursts(begun: Callable[[], Any], audio: str | None, end: str | None) -> None:
    talk = begun()
    talk.wait(10_000)
    heard = getattr(talk, "heard", None) or talk.said
    assert heard() == WORDS
    first, *others = sorted(Counter(at for at, _ in talk.timed).values(), reverse=True)
    assert first <= AT_ONCE + MORE
    assert others[0] <= BURST + MORE
    if audio is not None and end is not None:
        events = [json.dumps(body) for _, body in talk.timed]
        sounds = [place for place, event in enumerate(events) if f'"{audio}"' in event]
        assert f'"{end}"' not in "".join(events[sounds[0] : sounds[-1]])
        assert f'"{end}"' in "".join(events[sounds[-1] :])
