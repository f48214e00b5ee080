"""Random nestings of encodings around a secret, and the way back in: for the property, and for a long run of it:

python -m tests.cassette.nested 200000
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import string
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from html import escape, unescape
from urllib.parse import parse_qsl, quote, unquote, urlencode

from mockserver.cassette.decode import dissolved
from mockserver.cassette.redact import Redactor
from mockserver.core.frames import Binary, Frame, Text
from tests.cassette.test_corpus import KEYS, PLACES

Data = str | bytes
Layer = tuple[str, Callable[[random.Random, Data], Data], Callable[[Data], Data]]
"""Name, wrap, unwrap."""


def text_of(data: Data) -> str:
    return data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")


def raw(data: Data) -> bytes:
    return data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")


def find(value: object, name: str) -> str:
    """The text under a name, anywhere in a JSON value."""
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            return str(value[name])
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            got = find(one, name) if isinstance(one, dict | list) else ""
            if got:
                return got
    return ""


def json_field(draw: random.Random, data: Data) -> Data:
    body: object = {"type": "x", "note": text_of(data)}
    for _ in range(draw.randrange(3)):
        body = draw.choice(({"deep": body}, [1, body], {"a": [body, None]}))
    return json.dumps(body, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, 1)))


def prose(draw: random.Random, data: Data) -> Data:
    return f"it says: {json.dumps({'note': text_of(data)})} - look"


def escaped(draw: random.Random, data: Data) -> Data:
    text = text_of(data)
    made = "".join(
        f"\\u{ord(char):04x}"
        if (draw.random() < 0.5 or not char.isalnum()) and ord(char) < 0x10000
        else json.dumps(char)[1:-1]
        for char in text
    )
    return f'{{"note":"{made}"}}'


def multipart(draw: random.Random, data: Data) -> Data:
    head = b'--B\r\nContent-Disposition: form-data; name="note"\r\n'
    kind = draw.choice((b"", b"Content-Type: application/octet-stream\r\n"))
    return head + kind + b"\r\n" + raw(data) + b"\r\n--B--\r\n"


def sse(draw: random.Random, data: Data) -> Data:
    return f"event: x\ndata: {json.dumps({'note': text_of(data)})}\n\ndata: [DONE]\n\n"


def headers(draw: random.Random, data: Data) -> Data:
    return json.dumps({"list": [{"title": "a", "note": text_of(data)}], "headers": [["Accept", "text/html"]]})


def json_note(data: Data) -> Data:
    return find(json.loads(text_of(data)), "note")


def inside_prose(data: Data) -> Data:
    text = text_of(data)
    return str(json.loads(text[text.index("{") : text.rindex("}") + 1])["note"])


def inside_sse(data: Data) -> Data:
    return str(json.loads(text_of(data).split("data: ", 1)[1].split("\n\n", 1)[0])["note"])


def whole(data: Data) -> str:
    return unquote(text_of(data), errors="surrogateescape")


def from_utf16(data: Data) -> Data:
    return raw(data).decode("utf-16-le", "surrogatepass")


def padded(data: Data, alphabet: Callable[[bytes], bytes]) -> bytes:
    got = raw(data)
    return alphabet(got + b"=" * (-len(got) % 4))


LAYERS: tuple[Layer, ...] = (
    ("json", json_field, json_note),
    ("json in prose", prose, inside_prose),
    ("escapes", escaped, json_note),
    ("percent", lambda draw, data: quote(raw(data), safe=draw.choice(("", "/:"))), whole),
    (
        "url",
        lambda draw, data: "https://host/path?a=1&q=" + quote(raw(data), safe=""),
        lambda data: whole(text_of(data).split("q=", 1)[1]),
    ),
    (
        "form",
        lambda draw, data: urlencode({"a": "b", "note": raw(data)}),
        lambda data: dict(parse_qsl(text_of(data), errors="surrogateescape"))["note"],
    ),
    ("base64", lambda draw, data: base64.b64encode(raw(data)).decode(), lambda data: padded(data, base64.b64decode)),
    (
        "base64, URL",
        lambda draw, data: base64.urlsafe_b64encode(raw(data)).decode().rstrip("="),
        lambda data: padded(data, base64.urlsafe_b64decode),
    ),
    (
        "data URL",
        lambda draw, data: "data:text/plain;base64," + base64.b64encode(raw(data)).decode(),
        lambda data: base64.b64decode(text_of(data).split(",", 1)[1]),
    ),
    (
        "base64, in lines",
        lambda draw, data: base64.encodebytes(raw(data)).decode(),
        lambda data: base64.b64decode(raw(data)),
    ),
    ("multipart", multipart, lambda data: raw(data).split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--B", 1)[0]),
    ("sse", sse, inside_sse),
    ("gzip", lambda draw, data: gzip.compress(raw(data), mtime=0), lambda data: gzip.decompress(raw(data))),
    ("zlib", lambda draw, data: zlib.compress(raw(data)), lambda data: zlib.decompress(raw(data))),
    ("header lists", headers, json_note),
    ("tag bytes", lambda draw, data: b"\x02" + raw(data), lambda data: raw(data)[1:]),
    ("BOM", lambda draw, data: b"\xef\xbb\xbf" + raw(data), lambda data: raw(data)[3:]),
    ("UTF-16", lambda draw, data: text_of(data).encode("utf-16-le", "surrogatepass"), from_utf16),
    ("html", lambda draw, data: f"<p>{escape(text_of(data))}</p>", lambda data: unescape(text_of(data)[3:-4])),
)


BYTES = ("gzip", "zlib", "base64", "base64, URL", "data URL", "tag bytes")
"""What can be put around any bytes. Others take them in base64."""


def opaque(draw: random.Random) -> str:
    """A secret that looks like nothing."""
    made = "".join(draw.choice(string.ascii_letters + string.digits + "-_") for _ in range(draw.randrange(12, 40)))
    return "k" + made.strip("-_") + str(draw.randrange(100, 1000))


class Case:
    """A secret, in a place, in some layers."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        if draw.random() < 0.5:
            self.kind, self.secret = draw.choice(KEYS)
            data: Data = draw.choice((f"my key is {self.secret}, ok", self.secret, f"a\n{self.secret}\nb"))
        else:
            place = draw.choice([one for one in PLACES if not one.startswith("b:") and "%" not in one])
            self.kind, self.secret = place, opaque(draw)
            plain = place if place[0] in "{[" else place.replace("\\n", "\n")
            data = plain.replace("{}", self.secret)
        self.layers: list[Layer] = []
        for layer in [draw.choice(LAYERS) for _ in range(draw.randrange(0, 5))]:
            if isinstance(data, bytes) and layer[0] not in BYTES:
                self.layers.append(LAYERS[6])
                data = LAYERS[6][1](draw, data)
            self.layers.append(layer)
            data = layer[1](draw, data)
        self.frame: Frame = Text(data) if isinstance(data, str) else Binary(data)

    def leaks(self, frame: Frame) -> bool:
        """Whether the secret can be read in a frame: by the way back in, or by undoing any escapes anywhere."""
        assert isinstance(frame, Text | Binary)
        data: Data = frame.data
        seen = [text_of(data)]
        for _, _, unwrap in reversed(self.layers):
            try:
                data = unwrap(data)
            except (ValueError, KeyError, IndexError, OSError, zlib.error, EOFError):
                break  # what was around it is cut out as a whole
            seen.append(text_of(data))
        lines = [line for line in self.secret.split("\n") if len(line) > 20 and not line.startswith("-----")] or [
            self.secret
        ]
        return any(line in text or line in dissolved(text) for text in seen for line in lines)

    def __repr__(self) -> str:
        return f"{self.kind!r} in {' in '.join(name for name, _, _ in self.layers)}: {self.frame!r:.600}"


def problem(seed: int) -> str:
    """What is wrong with the redaction of one case, or ""."""
    case = Case(seed)
    if not case.leaks(case.frame):
        return f"the test cannot read it itself: {case}"
    clean = Redactor()
    made, standing = clean.clean(case.frame)
    if standing:
        return f"stands ({standing}): {case}"
    if case.leaks(made):
        return f"leaks: {case} -> {made!r:.600}"
    if Redactor().frame(made) != made:
        return f"not settled: {case} -> {made!r:.600} -> {Redactor().frame(made)!r:.600}"
    return ""


def main(count: int) -> int:
    wrong: Counter[str] = Counter()
    for seed in range(count):
        told = problem(seed)
        if told:
            wrong[told.split(":")[0]] += 1
            if sum(wrong.values()) <= 40:
                print(seed, told, flush=True)
        if (seed + 1) % 10_000 == 0:
            print(f"{seed + 1} inputs, {sum(wrong.values())} wrong {dict(wrong)}", flush=True)
    print(f"{count} nestings: {wrong['leaks']} leaks, {sum(wrong.values())} wrong")
    return min(sum(wrong.values()), 1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
