"""Where a provider's keys stand: one account, which all who meet a key ask.

The relay puts the user's key there, redaction takes keys out of there, the simulated server looks there for the
client's, and a server that wants a token of its own lets it stand in the same places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus

from mockserver.core.frames import Pairs, first

ANY_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie")
"""Headers that hold a credential with one provider or another."""
ANY_PARAMS = ("key", "api_key", "api-key", "token", "access_token")
ANY_SUBPROTOCOLS = (
    *("base64url.bearer.authorization.", "bearer.", "token.", "auth.", "jwt.", "apikey.", "api-key.", "api_key."),
    *("access_token.", "authorization."),
)
"""Prefixes of subprotocols behind which keys are put."""
_SCHEME = re.compile(r"([A-Za-z]+) +(\S+)")


@dataclass(frozen=True, slots=True)
class Keys:
    """``headers``, ``params`` (of the socket's query) and ``subprotocols`` (prefixes): where the service looks for a
    key, in this order. ``authorization`` holds a scheme of ``schemes`` and the key, any other header the key alone. The
    relay puts the user's key into the first place that there is.

    ``hidden_...``: places in which the service does not look for a key, but where one may stand all the same, or
    something else that nobody is to read. ``fields``: names of fields, in frames and plain calls, that hold a key.
    ``hands_out``: ends of the paths of plain calls that answer with a key, and the fields of the reply that hold it.
    ``begins``: how its keys begin, and how many characters stand behind that at the least; redaction looks for those of
    this package's providers in every recording. ``env``: the
    variable in which users keep their key.
    """

    headers: tuple[str, ...] = ("authorization",)
    params: tuple[str, ...] = ()
    subprotocols: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ("bearer",)
    hidden_headers: tuple[str, ...] = ()
    hidden_params: tuple[str, ...] = ANY_PARAMS
    hidden_subprotocols: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    hands_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    begins: tuple[tuple[str, int], ...] = ()
    env: str | None = None

    # --- what the service does ---

    def key(self, headers: Pairs, query: Pairs = (), subprotocols: Sequence[str] = ()) -> str | None:
        """The key that a client brings, from the places alone where the service looks; None where there is none.

        An empty key is none. The scheme's case does not count (RFC 9110 section 11.1).
        """
        return next(self._found(headers, query, subprotocols), None)

    def _found(self, headers: Pairs, query: Pairs, subprotocols: Sequence[str]) -> Iterator[str]:
        for name in self.headers:
            value = (first(headers, name) or "").strip()
            if name == "authorization":
                told = _SCHEME.fullmatch(value)
                value = told[2] if told is not None and told[1].lower() in self.schemes else ""
            if value:
                yield value
        for name in self.params:
            if value := (first(query, name) or "").strip():
                yield value
        for prefix in self.subprotocols:
            yield from (one[len(prefix) :] for one in subprotocols if one.startswith(prefix) and len(one) > len(prefix))

    def answers(self, path: str) -> tuple[str, ...]:
        """The fields of the reply of a plain call that hold a key; () for a call that hands out none."""
        return next((fields for ending, fields in self.hands_out.items() if path.endswith(ending)), ())

    # --- what is secret ---

    def secret_header(self, name: str) -> bool:
        """Whether a header holds something that nobody is to read."""
        return name.lower() in self.headers or name.lower() in self.hidden_headers

    def secret_param(self, name: str) -> bool:
        """Whether a parameter of the query does."""
        return name.lower() in self.params or name.lower() in self.hidden_params

    @property
    def secret_subprotocols(self) -> tuple[str, ...]:
        """The prefixes behind which it stands in a subprotocol."""
        return self.subprotocols + self.hidden_subprotocols

    def all(self, headers: Pairs, query: Pairs = (), subprotocols: Sequence[str] = ()) -> Iterator[str]:
        """Every credential that a client brings, in any of these places."""
        for name, value in headers:
            if self.secret_header(name) or name.lower() == "authorization":
                scheme, _, rest = value.partition(" ")
                yield rest.strip() if scheme.lower() in ("bearer", "token") else value.strip()
        yield from (value for name, value in query if self.secret_param(name))
        for one in subprotocols:
            yield from (one.removeprefix(prefix) for prefix in self.secret_subprotocols if one.startswith(prefix))

    # --- requests to the service ---

    def replaced(
        self, headers: Pairs, url: str, subprotocols: Sequence[str], key: str
    ) -> tuple[Pairs, str, tuple[str, ...]]:
        """Headers, URL and subprotocols of a request with this key in place of whatever the client brings."""
        secret = {*ANY_HEADERS, *self.headers} - {"cookie"}
        kept: Pairs = tuple((name, value) for name, value in headers if name.lower() not in secret)
        path, _, query = url.partition("?")
        pieces = [one for one in query.split("&") if one and not self.secret_param(unquote_plus(one.partition("=")[0]))]
        left = tuple(one for one in subprotocols if not one.startswith(self.secret_subprotocols or ("\0",)))
        if self.headers:
            name = self.headers[0]
            kept = (*kept, (name, f"{self.schemes[0].title()} {key}" if name == "authorization" else key))
        elif self.params:
            pieces.append(f"{self.params[0]}={quote(key, safe='')}")
        elif self.subprotocols:
            left = (*left, self.subprotocols[0] + key)
        return kept, path + ("?" + "&".join(pieces) if pieces else ""), left

    @property
    def any(self) -> bool:
        """Whether the service has keys at all."""
        return bool(self.headers or self.params or self.subprotocols)
