"""Speech through everything that happens to audio on its way: the words that come out are those that went in.

The resampler and the noise are another's (soxr, numpy), so that our own arithmetic does not judge itself.
"""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mockserver import speech
from mockserver.errors import UsageError
from mockserver.speech import Listener, Word, listener
from mockserver.speech.roughly import passed, rough_levels

RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
SENTENCE = "Hello, the quick brown fox jumps over the lazy dog; Überraschung 日本語 I'm 42."

unicode_text = st.text(max_size=40)
plain_word = st.text("abcdefghijklmnopqrstuvwxyz0123456789.,!?'-äöüéñ", min_size=1, max_size=9)
plain_text = st.lists(plain_word, min_size=1, max_size=6).map(" ".join)
rates = st.sampled_from(RATES)


def said(text: str) -> str:
    return " ".join(speech.words(text))


def numbers(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def as_pcm(wave: np.ndarray) -> bytes:
    """Rounded and clipped to 16 bits, as a sound card does it."""
    return np.clip(np.round(wave), -32_768, 32_767).astype("<i2").tobytes()


def resampled(pcm: bytes, *steps: int, quality: str = "HQ") -> bytes:
    """Through soxr from each rate to the next, 16 bits in between."""
    for before, after in pairwise(steps):
        pcm = as_pcm(soxr.resample(numbers(pcm), before, after, quality=quality))
    return pcm


def amplified(pcm: bytes, decibels: float) -> bytes:
    return as_pcm(numbers(pcm) * 10 ** (decibels / 20))


def silence(ms: float, rate: int = 24_000) -> bytes:
    return bytes(2 * round(ms * rate / 1_000))


def cut(pcm: bytes, start_ms: float, end_ms: float, rate: int = 24_000) -> bytes:
    return pcm[2 * round(start_ms * rate / 1_000) : 2 * round(end_ms * rate / 1_000)]


def close(found: list[Word], expected: list[Word], within_ms: int = 1) -> bool:
    return [word.text for word in found] == [word.text for word in expected] and all(
        abs(a.start_ms - b.start_ms) <= within_ms and abs(a.end_ms - b.end_ms) <= within_ms
        for a, b in zip(found, expected, strict=True)
    )


# --- round trip -------------------------------------------------------------------------------------------------------


@given(unicode_text, rates)
@example("", 24_000)
@example(" \t\n\u2003 ", 24_000)
@example("a\x1cb\x85c\u3000d", 24_000)
@example("half \ud83d a pair", 24_000)
@example("\x00 \x01\x7f \uffff \U0010ffff", 8_000)
def test_what_is_said_is_heard(text: str, rate: int) -> None:
    pcm = speech.encode(text, rate)
    assert speech.decode(pcm, rate) == said(text)
    assert speech.heard(pcm, rate) == speech.timings(text, rate)


@given(st.text(min_size=60, max_size=300), st.booleans())
def test_a_word_of_any_length(text: str, with_spaces: bool) -> None:
    text = text if with_spaces else "".join(text.split())
    assert speech.decode(speech.encode(text, 8_000), 8_000) == said(text)


@pytest.mark.parametrize("size", [62, 63, 64, 126, 127, 189, 1_000])
def test_the_edges_of_a_piece(size: int) -> None:
    text = f"before {'x' * size} after"
    assert speech.heard(speech.encode(text)) == speech.timings(text)


@given(st.integers(8_000, 48_000), plain_text)
def test_any_whole_rate(rate: int, text: str) -> None:
    assert speech.heard(speech.encode(text, rate), rate) == speech.timings(text, rate)


@given(plain_text, rates)
def test_the_same_text_gives_the_same_bytes(text: str, rate: int) -> None:
    assert speech.encode(text, rate) == speech.encode(text, rate)


@given(plain_text, plain_text)
def test_speech_joins_up(first: str, second: str) -> None:
    assert speech.encode(f"{first} {second}") == speech.encode(first) + speech.encode(second)


# --- times ------------------------------------------------------------------------------------------------------------


@given(unicode_text, rates)
def test_the_length_is_known_without_making_the_audio(text: str, rate: int) -> None:
    samples = len(speech.encode(text, rate)) // 2
    assert samples == speech.duration_ms(text, rate) * rate // 1_000


@given(unicode_text)
def test_times_run_forward_with_silence_between(text: str) -> None:
    times = speech.timings(text)
    assert [word.text for word in times] == speech.words(text)
    assert all(word.start_ms < word.end_ms for word in times)
    assert all(after.start_ms - before.end_ms == 80 for before, after in pairwise(times))


def test_the_pace_is_that_of_speech() -> None:
    text = "Sure, I can help you with that. What would you like to know about the weather today?"
    assert 2.5 < len(speech.words(text)) / speech.duration_ms(text) * 1_000 < 4


@given(plain_text, st.floats(0, 3_000))
def test_times_move_with_the_audio(text: str, pause_ms: float) -> None:
    times = speech.heard(silence(pause_ms) + speech.encode(text))
    moved = [
        Word(word.text, round(word.start_ms + pause_ms), round(word.end_ms + pause_ms)) for word in speech.timings(text)
    ]
    assert close(times, moved)


@given(plain_text, st.integers(-10, 3_000))
def test_heard_until_holds_what_was_complete(text: str, ms: int) -> None:
    complete = [word.text for word in speech.timings(text) if word.end_ms <= ms]
    assert speech.heard_until(speech.encode(text), ms) == " ".join(complete)


# --- chunks -----------------------------------------------------------------------------------------------------------


@given(plain_text, rates, st.data())
def test_any_chunking_hears_the_same(text: str, rate: int, data: st.DataObject) -> None:
    pcm = as_pcm(numbers(speech.encode(text, rate)) + 300)
    edges = data.draw(st.lists(st.integers(0, len(pcm)), max_size=30).map(sorted))
    chunks = [pcm[a:b] for a, b in pairwise([0, *edges, len(pcm)])]
    assert speech.heard(chunks, rate) == speech.heard(pcm, rate)
    listener = Listener(rate)
    assert [word for chunk in chunks for word in listener.feed(chunk)] == speech.timings(text, rate)


@pytest.mark.parametrize("size", [1, 3, 7, 959, 960, 4_801])
def test_chunks_of_one_size(size: int) -> None:
    pcm = speech.encode(SENTENCE)
    chunks = (pcm[at : at + size] for at in range(0, len(pcm), size))
    assert speech.heard(chunks) == speech.timings(SENTENCE)


def test_a_word_comes_out_as_soon_as_it_has_been_heard() -> None:
    pcm, listener = speech.encode("one two three"), Listener()
    came_at: dict[str, int] = {}
    for at in range(0, len(pcm), 480):
        for word in listener.feed(pcm[at : at + 480]):
            came_at[word.text] = (at + 480) // 48
    assert came_at == {word.text: word.end_ms for word in speech.timings("one two three")}


def test_a_long_stream_is_not_kept() -> None:
    listener, pcm = Listener(), speech.encode("again and again")
    sizes = []
    for _ in range(40):
        assert [word.text for word in listener.feed(pcm)] == ["again", "and", "again"]
        sizes.append(len(listener._heard))
    assert max(sizes) < 3 * 8_192
    later = listener.feed(speech.encode("end"))
    assert later[0].start_ms == 40 * speech.duration_ms("again and again") + 40


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda pcm: memoryview(array("h", pcm))])
def test_any_kind_of_buffer(kind: type) -> None:
    assert speech.decode(kind(speech.encode("any buffer"))) == "any buffer"


# --- what happens to audio on its way ---------------------------------------------------------------------------------


@given(plain_text, st.sampled_from(["LQ", "MQ", "HQ", "VHQ"]))
@settings(max_examples=50)
def test_through_48_16_and_back_to_24_khz(text: str, quality: str) -> None:
    pcm = resampled(speech.encode(text), 24_000, 48_000, 16_000, 24_000, quality=quality)
    assert close(speech.heard(pcm), speech.timings(text))


@given(plain_text, rates, rates)
@settings(max_examples=50)
def test_from_any_rate_to_any_other(text: str, before: int, after: int) -> None:
    pcm = resampled(speech.encode(text, before), before, after)
    assert close(speech.heard(pcm, after), speech.timings(text))


@given(plain_text, st.sampled_from(RATES), st.sampled_from(RATES))
def test_audio_played_at_the_wrong_rate_is_not_understood(text: str, rate: int, wrong: int) -> None:
    heard = speech.decode(speech.encode(text, rate), wrong)
    assert heard == (said(text) if rate == wrong else "")


@given(plain_text, st.floats(-20, 6), st.integers(-2_000, 2_000), rates)
@example("loud", 6.0, 0, 24_000)
def test_gain_and_direct_current(text: str, decibels: float, offset: int, rate: int) -> None:
    pcm = as_pcm(numbers(amplified(speech.encode(text, rate), decibels)) + offset)
    assert close(speech.heard(pcm, rate), speech.timings(text))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("offset", [-31_000, 31_000])
def test_a_great_direct_current_counts_for_nothing(rate: int, offset: int) -> None:
    pcm = as_pcm(numbers(amplified(speech.encode(SENTENCE, rate), -34)) + offset)
    assert close(speech.heard(pcm, rate), speech.timings(SENTENCE))


def test_six_decibels_do_not_clip() -> None:
    loudest = max(abs(numbers(amplified(speech.encode(SENTENCE), 6))))
    assert 20_000 < loudest < 32_767


@pytest.mark.parametrize("decibels", [12, 24])
def test_hard_clipping_is_survived(decibels: int) -> None:
    assert speech.decode(amplified(speech.encode(SENTENCE), decibels)) == said(SENTENCE)


@given(plain_text, st.sampled_from(["ulaw", "alaw"]), st.floats(-20, 6))
@settings(max_examples=50)
def test_a_telephone_line(text: str, law: str, decibels: float) -> None:
    pcm = amplified(resampled(speech.encode(text), 24_000, 8_000), decibels)
    line = getattr(speech, f"{law}_decode")(getattr(speech, f"{law}_encode")(pcm))
    assert close(speech.heard(line, 8_000), speech.timings(text))
    assert close(speech.heard(resampled(line, 8_000, 24_000)), speech.timings(text))


@given(plain_text, st.integers(0, 2**32), st.floats(10, 40))
def test_background_noise(text: str, seed: int, decibels: float) -> None:
    wave = numbers(speech.encode(text))
    noise = np.random.default_rng(seed).normal(size=len(wave)) * wave.std() * 10 ** (-decibels / 20)
    assert close(speech.heard(as_pcm(wave + noise)), speech.timings(text), within_ms=2)


@given(st.lists(st.tuples(plain_word, st.floats(0, 700)), min_size=1, max_size=5))
def test_pauses_between_words(parts: list[tuple[str, float]]) -> None:
    pcm = b"".join(speech.encode(word) + silence(pause) for word, pause in parts)
    assert speech.decode(pcm) == " ".join(word for word, _ in parts)


# --- cut, spliced and damaged -----------------------------------------------------------------------------------------


@given(plain_text, st.floats(0, 1), st.floats(0, 1), rates)
def test_a_clip_holds_the_words_that_survived_whole(text: str, first: float, last: float, rate: int) -> None:
    length = speech.duration_ms(text)
    start, end = sorted((first * length, last * length))
    found = speech.heard(cut(speech.encode(text, rate), start, end, rate), rate)
    moved = [Word(word.text, round(word.start_ms - start), round(word.end_ms - start)) for word in speech.timings(text)]
    # A word that lost about a millisecond may count either way, never one that lost more.
    sure = [word for word in moved if word.start_ms >= 1 and word.end_ms <= end - start - 1]
    maybe = [word for word in moved if word.start_ms >= -2 and word.end_ms <= end - start + 2]
    runs = [maybe[a:b] for a in range(2) for b in (len(maybe), len(maybe) - 1) if b >= 0]
    assert len(found) >= len(sure)
    assert any(close(found, run) for run in runs)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("lost_ms", [0, 0.5, 2, 3, 5, 8, 12])
def test_a_word_without_a_few_milliseconds_is_not_whole(rate: int, lost_ms: float) -> None:
    times, pcm = speech.timings("one two three"), speech.encode("one two three", rate)
    whole = ["two"] if lost_ms < 1 else []
    late = cut(pcm, times[1].start_ms + lost_ms, times[1].end_ms, rate)
    early = cut(pcm, times[1].start_ms, times[1].end_ms - lost_ms, rate)
    assert speech.decode(late, rate).split() == whole
    assert speech.decode(early, rate).split() == whole


@given(plain_text, st.floats(0, 1))
def test_a_cut_end_gives_a_prefix(text: str, where: float) -> None:
    end = where * speech.duration_ms(text)
    found = speech.decode(cut(speech.encode(text), 0, end)).split()
    assert found == speech.words(text)[: len(found)]
    assert len(found) >= sum(word.end_ms <= end for word in speech.timings(text))
    assert len(found) <= sum(word.end_ms <= end + 2 for word in speech.timings(text))


@given(plain_text, plain_text, st.floats(0, 1), st.floats(0, 1))
def test_a_splice_costs_words_and_never_makes_one(before: str, after: str, end: float, start: float) -> None:
    # An interrupted reply with the next one right behind it, itself without its beginning.
    end_ms, start_ms = end * speech.duration_ms(before), start * speech.duration_ms(after)
    head = cut(speech.encode(before), 0, end_ms)
    tail = cut(speech.encode(after), start_ms, speech.duration_ms(after))
    found, known = speech.decode(head + tail).split(), f"{before} {after}".split()
    whole = [*speech.decode(head).split(), *speech.decode(tail).split()]
    rest = iter(found)
    assert all(word in rest for word in whole), "a whole word was lost"
    # The two at the joint may be heard too when they lost less than half of their outer symbol.
    assert len(found) <= len(whole) + 2
    assert set(found) <= set(known)


def test_pieces_of_two_long_words_do_not_make_a_third() -> None:
    one, two = speech.encode("a" * 63 + "b" * 63), speech.encode("c" * 63 + "d" * 63)
    half = len(one) // 2
    assert speech.decode(one[:half] + one[half:]) == "a" * 63 + "b" * 63
    assert speech.decode(one[:half] + two[half:]) == ""
    assert speech.decode(one[half:] + two) == "c" * 63 + "d" * 63
    assert speech.decode(one[:half] + speech.encode("word") + one[half:]) == "word"


@given(st.lists(plain_word, min_size=3, max_size=5), st.data())
def test_a_damaged_word_is_left_out(parts: list[str], data: st.DataObject) -> None:
    times = speech.timings(" ".join(parts))
    lost = data.draw(st.integers(0, len(parts) - 1))
    # One symbol of the word is replaced by another that sounds as well.
    symbol = data.draw(st.integers(2, (times[lost].end_ms - times[lost].start_ms) // 20 - 1))
    at = 48 * (times[lost].start_ms + 20 * symbol)
    pcm = bytearray(speech.encode(" ".join(parts)))
    others = speech.encode("0123456789abcdefghij")[48 * 120 : 48 * 480]
    symbols = [others[n : n + 960] for n in range(0, len(others), 960)]
    pcm[at : at + 960] = next(other for other in symbols if other != pcm[at : at + 960])
    assert speech.decode(bytes(pcm)).split() == parts[:lost] + parts[lost + 1 :]


# --- what is not speech -----------------------------------------------------------------------------------------------


@given(st.binary(max_size=20_000), rates)
def test_random_bytes_hold_no_words(pcm: bytes, rate: int) -> None:
    assert speech.heard(pcm, rate) == []


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [3, 300, 9_000, 60_000])
def test_noise_holds_no_words(rate: int, level: int) -> None:
    noise = np.random.default_rng(rate + level).normal(size=4 * rate) * level
    drone = np.cumsum(noise) / math.sqrt(rate)
    assert speech.heard(as_pcm(noise), rate) == []
    assert speech.heard(as_pcm(drone), rate) == []


@given(st.lists(st.floats(20, 3_900), min_size=1, max_size=4), st.floats(-40, 10))
def test_tones_hold_no_words(tones: list[float], decibels: float) -> None:
    at = np.arange(16_000) / 16_000
    wave = sum(np.sin(2 * np.pi * hz * at) for hz in tones)
    assert speech.heard(as_pcm(8_000 * 10 ** (decibels / 20) * wave), 16_000) == []


@pytest.mark.parametrize("hz", range(400, 3_041, 80))
def test_the_tones_of_speech_alone_hold_no_words(hz: int) -> None:
    at = np.arange(24_000) / 24_000
    assert speech.heard(as_pcm(8_000 * np.sin(2 * np.pi * hz * at))) == []
    two = np.where((at // 0.02) % 2 == 0, 3_040, hz)
    assert speech.heard(as_pcm(8_000 * np.sin(2 * np.pi * two * at))) == []


def test_silence_holds_no_words() -> None:
    for pcm in (b"", b"\0", silence(3_000), as_pcm(np.full(24_000, 5_000.0))):
        assert speech.heard(pcm) == []
        assert speech.decode(pcm) == ""


@given(plain_text, st.integers(0, 2**32))
def test_words_are_found_between_stretches_of_noise(text: str, seed: int) -> None:
    noise = as_pcm(np.random.default_rng(seed).normal(size=12_000) * 3_000)
    assert speech.decode(noise + speech.encode(text) + noise) == said(text)


# --- level ------------------------------------------------------------------------------------------------------------


def test_the_level_is_that_of_a_voice_and_silence_has_none() -> None:
    assert speech.rms(b"") == speech.rms(silence(20)) == 0
    assert speech.rms(as_pcm(np.full(480, 20_000.0))) == pytest.approx(0, abs=1e-6)
    assert speech.rms(as_pcm(np.tile([-32_768.0, 32_767.0], 240))) == pytest.approx(1, abs=1e-3)
    loud = speech.rms(speech.encode(SENTENCE))
    assert -22 < 20 * math.log10(loud) < -12
    assert speech.rms(amplified(speech.encode(SENTENCE), -20)) == pytest.approx(loud / 10, rel=0.01)


def test_every_20_ms_of_a_word_are_loud() -> None:
    (word,) = speech.timings("loudspeaker")
    pcm = speech.encode("loudspeaker")
    levels = [speech.rms(pcm[at : at + 960]) for at in range(0, len(pcm), 960)]
    assert min(levels[word.start_ms // 20 : word.end_ms // 20]) > 0.1
    assert max(levels[: word.start_ms // 20] + levels[word.end_ms // 20 :]) == 0


# --- G.711 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_code_comes_back(law: str) -> None:
    encode, decode = getattr(speech, f"{law}_encode"), getattr(speech, f"{law}_decode")
    back = encode(decode(bytes(range(256))))
    # mu-law has two codes for nothing, 0x7F and 0xFF; encoding gives the second.
    assert back == bytes(0xFF if law == "ulaw" and code == 0x7F else code for code in range(256))


@pytest.mark.parametrize(("law", "peak"), [("ulaw", 32_124), ("alaw", 32_256)])
def test_companding_is_monotonous_and_near(law: str, peak: int) -> None:
    every = np.arange(-32_768, 32_768)
    encode, decode = getattr(speech, f"{law}_encode"), getattr(speech, f"{law}_decode")
    back = numbers(decode(encode(as_pcm(every))))
    assert np.all(np.diff(back) >= 0)
    assert (back.min(), back.max()) == (-peak, peak)
    # Half a step (a 32nd of the value and the bias of mu-law, at least 8) and the bits left out.
    within = np.maximum((np.abs(every) + 132) / 32, 8) + 4
    assert np.all(np.abs(back - np.clip(every, -peak, peak)) <= within)


@pytest.mark.parametrize(
    ("law", "sample", "code"),
    # ITU-T G.711 tables 1 and 2: the codes of nothing, of the ends and of one value between.
    [
        ("ulaw", 0, 0xFF),
        ("ulaw", 32_767, 0x80),
        ("ulaw", -32_768, 0x00),
        ("ulaw", 1_000, 0xCE),
        ("alaw", 0, 0xD5),
        ("alaw", -1, 0x55),
        ("alaw", 32_767, 0xAA),
        ("alaw", -32_768, 0x2A),
        ("alaw", 1_000, 0xFA),
    ],
)
def test_known_codes(law: str, sample: int, code: int) -> None:
    assert getattr(speech, f"{law}_encode")(as_pcm(np.array([sample]))) == bytes([code])


# --- what a caller gets wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0, -24_000, 7_999, 48_001, 24_000.0, True, "24000", None])
def test_a_wrong_rate_is_named(rate: object) -> None:
    for call in (speech.encode, speech.timings, speech.duration_ms):
        with pytest.raises(UsageError, match="sample rate"):
            call("word", rate)  # type: ignore[operator]
    with pytest.raises(UsageError, match="sample rate"):
        speech.decode(b"", rate)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="sample rate"):
        Listener(rate)  # type: ignore[arg-type]


def test_text_and_audio_mixed_up() -> None:
    with pytest.raises(UsageError, match="text must be a str, not bytes"):
        speech.encode(b"word")  # type: ignore[arg-type]
    for call in (speech.decode, speech.heard, speech.rms, speech.ulaw_encode, Listener().feed):
        with pytest.raises(UsageError, match="audio must be bytes, not str"):
            call("word")  # type: ignore[operator]


@given(
    st.lists(st.integers(-32_768, 32_767), max_size=400).map(lambda numbers: array("h", numbers).tobytes()),
    st.floats(0, 1.2),
)
def test_reaches_says_the_same_as_the_level_itself(pcm: bytes, level: float) -> None:
    assert speech.reaches(pcm, level) == (speech.rms(pcm) >= level)
    own = speech.rms(pcm)
    assert speech.reaches(pcm, own)


@given(st.integers(0, 3_000), st.integers(1, 700))
def test_reaches_is_exact_at_the_edge(height: int, count: int) -> None:
    pcm = array("h", [height, -height] * count).tobytes()
    assert speech.reaches(pcm, height / 32_768)
    assert not speech.reaches(pcm, (height + 1) / 32_768)


@given(
    st.sampled_from(RATES),
    st.sampled_from(["noise", "tone", "faint tone on a direct current", "loud"]),
    st.integers(0, 2**32),
)
@settings(max_examples=40)
def test_a_rough_level_is_within_a_millionth_of_the_level(rate: int, kind: str, seed: int) -> None:
    book = listener._book(rate)
    random, times = np.random.default_rng(seed), np.arange(book.window)
    full = 32_768 * book.step
    tone = np.sin(2 * math.pi * random.integers(300, 3_100) / book.rate * times + random.random())
    wave = {
        "noise": random.uniform(-3_000, 3_000, book.window),
        "tone": 9_000 * tone,
        "faint tone on a direct current": 30_000 * book.step + 60 * tone,
        "loud": random.choice([-full, full - 1], book.window),
    }[kind]
    block = [float(value) for value in np.round(wave)]
    fold = listener._fold(block)
    # Of the energy that a window has without its direct current: what a share is told of.
    energy = (sum(value * value for value in block) - sum(block) ** 2 / len(block)) * len(block) / 2
    for tones, rough in ((book.low, book.rough_low), (book.high, book.rough_high)):
        exact = [listener._level(fold, one) for one in tones]
        assert rough_levels(*fold, rough) == pytest.approx(exact, abs=1e-7 * energy)
    share = listener._share(block, listener._level(fold, book.a))
    assert passed(block, [0], book.rough_a, share * 0.999_99) == 0
    assert passed(block, [0, 0], book.rough_a, share * 1.000_01 + 1e-9) == 2


@given(st.binary(max_size=400), st.integers(1, 6))
def test_neighbours_are_added_up_exactly(data: bytes, step: int) -> None:
    data = data[: len(data) - len(data) % (2 * step)]
    assert [*listener._summed(data, step)] == numbers(data).reshape(-1, step).sum(axis=1).tolist()


@given(
    st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=400),
    st.integers(1, 16_000),
    st.integers(-2_000, 2_000),
    st.floats(0.9, 1.1),
)
def test_reaches_counts_what_is_loud_on_both_sides_and_a_constant_is_no_sound(
    signs: list[int], height: int, offset: int, near: float
) -> None:
    pcm = array("h", [offset + sign * height for sign in signs]).tobytes()
    level = speech.rms(pcm) * near
    assert speech.reaches(pcm, level) == (speech.rms(pcm) >= level)
    for level in (0.0001, 0.01, 0.02, 0.3):
        assert speech.reaches(pcm, level) == (speech.rms(pcm) >= level)


def test_reaches_knows_that_a_constant_is_no_sound_however_high() -> None:
    assert not speech.reaches(array("h", [20_000] * 768).tobytes(), 0.01)
    assert not speech.reaches(array("h", [-20_000] * 767 + [20_000]).tobytes(), 0.1)
