"""What contributors add a line to: keys, places and harmless texts (``corpus/``). Nothing leaks and nothing
harmless changes.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from mockserver.cassette.redact import Redactor
from mockserver.cassette.shapes import SHAPES
from mockserver.core.frames import Binary, Frame, Text
from tests.every import every

FOLDER = Path(__file__).parent / "corpus"
OPAQUE = "Zq7-lamp9-Wd4kTu2x"


def lines(name: str) -> list[str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def keys() -> list[tuple[str, str]]:
    pairs = (line.split("\t", 1) for line in lines("keys.txt"))
    return [(name, key.replace("~", "", 1).replace("\\n", "\n")) for name, key in pairs]


KEYS, PLACES, HARMLESS = keys(), lines("places.txt"), lines("harmless.txt")


def in_place(place: str, secret: str) -> Frame:
    """The frame of a place with a secret in it."""
    if place.startswith("b:"):
        return Binary(place[2:].encode("latin-1").decode("unicode_escape").replace("{}", secret).encode("latin-1"))
    if place[0] in "{[":
        return Text(place.replace("{}", secret))
    return Text(place.replace("\\n", "\n").replace("{}", secret))


def words(frame: Frame) -> str:
    assert isinstance(frame, Text | Binary)
    return frame.data if isinstance(frame, Text) else frame.data.decode("latin-1")


def settled(clean: Redactor, frame: Frame) -> Frame:
    """A redacted frame; redacting it again changes nothing, and the check finds nothing."""
    made, standing = clean.clean(frame)
    assert standing == ""
    assert clean.frame(made) is made, "redacting twice changes nothing"
    assert list(clean.scan_frame(made)) == []
    return made


def test_there_are_enough() -> None:
    assert len(KEYS) + len(PLACES) >= 256
    assert len(set(HARMLESS)) == len(HARMLESS) >= 500
    tried = {shape.marker for shape in SHAPES for _, key in KEYS if shape.marker in key}
    assert [shape.marker for shape in SHAPES if shape.marker not in tried and "PuTTY" not in shape.marker] == []


def secret_goes(place: str) -> None:
    for secret in (OPAQUE, "hunter2-" + OPAQUE, "k" + "9f3b" * 8):
        frame = in_place(place, secret)
        made = settled(Redactor(), frame)
        assert secret not in words(made)
        assert list(Redactor().scan_frame(frame)), "the scan sees what the redaction takes out"
        try:
            before = json.loads(words(frame))
        except ValueError:
            continue
        assert type(json.loads(words(made))) is type(before)


def test_a_secret_in_its_place() -> None:
    assert every(PLACES, secret_goes) == len(PLACES)


def key_goes(one: tuple[str, str]) -> None:
    _, key = one
    flat = key.replace("\n", "\\n")
    for text in (
        json.dumps({"text": key}),
        json.dumps({"text": f"my key is {key}, keep it"}),
        json.dumps({"text": f"keys:\n{key}\n"}),
        json.dumps({"arguments": json.dumps({"a": [f"x {key}"]})}),
        json.dumps({"output": "result: " + json.dumps({"log": f"key:\n{key}"})}),
        f"it is {key} it is",
        "key:\\n" + flat,
        "a\\u0022" + flat + "\\u0022",
    ):
        made = settled(Redactor(), Text(text))
        rest = words(made)
        assert key not in rest
        assert flat not in rest
        assert not any(part in rest for part in key.split("\n") if len(part) > 20 and not part.startswith("-----"))
        assert "REDACTED-" in rest


def test_a_key_in_any_text() -> None:
    assert every(KEYS, key_goes) == len(KEYS)


def stays(text: str) -> None:
    for frame in (
        Text(text),
        Binary(text.encode()),
        Text(json.dumps({"arguments": text})),
        Text(json.dumps({"output": f"it says {text}"})),
    ):
        clean = Redactor()
        assert clean.clean(frame) == (frame, "")
        assert not clean.counts


def test_a_harmless_text_stays() -> None:
    assert every(HARMLESS, stays) >= 500


def test_all_of_a_kind_at_once() -> None:
    """The control: a frame with all the keys in it, in any order, loses each of them and nothing else."""
    order = KEYS[:]
    random.Random(1).shuffle(order)
    body = {f"n{number}": f"word {key} word" for number, (_, key) in enumerate(order)}
    made = json.loads(words(settled(Redactor(), Text(json.dumps(body)))))
    assert all(one.startswith("word ") and one.endswith(" word") for one in made.values())
    assert not any(key in one for one in made.values() for _, key in KEYS)
