"""A reply of minutes at pace "instant": all of it comes, in its order, and others are served between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mockserver.core.frames import Binary, Effect, Send, Text
from mockserver.engines.simulator import Scripted, ToolCall, simulator
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.replies.recall import LONGEST
from mockserver.engines.simulator.voice.captions import AT_ONCE, BURST, cues
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.speech import duration_ms, tones
from tests.engines.simulator.caller import Caller
from tests.engines.simulator.elevenlabs.talk import Talk as ElevenLabs
from tests.engines.simulator.gemini.stage import Stage as Gemini
from tests.engines.simulator.gpt_live.talk import RESPONSES
from tests.engines.simulator.gpt_live.talk import Talk as GptLive
from tests.engines.simulator.nova_sonic.talk import Stream as NovaSonic
from tests.engines.simulator.personaplex.talk import Talk as PersonaPlex
from tests.engines.simulator.phonic.talk import Talk as Phonic
from tests.engines.simulator.stage import Stage as OpenAI
from tests.engines.simulator.ultravox.talk import Talk as Ultravox
from tests.engines.simulator.ultravox.talk import made

WORDS = " ".join(f"word{number}" for number in range(180))
MORE = 40
"""Events of a burst that are no deltas."""


def reply(said: Any = WORDS) -> Any:
    return {"replier": Scripted([said]), "pace": "instant"}


def ultravox(said: Any = WORDS, medium: str = "VOICE") -> Any:
    source = simulator("ultravox", **reply(said))
    talk = Ultravox(
        source, call=made(source, firstSpeaker="FIRST_SPEAKER_USER", initialOutputMedium=f"MESSAGE_MEDIUM_{medium}")
    )
    talk.write("hello")
    return talk


def phonic(said: Any = WORDS) -> Any:
    talk = Phonic(**reply(said))
    talk.put({"type": "generate_reply"})
    return talk


def elevenlabs(said: Any = WORDS, **settings: Any) -> Any:
    talk = ElevenLabs(**reply(said), **settings)
    talk.write("hello")
    return talk


def nova_sonic(said: Any = WORDS) -> Any:
    talk = NovaSonic(**reply(said))
    talk.write("hello", interactive=True)
    return talk


def gemini(said: Any = WORDS, **settings: Any) -> Any:
    talk = Gemini(**reply(said), **settings)
    talk.write("hello")
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


# --- as long as a reply of Recall can be ---

LONG = " ".join(f"word{number}" for number in range(3_000))[:LONGEST]
SHORT_SENTENCES = "Yes. " * (LONGEST // 5)
LONG_WORD = "ab-" * (LONGEST // 3)
"""All of its pieces would come at its beginning."""
CALL = ToolCall("f", {"words": LONG})
WRITES: dict[str, Any] = {
    "model": "gemini-live-2.5-flash-preview",
    "setup": {"generationConfig": {"responseModalities": ["TEXT"]}},
}


def openai(said: Any, **session: Any) -> Any:
    stage = OpenAI(**reply(said))
    stage.update(**session)
    content = [{"type": "input_text", "text": "hello"}]
    stage.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    stage.send("response.create")
    return stage


def gpt_live(said: Any) -> Any:
    talk = GptLive(**reply(said))
    talk.append("commentary", "hello")
    talk.listen(3_000)
    return talk


def backend(said: Any) -> Any:
    talk = GptLive(**reply(said), start={"delegation": RESPONSES})
    talk.put({"type": "response.create"})
    return talk


def personaplex(said: Any) -> Any:
    talk = PersonaPlex(**reply(said), first_speaker="agent")
    talk.listen(400)
    return talk


SYMBOLS = AT_ONCE * 10 + 100
"""Of 20 ms, in so many pieces of 200 ms."""


class Works:
    """What one turn of a server's loop makes: messages, and symbols of speech."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[int] = []
        self.symbols: list[int] = []
        self.sent: list[Text | Binary] = []
        self._symbols = 0
        waveform = tones._waveform

        def counted(rate: int, count: int, symbol: int) -> bytes:
            self._symbols += 1
            return waveform(rate, count, symbol)

        monkeypatch.setattr(tones, "_waveform", counted)
        for name in ("feed", "wake"):
            monkeypatch.setattr(DeskEngine, name, self._watched(getattr(DeskEngine, name)))
        # No test here reads an event of these, and to check thousands strictly takes long.
        monkeypatch.setattr(Caller, "_came", lambda *_: None)

    def _watched(self, real: Callable[..., list[Effect]]) -> Callable[..., list[Effect]]:
        def turn(*given: Any) -> list[Effect]:
            self._symbols = 0
            done = real(*given)
            frames = [one.frame for one in done if isinstance(one, Send)]
            self.messages.append(len(frames))
            self.symbols.append(self._symbols)
            self.sent += [frame for frame in frames if isinstance(frame, Text | Binary)]
            return done

        return turn


SPOKEN: dict[str, Callable[[Any], Any]] = {
    "ultravox": ultravox,
    "phonic": phonic,
    "elevenlabs": elevenlabs,
    "nova_sonic": nova_sonic,
    "gemini": gemini,
    "openai": openai,
    "gpt_live": gpt_live,
    "personaplex": personaplex,
}


@pytest.mark.parametrize("text", [LONG, SHORT_SENTENCES, LONG_WORD], ids=["words", "sentences", "a word"])
@pytest.mark.parametrize("name", SPOKEN)
def test_no_turn_of_the_loop_makes_much_of_it(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    works = Works(monkeypatch)
    talk = SPOKEN[name](text)
    for _ in range(10):
        if name != "personaplex":  # its time is what comes in
            talk.step()
    assert max(works.messages) <= 5 * AT_ONCE, "a sentence of two deltas has some events of its own"
    assert 0 < max(works.symbols) <= SYMBOLS
    assert sum(works.symbols) < duration_ms(text) // 20 // 2, "the control: it is far from its end"


WRITTEN: dict[str, tuple[Callable[[], Any], Callable[[dict[str, Any]], str]]] = {
    "ultravox": (lambda: ultravox(LONG, "TEXT"), lambda body: body.get("delta", "")),
    "elevenlabs": (
        lambda: elevenlabs(LONG, text_only=True),
        lambda body: body.get("text_response_part", {}).get("text", ""),
    ),
    "gemini": (
        lambda: gemini(LONG, **WRITES),
        lambda body: body.get("serverContent", {}).get("modelTurn", {"parts": [{"text": ""}]})["parts"][0]["text"],
    ),
    "openai": (lambda: openai(LONG, output_modalities=["text"]), lambda body: body.get("delta", "")),
    "openai's call": (lambda: openai(CALL), lambda body: body.get("delta", "")),
    "gpt_live": (lambda: backend(LONG), lambda body: body.get("event", {}).get("delta", "")),
    "gpt_live's call": (lambda: backend(CALL), lambda body: body.get("event", {}).get("delta", "")),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_comes_whole_and_in_bursts(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    begun, delta = WRITTEN[name]
    works = Works(monkeypatch)
    begun().wait(5_000)
    bodies = [json.loads(frame.data) for frame in works.sent]
    assert "".join(map(delta, bodies)) == (CALL.json if "call" in name else LONG)
    assert max(works.messages) <= AT_ONCE + MORE
    assert sorted(works.messages)[-2] <= BURST + MORE


def test_at_the_pace_of_speech_the_pieces_of_one_word_do_not_come_at_once() -> None:
    pace = Pace(audio_speed=1.0)
    made = [cue for cue in cues(LONG_WORD, 0, AudioFormat("pcm", 8_000), pace) if cue.caption]
    assert "".join(cue.caption for cue in made) == LONG_WORD
    assert max(Counter(cue.at for cue in made).values()) == AT_ONCE
    assert max(cue.at for cue in made) < duration_ms(LONG_WORD)
    few = [cue.at for cue in cues("ab-" * (AT_ONCE // 2), 0, AudioFormat("pcm", 8_000), pace) if cue.caption]
    assert len({*few}) == 1, "the control"
