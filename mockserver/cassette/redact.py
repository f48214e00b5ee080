"""Taking secrets out, on by default. Pure: the environment's values are passed in.

``Redactor.frame`` looks at one frame and is cheap where nothing is in it: a few substring searches. Where something
may be,
``search`` says which stretches of the text as it is written are secrets, and a token stands there afterwards; all other
bytes stay. That is repeated until nothing more is found, and what cannot be taken out is told: the check is the same
walk.
What is in pieces over several frames is ``spread``'s part. Both sides of a comparison go through the same redactor;
what
was taken out of the recorded one stands for any text (``patterns.stands_for``).

Nothing here says what a secret was. Errors and reports name places, kinds and rules.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from urllib.parse import unquote

from mockserver.cassette import decode
from mockserver.cassette.known import Known
from mockserver.cassette.model import Exchange
from mockserver.cassette.patterns import TOKEN
from mockserver.cassette.search import Cut, Search
from mockserver.cassette.secret_names import (
    SUBPROTOCOL_NAMES,
    behind,
    is_secret,
    kept_header,
    lets_in,
    parameter,
    tells,
)
from mockserver.cassette.standins import LOOK, StandIns
from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Pairs, Text
from mockserver.core.yielding import yielding
from mockserver.dialects.base import Dialect, close_reason
from mockserver.dialects.keys import ANY_PARAMS
from mockserver.dialects.registry import key_prefixes
from mockserver.errors import UsageError

ROUNDS = 4
"""What was taken out may show something more; after so many times it is told as what cannot be taken out."""
_USERINFO = re.compile(r"//[^/@?#]*@")
_TOKEN_PATH = re.compile(r"secret|token|/sessions$", re.IGNORECASE)
_ANY_FIELDS = ("value", "token", "jwt", "secret", "key")
"""Plain calls that hand out short-lived keys, and the fields in which those stand, with providers that nobody knows."""
_LOGPROB = re.compile(r'\{[^{}]*"logprob"[^{}]*\}')
_BYTES = re.compile(r'("bytes"\s{0,64}:\s{0,64})\[[\d,\s]*\]')
Told = Callable[[Cut], None]
"""Is told what was taken out."""


class Redactor:
    """Takes secrets out and counts them. One per cassette, so that equal secrets get equal tokens.

    ``env`` is an environment (the values of variables named like keys are taken out wherever they stand), ``values``
    are more such values, ``rules`` are regular expressions for decoded text, on top of everything else. Credentials
    that
    a handshake or a reply carried are looked for from then on, too.
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
        self.told: Told | None = None
        self._standing: list[str] = []
        try:
            patterns = tuple(re.compile(rule) for rule in rules)
        except re.error as error:
            raise UsageError(f"a redaction rule is not a regular expression: {error}") from None
        if any(rule.search("") for rule in patterns):
            raise UsageError("a redaction rule matches the empty text, so it would match everywhere")
        base = dialect or Dialect()
        self._keys = base.keys
        params = frozenset((*ANY_PARAMS, *base.keys.params, *base.keys.hidden_params, *base.keys.fields))
        self.known = Known(env or {}, values)
        self.search = Search(self.known, patterns, params)
        self.text_prefix = base.text_prefix
        self._prefixes = (*key_prefixes(), *base.keys.secret_subprotocols)
        self._tokens = StandIns()

    def beside(self) -> Redactor:
        """One for other frames at the same time: of the same values, rules and tokens. What it remembers of the frames
        before, and its counts, are its own.
        """
        made = copy(self)
        made.counts, made.told, made._standing = Counter(), None, []
        made.search = Search(self.known, self.search.rules, self.search.params)
        return made

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
                new = self.text(reason)
                return frame if new == reason else Close(code, close_reason(new))
            case Lost(reason):
                new = self.text(reason)
                return frame if new == reason else Lost(new)

    def clean(self, frame: Frame) -> tuple[Frame, str]:
        """The frame without secrets, and the kind of one that still stands in it ("" as a rule)."""
        self._standing = []
        new = self.frame(frame)
        return new, self._standing[0] if self._standing else ""

    def suspicious(self, text: str) -> bool:
        """Whether a text may hold a secret: one that cannot is not looked at more closely."""
        return self.search.suspicious(text)

    def text(self, text: str, depth: int = 0) -> str:
        """Any text without secrets. The same object where there are none."""
        return self._taken_out(text, depth, self.token) if text and self.search.suspicious(text) else text

    def _taken_out(self, text: str, depth: int, stand_in: Callable[[str, str], str] | None) -> str:
        new = text
        standing: list[str] = []
        inside = (lambda raw: self.binary(raw, depth + 1)) if depth < decode.DEEPEST else None
        for done in range(ROUNDS + 1):
            cuts, standing = self.search.cuts(new, inside)
            if not cuts:
                break
            if done == ROUNDS:
                standing.append(cuts[0].kind)
                break
            new = self._cut(new, cuts, stand_in)
        self._standing += standing
        new = self.unsaid(new)
        return text if new == text else new

    def _cut(self, text: str, cuts: Sequence[Cut], stand_in: Callable[[str, str], str] | None) -> str:
        """A text with something else in the place of each cut; as long as before without ``stand_in``."""
        made, done = [], 0
        for cut in yielding(cuts):
            self.counts[cut.kind] += 1
            if self.told is not None:
                self.told(cut)
            if self.search.reply and cut.rule.startswith("a reply"):
                self.known.see(cut.secret)
            made.append(text[done : cut.begin])
            if cut.new is not None and (stand_in is not None or len(cut.new) == cut.end - cut.begin):
                made.append(cut.new)
            elif stand_in is not None:
                token = stand_in(cut.kind, cut.secret)
                made.append(f'"{token}"' if cut.quoted else token)
            else:
                size = cut.end - cut.begin
                token = self.token(cut.kind, cut.secret)
                made.append(token.ljust(size, "*") if len(token) <= size else "*" * size)
            done = cut.end
        return "".join([*made, text[done:]])

    def unsaid(self, text: str) -> str:
        """A text in which no bytes spell the words with probabilities that were taken out."""
        return _LOGPROB.sub(_unsaid, text) if '"logprob"' in text and "REDACTED-" in text else text

    def binary(self, raw: bytes, depth: int = 0) -> bytes:
        """Bytes without secrets. A text is treated as one, a few tag bytes aside, and what is packed is unpacked for
        it;
        anything else keeps its length.
        """
        prefix = self.text_prefix
        if depth == 0 and prefix and raw.startswith(prefix):
            words = raw[len(prefix) :].decode("utf-8", "surrogateescape")
            new = self.text(words)
            return raw if new is words else prefix + new.encode("utf-8", "surrogateescape")
        if depth < decode.DEEPEST:
            raw = self._unpacked(raw, depth)
        mark, code = decode.wide_text(raw)
        if code:
            width = 4 if "32" in code else 2
            end = len(mark) + (len(raw) - len(mark)) // width * width
            words = raw[len(mark) : end].decode(code, "surrogatepass" if width == 2 else "replace")
            new = self.text(words, depth)
            return raw if new is words else mark + new.encode(code, "surrogatepass") + raw[end:]
        if decode.texty(raw):
            words = raw.decode("utf-8", "surrogateescape")
            new = self.text(words, depth)
            return raw if new is words else new.encode("utf-8", "surrogateescape")
        flat = raw.decode("latin-1")
        out = raw
        # A message with a head of its own: JSON behind it, with base64 in that.
        json = '{"' in flat and depth < decode.DEEPEST and next(decode.base64_words(flat), None) is not None
        if json or self.search.marked(flat) or self.known.may_be_in(flat):
            new = self._taken_out(flat, depth if json else decode.DEEPEST, None)
            out = raw if new is flat else new.encode("latin-1")
        for value in self.known.raw:  # beyond ASCII it looks otherwise in there
            if value in out:
                kind = self.known.kind(value.decode())
                self.counts[kind] += 1
                token = self.token(kind, value.decode()).encode()
                out = out.replace(
                    value, token.ljust(len(value), b"*") if len(token) <= len(value) else b"*" * len(value)
                )
        return out

    def _unpacked(self, raw: bytes, depth: int) -> bytes:
        made, done = [], 0
        for begin, end, inner, bits in decode.packed(raw):
            new = self.binary(inner, depth + 1)
            if new is not inner:
                made += [raw[done:begin], decode.pack(new, bits)]
                done = end
        return b"".join([*made, raw[done:]]) if made else raw

    def token(self, kind: str, secret: str) -> str:
        """What stands for a secret: the same for the same one."""
        return self._tokens.of(kind, secret)

    def reserve(self, text: str) -> None:
        """Give out no token that stands in this text already, from a redaction of the past."""
        self._tokens.reserve(text)

    # --- handshakes and HTTP ---

    def handshake(self, handshake: Handshake) -> Handshake:
        """Path, query, headers and subprotocols without secrets. Only harmless headers keep their value."""
        self.see(handshake)
        return Handshake(
            self.text(handshake.path),
            tuple((name, self._param(name, value)) for name, value in handshake.query),
            self.headers(handshake.headers),
            self._subprotocols(handshake.subprotocols),
            self.target(handshake.target),
        )

    def see(self, handshake: Handshake) -> None:
        """Remember the credentials of a handshake: they are looked for everywhere from now on."""
        for name, value in handshake.query:
            if self._secret_param(name, value):
                self.known.see(value)
        for name, value in handshake.headers:
            if tells(name) or self._keys.secret_header(name):
                self.known.see(value.split()[-1] if value.split() else "")
        for before, one in zip(("", *handshake.subprotocols), handshake.subprotocols, strict=False):
            start = self._secret_from(before, one)
            if start is not None:
                self.known.see(one[start:])

    def target(self, target: str) -> str:
        """A request target as sent (``/v1/realtime?model=x&key=y``)."""
        path, mark, query = target.partition("?")
        pairs = (piece.partition("=") for piece in query.split("&")) if mark else ()
        made = "&".join(
            name + equals + (self._param(unquote(name), value) if equals else self.text(value))
            for name, equals, value in pairs
        )
        return self.text(self.text(path) + mark + made)  # together, too: so it is looked at when it is checked

    def url(self, url: str) -> str:
        """A URL without credentials: neither in front of the host nor in the query."""
        return self.target(_USERINFO.sub("//", url))

    def answer(self, answer: Answer) -> Answer:
        """Headers, subprotocol and body without secrets."""
        chosen = None if answer.subprotocol is None else self._subprotocols((answer.subprotocol,))[0]
        return Answer(answer.status, self.headers(answer.headers), chosen, self.binary(answer.body))

    def exchange(self, one: Exchange) -> Exchange:
        """Path, bodies and headers without secrets."""
        self.search.reply = self._answers(one.path.partition("?")[0])
        try:
            body = self.binary(one.body)
        finally:
            self.search.reply = frozenset()
        return replace(
            one,
            path=self.target(one.path),
            request=self.binary(one.request),
            headers=self.headers(one.headers),
            body=body,
        )

    def _answers(self, path: str) -> frozenset[str]:
        """The fields that hold a key in the reply to a plain call, by the provider's word or by the call's name."""
        return frozenset((*self._keys.answers(path), *(_ANY_FIELDS if _TOKEN_PATH.search(path) else ())))

    def headers(self, headers: Pairs) -> Pairs:
        """Headers: the value of any that is not known to be harmless is replaced."""
        return tuple((name, self._header(name.lower(), value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if not value or TOKEN.fullmatch(value):
            return value
        if name == "sec-websocket-protocol":
            return ", ".join(self._subprotocols(tuple(one.strip() for one in value.split(","))))
        if self._keys.secret_header(name) or not kept_header(name):
            self.counts["header"] += 1
            return self.token("header", value)
        return self.text(value)

    def _param(self, name: str, value: str) -> str:
        if not value or TOKEN.fullmatch(value):
            return value
        if self._secret_param(name, value):
            self.counts["param"] += 1
            return self.token("param", unquote(value))
        return self.text(value)

    def _secret_param(self, name: str, value: str) -> bool:
        return (
            name.lower() in ANY_PARAMS
            or self._keys.secret_param(name)
            or parameter(name)
            or is_secret(tells(name), value)
            or lets_in(name, value)
        )

    def _subprotocols(self, names: tuple[str, ...]) -> tuple[str, ...]:
        made: list[str] = []
        for before, one in zip(("", *names), names, strict=False):
            start = self._secret_from(before, one)
            if start is None:
                made.append(self.text(one))
            elif TOKEN.fullmatch(one[start:]):
                made.append(one)
            else:
                self.counts["subprotocol"] += 1
                made.append(one[:start] + self.token("subprotocol", one[start:]))
        return tuple(made)

    def _secret_from(self, before: str, name: str) -> int | None:
        """Where a key begins in a subprotocol: behind a prefix, or the whole one behind a word such as ``token``."""
        for prefix in self._prefixes:
            if name.lower().startswith(prefix.lower()) and len(name) > len(prefix):
                return len(prefix)
        if before.lower() in SUBPROTOCOL_NAMES and name.lower() not in SUBPROTOCOL_NAMES:
            return 0
        return behind(name)

    # --- what still stands ---

    def scan(self, text: str, depth: int = 0) -> Iterator[tuple[str, str]]:
        """The secrets that a text still holds, as (kind, path): the same walk, and nothing is changed."""
        if not text or not self.search.suspicious(text):
            return
        cuts, standing = self.search.cuts(text, self._looked(depth))
        yield from ((cut.kind, "a string") for cut in cuts)
        yield from ((kind, "text") for kind in standing)

    def scan_frame(self, frame: Frame) -> Iterator[tuple[str, str]]:
        """The same for a frame."""
        match frame:
            case Text(data) | Close(_, data) | Lost(data):
                yield from self.scan(data)
            case Binary(raw):
                yield from self.scan_bytes(raw)

    def scan_bytes(self, raw: bytes) -> Iterator[tuple[str, str]]:
        """The same for bytes."""
        counts, told, tokens = self.counts, self.told, self._tokens
        self._standing = []
        kinds: list[str] = []

        def tell(cut: Cut) -> None:
            kinds.append(cut.kind)
            if told is not None:
                told(cut)

        self.counts, self.told, self._tokens = Counter(), tell, LOOK
        try:
            new = self.binary(raw)
        finally:
            self.counts, self.told, self._tokens = counts, told, tokens
        if new is not raw:
            yield kinds[0] if kinds else "env", "bytes"
        yield from ((kind, "bytes") for kind in self._standing)

    def _looked(self, depth: int) -> Callable[[bytes], bytes] | None:
        """For a look at base64 that changes nothing: other bytes where something stands in these."""
        if depth >= decode.DEEPEST:
            return None
        return lambda raw: b"" if any(True for _ in self.scan_bytes(raw)) else raw


def _unsaid(match: re.Match[str]) -> str:
    """A word with its probability, without the bytes that spell it where it was taken out."""
    return _BYTES.sub(r"\1null", match[0]) if "REDACTED-" in match[0] else match[0]
