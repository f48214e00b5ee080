"""Taking secrets out, on by default. Pure: the environment's values are passed in.

``Redactor.frame`` looks at one frame and is cheap where nothing is in it: a few substring searches. What is split over
several frames is ``redact_streams``' part; that nothing was left standing is ``scan``'s. Both sides of a comparison go
through the same redactor; what was taken out of the recorded one stands for any text (``patterns.stands_for``).

Nothing here says what a secret was. Errors and reports name places and kinds.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from mockserver.cassette import fields
from mockserver.cassette import patterns as known
from mockserver.cassette.audio import PAYLOAD, emptied, unbase64
from mockserver.cassette.model import Exchange
from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Pairs, Text
from mockserver.core.json_text import unquoted
from mockserver.dialects.base import Dialect, close_reason, parse
from mockserver.errors import UsageError

STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
"""A JSON string with its quotes."""

_WORDLIKE = re.compile(r"[A-Za-z0-9._~+/=%-]+")
_NEAR = 2048
_ESCAPED_ASCII = re.compile(r"\\u00[2-7]", re.IGNORECASE)
_USERINFO = re.compile(r"//[^/@?#]*@")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
DEEPEST = 6
"""How many times JSON inside a JSON string is opened."""
Span = tuple[int, int, str]
"""Begin, end and kind of a secret in a decoded text."""


class Redactor:
    """Takes secrets out and counts them. One per cassette, so that equal secrets get equal tokens.

    ``env`` is an environment (the values of variables named like keys are taken out wherever they stand), ``values``
    are more such values, ``rules`` are regular expressions for decoded text, on top of everything else.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str] | None = None,
        values: Sequence[str] = (),
        rules: Sequence[str] = (),
        dialect: Dialect | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._looked = False
        self._bare_of = self._bare = ""
        short = [value for value in values if len(value) < 4]
        if short:
            raise UsageError("a secret value of fewer than 4 characters cannot be redacted: other text would suffer")
        self._values = sorted({*known.environment_secrets(env or {}), *values}, key=lambda value: (-len(value), value))
        self._base64_forms = [form for value in self._values for form in known.base64_forms(value)]
        anchors = [form for value in self._values for form in known.anchors(value)]
        self._pieces = (*anchors, *self._base64_forms)
        self._spaced = any(_WORDLIKE.fullmatch(value) is None for value in self._values)
        self._exact = known.any_of([form for value in self._values for form in known.text_forms(value)])
        self._raw_values = [value.encode() for value in self._values]
        self._base64 = known.any_of(self._base64_forms)
        try:
            self._rules = [re.compile(rule) for rule in rules]
        except re.error as error:
            raise UsageError(f"a redaction rule is not a regular expression: {error}") from None
        if any(rule.search("") for rule in self._rules):
            raise UsageError("a redaction rule matches the empty text, so it would match everywhere")
        base = dialect or Dialect()
        self._params = {name.lower() for name in (*Dialect.key_params, *base.key_params)}
        self.text_prefix = base.text_prefix
        self._headers = {name.lower() for name in base.key_headers}
        self._prefixes = (*known.SUBPROTOCOL_PREFIXES, *base.key_subprotocols)
        self._numbers: dict[tuple[str, str], int] = {}
        self._highest: Counter[str] = Counter()

    # --- frames ---

    def frame(self, frame: Frame) -> Frame:
        """The frame without secrets; the same object where there are none."""
        match frame:
            case Text(data):
                new = self.text(data)
                return frame if new is data else Text(new)
            case Binary(raw):
                cleaned = self.binary(raw)
                return frame if cleaned is raw else Binary(cleaned)
            case Close(code, reason):
                new = self._plain(reason) if reason else reason
                return frame if new == reason else Close(code, close_reason(new))
            case Lost(reason):
                new = self._plain(reason) if reason else reason
                return frame if new == reason else Lost(new)

    def clean(self, frame: Frame) -> tuple[Frame, str]:
        """The frame without secrets, and the kind of one that still stands in it ("" as a rule)."""
        self._looked = False
        new = self.frame(frame)
        return (new, next((kind for kind, _ in self.scan_frame(new)), "")) if self._looked else (new, "")

    def text(self, text: str) -> str:
        """Any text, JSON or not, without secrets. The same object where nothing shows that there may be one."""
        if not self.suspicious(text):
            return text
        self._looked = True
        new = self._json(text) if text.lstrip()[:1] in ("{", "[", '"') else self._plain(text)
        return text if new == text else new

    def binary(self, raw: bytes) -> bytes:
        """Bytes without secrets. JSON and pieces of text are treated as text; anything else keeps its length."""
        prefix = self.text_prefix
        if prefix and raw.startswith(prefix):
            words = raw[len(prefix) :].decode("utf-8", "surrogateescape")
            new = self.text(words)
            return raw if new is words else prefix + new.encode("utf-8", "surrogateescape")
        if raw.lstrip()[:1] in (b"{", b"["):
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                pass
            else:
                new = self.text(text)
                return raw if new is text else new.encode()
        out = raw
        for value in self._raw_values:
            if value in out:
                self._looked = True
                self._count("env")
                out = out.replace(value, self._filler("env", value.decode(), len(value)))
        flat = out.decode("latin-1")
        if any(marker in flat for _, marker, _ in known.PATTERNS):
            self._looked = True
            for begin, end, kind in reversed(self.spans(flat)):
                self._count(kind)
                out = out[:begin] + self._filler(kind, flat[begin:end], end - begin) + out[end:]
        return out

    def suspicious(self, text: str) -> bool:
        """Whether a text may hold a secret: one that cannot is not looked at more closely."""
        bare = self.bare(text)
        if known.marked(bare) or fields.marked(bare):
            return True
        return (
            self.named(text)
            or ("\\u00" in bare and _ESCAPED_ASCII.search(bare) is not None)
            or ("%" in bare and _PERCENT.search(bare) is not None)
        )

    def named(self, text: str) -> bool:
        """Whether a text may hold one of the values that are known, or what a rule of the user's finds."""
        for piece in self._pieces:
            if piece in text:
                return True
        for rule in self._rules:  # noqa: SIM110 - as above
            if rule.search(text):
                return True
        return False

    def bare(self, text: str) -> str:
        """A text without its base64 payloads: they are noise in which any marker turns up. Remembers the last one."""
        if text is not self._bare_of:
            self._bare_of, self._bare = text, PAYLOAD.sub(emptied, text)
        return self._bare

    def may_join(self, before: str, after: str) -> bool:
        """Whether a secret may lie across the border of two texts: cheap, and yes where it is not sure.

        Known patterns are single words; what else may cross a border are key blocks, known values and the user's rules.
        """
        if self._rules or self._spaced or before.endswith(("earer ", "EARER ")):
            return True
        # One character is looked for much more quickly than several.
        if ("-" in before and "PRIVATE KEY-" in before) or (":" in before and "://" in before):
            return True
        if not (_WORDLIKE.match(after) and _WORDLIKE.match(before[-1])):
            return False
        return bool(self._pieces) or known.marked(before[-_NEAR:] + after)

    def spans(self, text: str) -> list[Span]:
        """Where secrets stand in a decoded text, left to right, none inside another."""
        found: list[Span] = []
        if self._exact is not None:
            found += [(*match.span(), "env") for match in self._exact.finditer(text)]
        for kind, marker, pattern in known.PATTERNS:
            if marker in text:
                found += [(*match.span(), kind) for match in pattern.finditer(text)]
        for rule in self._rules:
            found += [(*match.span(), "rule") for match in rule.finditer(text) if match[0]]
        if "://" in text:
            found += fields.url_spans(text, lambda name: name.lower() in self._params or fields.parameter(name))
        tokens = [match.span() for match in known.TOKEN.finditer(text)] if "REDACTED-" in text else []
        return known.apart([span for span in found if not any(b <= span[0] and span[1] <= e for b, e in tokens)])

    def token(self, kind: str, secret: str) -> str:
        """What stands for a secret: the same for the same one."""
        if (kind, secret) not in self._numbers:
            self._highest[kind] += 1
            self._numbers[kind, secret] = self._highest[kind]
        return f"REDACTED-{kind}-{self._numbers[kind, secret]}"

    def reserve(self, text: str) -> None:
        """Give out no token that stands in this text already, from a redaction of the past."""
        for match in known.TOKEN.finditer(text) if "REDACTED-" in text else ():
            _, kind, number = match[0].split("-")
            self._highest[kind] = max(self._highest[kind], int(number))

    # --- handshakes and HTTP ---

    def handshake(self, handshake: Handshake) -> Handshake:
        """Path, query, headers and subprotocols without secrets. Only harmless headers keep their value."""
        return Handshake(
            self._plain(handshake.path),
            tuple((name, self._param(name, value)) for name, value in handshake.query),
            self.headers(handshake.headers),
            tuple(map(self._subprotocol, handshake.subprotocols)),
            self.target(handshake.target),
        )

    def target(self, target: str) -> str:
        """A request target as sent (``/v1/realtime?model=x&key=y``)."""
        path, mark, query = target.partition("?")
        pairs = (piece.partition("=") for piece in query.split("&")) if mark else ()
        made = "&".join(
            name + equals + (self._param(unquote(name), value) if equals else value) for name, equals, value in pairs
        )
        return self._plain(path) + mark + made

    def url(self, url: str) -> str:
        """A URL without credentials: neither in front of the host nor in the query."""
        return self.target(_USERINFO.sub("//", url))

    def answer(self, answer: Answer) -> Answer:
        """Headers, subprotocol and body without secrets."""
        chosen = None if answer.subprotocol is None else self._subprotocol(answer.subprotocol)
        return Answer(answer.status, self.headers(answer.headers), chosen, self.binary(answer.body))

    def exchange(self, one: Exchange) -> Exchange:
        """Path, bodies and headers without secrets."""
        body = self.binary(one.body)
        if known.TOKEN_PATH.search(one.path.partition("?")[0]):
            body = known.TOKEN_FIELD.sub(self._field, body.decode("utf-8", "surrogateescape")).encode(
                "utf-8", "surrogateescape"
            )
        return replace(
            one,
            path=self.target(one.path),
            request=self.binary(one.request),
            headers=self.headers(one.headers),
            body=body,
        )

    def headers(self, headers: Pairs) -> Pairs:
        """Headers: the value of any that is not known to be harmless is replaced."""
        return tuple((name, self._header(name.lower(), value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if not value or known.TOKEN.fullmatch(value):
            return value
        if name == "sec-websocket-protocol":
            return ", ".join(self._subprotocol(one.strip()) for one in value.split(","))
        if name in self._headers or not fields.kept_header(name):
            self._count("header")
            return self.token("header", value)
        return self._plain(value)

    def _param(self, name: str, value: str) -> str:
        if not value or known.TOKEN.fullmatch(value):
            return value
        if self._secret_param(name):
            self._count("param")
            return self.token("param", unquote(value))
        return self._plain(value)

    def _secret_param(self, name: str) -> bool:
        return name.lower() in self._params or known.PARAMETER.search(name) is not None

    def _subprotocol(self, name: str) -> str:
        for prefix in self._prefixes:
            if name.startswith(prefix) and len(name) > len(prefix):
                if not known.TOKEN.fullmatch(name[len(prefix) :]):
                    self._count("subprotocol")
                    return prefix + self.token("subprotocol", name[len(prefix) :])
                return name
        return self._plain(name)

    # --- inside ---

    def _json(self, text: str, depth: int = 0) -> str:
        """JSON text with its strings redacted; every other byte stays."""
        if self._base64 is not None:
            text = self._base64.sub(self._base64_away, text)
        return STRING.sub(lambda match: self._literal(match[0], depth), self._fields(text))

    def _fields(self, text: str) -> str:
        """A text without the values of fields and headers in it that are secrets."""
        made, done = "", 0
        for begin, end, kind, _, _ in fields.found(text):
            if begin < end:
                self._count(kind)
                made += text[done:begin] + self.token(kind, unquoted(f'"{text[begin:end]}"'))
                done = end
        return made + text[done:] if done else text

    def _field(self, match: re.Match[str]) -> str:
        self._count("field")
        return f'{match[1]}{self.token("field", unquoted(f"{chr(34)}{match[2]}{chr(34)}"))}"'

    def _literal(self, literal: str, depth: int) -> str:
        value = unquoted(literal)
        if len(value) >= 64 and unbase64(value) is not None:
            # A payload: only exact values and rules count, and the former were looked for in base64 above. The
            # patterns would find keys in noise.
            new = self._replaced(value, [span for span in self.spans(value) if span[2] in ("env", "rule")])
        else:
            new = self._plain(value, depth)
        return literal if new == value else json.dumps(new, ensure_ascii=literal.isascii())

    def _plain(self, value: str, depth: int = 0) -> str:
        """A decoded text without secrets, JSON inside it included."""
        if '"' in value and depth < DEEPEST and value.lstrip()[:1] in ("{", "["):
            value = self._json(value, depth + 1)
        else:
            value = self._fields(value)
        if self._base64 is not None:
            value = self._base64.sub(self._base64_away, value)
        value = self._replaced(value, self.spans(value))
        if "%" in value and _PERCENT.search(value):
            opened = unquote(value)
            spans = self.spans(opened)
            if spans:
                return self._replaced(opened, spans)
        return value

    def _replaced(self, value: str, spans: Sequence[Span]) -> str:
        made, done = "", 0
        for begin, end, kind in spans:
            self._count(kind)
            made += value[done:begin] + self.token(kind, value[begin:end])
            done = end
        return made + value[done:]

    def _base64_away(self, match: re.Match[str]) -> str:
        self._count("base64")
        return "A" * len(match[0])

    def _filler(self, kind: str, secret: str, size: int) -> bytes:
        made = self.token(kind, secret).encode()
        return made.ljust(size, b"*") if len(made) <= size else b"*" * size

    def _count(self, kind: str) -> None:
        self.counts[kind] += 1

    # --- what still stands ---

    def scan(self, text: str, depth: int = 0) -> Iterator[tuple[str, str]]:
        """The secrets that a text still holds, as (kind, path), in any of its forms; for after the redaction."""
        if depth > DEEPEST or not self.suspicious(text):
            return
        bare = known.TOKEN.sub(fields.BLANK, text)
        if parse(text) is None:  # in JSON a payload is one long word of noise: the patterns see its strings, below
            yield from ((kind, "text") for kind, _, pattern in known.PATTERNS if pattern.search(bare))
        if self._exact is not None and self._exact.search(bare):
            yield "env", "text"
        if self._base64 is not None and self._base64.search(bare):
            yield "base64", "text"
        if any(rule.search(bare) for rule in self._rules):
            yield "rule", "text"
        for literal in STRING.findall(bare):
            value = unquoted(literal)
            opened = unquote(value) if "%" in value else value
            payload = len(value) >= 64 and unbase64(value) is not None
            for _, _, kind in () if payload else (*self.spans(value), *self.spans(opened)):
                yield kind, "a string"
            if '"' in value and value != text:
                yield from self.scan(value, depth + 1)

    def scan_frame(self, frame: Frame) -> Iterator[tuple[str, str]]:
        """The same for a frame."""
        match frame:
            case Text(data) | Close(_, data) | Lost(data):
                yield from self.scan(data)
            case Binary(raw):
                yield from self.scan_bytes(raw)

    def scan_bytes(self, raw: bytes) -> Iterator[tuple[str, str]]:
        """The same for bytes."""
        yield from self.scan(raw.decode("latin-1"))
