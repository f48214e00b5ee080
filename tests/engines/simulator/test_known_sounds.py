"""Audio that the test knows, and audio that is no speech: what is heard in each, and which transcripts it uses up."""

from __future__ import annotations

import io
import math
import random
import wave
from array import array
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from mockserver import speech
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.errors import SpecError, UsageError
from mockserver.replies import KnownSound, Rule, Rules
from mockserver.speech.contour import ALIKE, contour
from tests.engines.simulator.stage import Stage

RATE = 24_000


@cache
def voice(seed: int, *, syllables: int = 4, rate: int = RATE) -> bytes:
    """Somebody speaks: hisses, and vowels that swell at a pitch and a colour of their own."""
    dice = random.Random(seed)
    out: list[float] = []
    for _ in range(syllables):
        hiss, last = round(rate * dice.uniform(0.03, 0.08)), 0.0
        for place in range(hiss):
            now = dice.gauss(0, 1)
            out.append(600 * math.sin(math.pi * place / hiss) * (now - last))
            last = now
        size, pitch, colour = round(rate * dice.uniform(0.08, 0.2)), dice.uniform(90, 220), dice.uniform(500, 2_500)
        for place in range(size):
            swell = math.sin(math.pi * place / size)
            tones = math.sin(2 * math.pi * pitch * place / rate) + 0.5 * math.sin(2 * math.pi * colour * place / rate)
            out.append(6_000 * swell * tones)
        out += [0.0] * round(rate * dice.uniform(0, 0.06))
    return array("h", (round(max(-32_000, min(32_000, one))) for one in out)).tobytes()


def louder(pcm: bytes, gain: float) -> bytes:
    return array("h", (round(max(-32_768, min(32_767, one * gain))) for one in array("h", pcm))).tobytes()


def wav(pcm: bytes, *, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(pcm)
    return out.getvalue()


HELLO, BYE = voice(1), voice(2)
BEEP = array("h", (round(8_000 * math.sin(place / 4)) for place in range(12_000))).tobytes()


def changed(pcm: bytes) -> dict[str, tuple[bytes, int]]:
    """The same utterance as it may come."""
    third = array("h", pcm)
    thinned = array(
        "h", ((third[place] + third[place + 1] + third[place + 2]) // 3 for place in range(0, len(third) - 2, 3))
    )
    return {
        "as it is": (pcm, RATE),
        "quiet": (louder(pcm, 0.2), RATE),
        "loud": (louder(pcm, 2.0), RATE),
        "by telephone": (speech.ulaw_decode(speech.ulaw_encode(thinned.tobytes())), 8_000),
        "with silence around it": (bytes(9_602) + pcm + bytes(24_000), RATE),
        "cut a little late": (pcm[2_400:], RATE),
    }


def test_an_utterance_is_the_same_whatever_its_gain_its_rate_and_its_edges() -> None:
    for seed in range(2):
        pcm = voice(seed)
        for name, (other, rate) in changed(pcm).items():
            assert contour(pcm, RATE).differs(contour(other, rate)) < ALIKE, (seed, name)


def test_another_utterance_is_another() -> None:
    shapes = [contour(voice(seed, syllables=3 + seed % 3), RATE) for seed in range(10)]
    nearest = min(one.differs(other) for one, other in combinations(shapes, 2))
    assert nearest > 1.3 * ALIKE, nearest


def test_what_varies_as_speech_does() -> None:
    dice = random.Random(3)
    hiss = array("h", (round(dice.gauss(0, 3_000)) for _ in range(RATE))).tobytes()
    bell = array("h", (round(9_000 * math.sin(n / 4) * math.exp(-n / 6_000)) for n in range(RATE))).tobytes()
    hum, low = [], 0.0
    for _ in range(RATE):
        low = 0.98 * low + dice.gauss(0, 600)
        hum.append(round(low))
    for name, pcm in (("beep", BEEP), ("hiss", hiss), ("bell", bell), ("hum", array("h", hum).tobytes())):
        assert not contour(pcm, RATE).varied, name
    assert not contour(bytes(48_000), RATE).varied
    for pcm in (HELLO, BYE, speech.babble(0, 800), speech.babble(300, 2_000)):
        assert contour(pcm, RATE).varied


def test_a_clip_is_heard_whenever_it_comes_and_noise_uses_up_nothing() -> None:
    ear = Ear(["first", KnownSound.of(HELLO, "hello there"), None, "second"])
    heard = [ear.hear(pcm, RATE) for pcm in (HELLO, BEEP, BYE, louder(HELLO, 0.3), BEEP, voice(3), voice(4), voice(5))]
    assert heard == ["hello there", "", "first", "hello there", "", None, "second", ""]
    own = speech.encode("good morning")
    assert Ear([KnownSound.of(own, "something else")]).hear(own, RATE) == "good morning"  # ours is read in any case
    asked: list[int] = []
    by_function = Ear(lambda pcm: asked.append(len(pcm)) or "noise", clips=[KnownSound.of(HELLO, "hello")])
    assert [by_function.hear(pcm, RATE) for pcm in (HELLO, BEEP)] == ["hello", "noise"]
    assert asked == [len(BEEP)]


REPLIES = """
transcripts:
  - when: {audio: sounds/hello.wav}
    say: hello there
  - good morning
rules:
  - when: {audio: sounds/hello.wav}
    say: Hi!
  - when: {audio: stop_it.wav}
    say: I stop.
  - when: {user: morning}
    say: And to you.
"""


def test_rules_of_a_file_know_audio_by_its_file() -> None:
    files = {"sounds/hello.wav": wav(HELLO), "stop_it.wav": wav(b"".join(two * 2 for two in _pairs(BYE)), channels=2)}
    rules = Rules.from_yaml(REPLIES, sound=files.__getitem__)
    stage = Stage(replier=rules, pace="instant")
    stage.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    said = []
    for pcm in (HELLO, BYE, BEEP, voice(7), louder(HELLO, 0.4)):
        stage.hear(pcm + bytes(48 * 600))
        stage.wait(3_000)
        said.append((stage.contexts[-1].user, answer(stage)))
    assert said[:2] == [("hello there", "Hi!"), ("stop it", "I stop.")]
    assert said[3:] == [("good morning", "And to you."), ("hello there", "Hi!")]
    stage.ask("hello there")  # the control: typed words are no audio
    stage.wait(3_000)
    assert answer(stage) != "Hi!"


def answer(stage: Stage) -> str:
    text: str = stage.last("response.done")["response"]["output"][0]["content"][0]["transcript"]
    return text


def _pairs(pcm: bytes) -> list[bytes]:
    return [pcm[place : place + 2] for place in range(0, len(pcm), 2)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rules: [{when: {audio: a.wav}, say: x}]", "rule 1, when, audio 'a.wav': expected a WAV file of 16 bit PCM"),
        ("rules: [{when: {audio: 5}, say: x}]", "rule 1, when, audio: expected the name of a WAV file, not 5"),
        ("transcripts: [{when: {audio: a.wav}}]", "transcript 1, say: expected a text"),
        ("transcripts: [{when: {user: a}, say: b}]", "transcript 1, when: unknown key 'user'"),
        ("rules: [{when: {audio: silent.wav}, say: x}]", "audio 'silent.wav': expected audio that is not silent"),
        ("rules: [{when: {audio: narrow.wav}, say: x}]", "mono or stereo, not 8 bit and 1 channels"),
    ],
)
def test_what_is_wrong_with_a_clip_is_one_line(text: str, complaint: str) -> None:
    files = {"a.wav": b"RIFF", "silent.wav": wav(bytes(4_800)), "narrow.wav": wav(b"\x01\x7f" * 800, width=1)}
    with pytest.raises(SpecError) as error:
        Rules.from_yaml(text, source="my.yaml", sound=files.__getitem__)
    assert str(error.value).startswith("my.yaml: ")
    assert complaint in str(error.value).partition("\n")[0]
    with pytest.raises(SpecError, match="nobody reads files here"):
        Rules.from_yaml("rules: [{when: {audio: a.wav}, say: x}]")


def test_a_rule_takes_a_clip_with_words() -> None:
    with pytest.raises(UsageError, match="expected a KnownSound with words"):
        Rule("x", audio=KnownSound.of(HELLO, None))
    assert Rules([Rule("x", audio=KnownSound.of(HELLO, "hello"))]).transcripts[0].words == "hello"  # type: ignore[union-attr]


def test_the_command_reads_the_files_beside_the_replies(tmp_path: Path) -> None:
    from mockserver.server.reply_files import replier_of

    (tmp_path / "replies.yaml").write_text("rules: [{when: {audio: hello.wav}, say: Hi}]", encoding="utf-8")
    with pytest.raises(SpecError, match=r"rule 1, when, audio 'hello.wav': hello.wav: cannot be read"):
        replier_of(tmp_path / "replies.yaml")
    (tmp_path / "hello.wav").write_bytes(wav(HELLO))
    rules = replier_of(tmp_path / "replies.yaml")["replier"]
    assert [clip.words for clip in rules.transcripts] == ["hello"]
