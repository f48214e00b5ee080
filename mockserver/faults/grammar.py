"""The one syntax, read: ``parse("delay 11s on response.created")``. See docs/faults.md for the whole of it.

    fault  = action clause* ["optional"]          the parts of an action that may be left out stand among the clauses
    clause = ("on" | "before") ["the"] [ORDINAL | "every" ORDINAL] EVENT ("or" EVENT)*
           | "from" ("client" | "server")
           | "in" ["the"] (ORDINAL "connection" | "connection" (ORDINAL | NUMBER)) | "after" "reconnect"
           | ("in" | "within") ["the"] (ORDINAL ("response" | "item") | ("response" | "item") (ORDINAL | NUMBER | ID))
           | "after" TIME ["of" "audio"] ["since" EVENT]
           | "after" (NUMBER ("frames" | EVENT) | EVENT) ["since" EVENT]
           | "with" ("probability" CHANCE | "seed" NUMBER)
           | "at" "most" NUMBER "times" | "once"
           | "for" ["the"] "first" [NUMBER] ("attempt" | "attempts")

After "drop" the word "on" may be left out where what follows looks like an event: ``drop response.created``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import yaml

from mockserver import bounded_yaml
from mockserver.core.frames import Sender
from mockserver.core.typed import checked
from mockserver.dialects.registry import DIALECTS
from mockserver.errors import SpecError, UsageError
from mockserver.faults.action import ACTIONS, Action
from mockserver.faults.base import Fault
from mockserver.faults.tokens import Reader, Token, nearest
from mockserver.faults.values import CLAUSE_WORDS, KINDS, chance_value, ordinal_value, time_value, whole_value
from mockserver.faults.where import After, Where

_UNITS = {"ms": "ms", "milliseconds": "ms", "s": "s", "second": "s", "seconds": "s"}


@checked("faults.parse")
def parse(spec: str) -> Fault:
    """A fault from its text. SpecError, with the column, where the text is wrong."""
    reader = Reader(spec)
    kind, fields, where = _action(reader)
    optional = False
    while (token := reader.peek()) is not None:
        group = kind.pattern.read_group(reader, shared=reader.word() in CLAUSE_WORDS)
        if group is not None:
            if group.keys() & fields.keys():
                raise reader.error(f"{token.text!r} is said twice", at=token)
            fields.update(group)
            continue
        word = reader.word()
        if word == "optional":
            reader.place += 1
            optional = True
        elif word in CLAUSES:
            reader.place += 1
            found = CLAUSES[word](reader)
            if found.keys() & where.keys():
                raise reader.error(f"{token.text!r} is said twice", at=token)
            where.update(found)
        else:
            known = [*kind.pattern.keywords, *CLAUSE_WORDS]
            meant = nearest(token.text.lower(), known)
            if not meant and "events" not in where and _names_an_event(token):
                meant = f"; did you mean 'on {token.text}'?"
            raise reader.error(
                f"unexpected {token.text!r}{meant} (here may stand: {', '.join(dict.fromkeys(known))})", at=token
            )
    if kind.pattern.first_words == ("strip",) and reader.word_at(0) == "drop" and "events" not in where:
        path = fields["path"]
        raise reader.error(
            f"'drop {path}' takes a field out of an event: add 'on EVENT'; to lose an event of this "
            f"name say 'drop on {path}'",
            at=reader.tokens[1],
        )
    try:
        return Fault(kind(**fields), Where(**where), optional)
    except UsageError as error:
        raise SpecError(f"fault {spec!r}: {error}", source=spec) from None


def _action(reader: Reader) -> tuple[type[Action], dict[str, Any], dict[str, Any]]:
    """The action at the reader: the kind whose words are the longest that stand there; its values; where, if said."""
    first = reader.next("a fault, such as 'reset after 3s'")
    reader.place -= 1
    best: tuple[str, ...] | None = None
    for words in ACTIONS:
        if (best is None or len(words) > len(best)) and all(reader.word(at) == word for at, word in enumerate(words)):
            best = words
    if best is None:
        known = [" ".join(words) for words in ACTIONS]
        said = " ".join(token.text.lower() for token in reader.tokens[:2])
        begun = [name for name in known if name.split()[0] == first.text.lower()]
        hint = nearest(said, begun or known) or nearest(first.text.lower(), begun or known)
        hint = hint or (f"; did you mean {' or '.join(map(repr, begun))}?" if begun else "")
        raise reader.error(f"no fault is called {first.text!r}{hint} (the list: mockserver faults)", at=first)
    reader.place += len(best)
    if best == ("drop",) and (what := _dropped(reader)) is not None:
        if what == "event":
            return ACTIONS[best], {}, _on(reader)
        best = ("strip",)
    kind = ACTIONS[best]
    return kind, _head(kind, best, reader), {}


def _dropped(reader: Reader) -> Literal["field", "event"] | None:
    """What stands behind 'drop', as people say it: "drop metadata on response.created" means a field of an event,
    "drop response.created" the event; None where a clause follows."""
    token = reader.peek()
    if token is None or (token.bare and token.text.lower() in CLAUSE_WORDS) or KINDS["path"].read(token) is None:
        return None
    event_is_said = any(other.bare and other.text.lower() in ("on", "before") for other in reader.tokens)
    counted = token.bare and (token.text.lower() in ("the", "every") or ordinal_value(token.text) is not None)
    return "event" if not event_is_said and (counted or _names_an_event(token)) else "field"


def _names_an_event(token: Token) -> bool:
    """Whether a word looks like an event's name: dotted, a glob, or one that a provider is known to use."""
    name = token.value
    return isinstance(name, str) and (
        "." in name or "*" in name or any(name in dialect.names() for dialect in DIALECTS.values())
    )


def _head(kind: type[Action], words: tuple[str, ...], reader: Reader) -> dict[str, Any]:
    """The values of the required part, the words being taken already."""
    rest = kind.pattern.head[len(words) :]
    fields: dict[str, Any] = {}
    for part in rest:
        if isinstance(part, str):
            token = reader.next(repr(part))
            if not token.bare or token.text.lower() != part:
                raise reader.error(f"expected {part!r}, got {token.text!r}{nearest(token.text, [part])}", at=token)
        else:
            fields[part.field] = part.read(reader)
    return fields


# --- clauses --------------------------------------------------------------------------------------------------------


def _event(reader: Reader) -> str:
    token = reader.next("an event name")
    value = KINDS["event"].read(token)
    if value is None:
        raise reader.error(f"expected an event name, got {token.text!r}", at=token)
    return str(value)


def _ordinal(token: Token | None) -> int | None:
    return ordinal_value(token.text) if token is not None and token.bare else None


def _number(reader: Reader) -> int:
    token = reader.next("a whole number")
    value = whole_value(token.text) if token.bare else None
    if value is None:
        raise reader.error(f"expected a whole number, got {token.text!r}", at=token)
    return value


def _on(reader: Reader) -> dict[str, Any]:
    found: dict[str, Any] = {}
    reader.take("the")
    if reader.take("every"):
        token = reader.next("an ordinal such as 3rd")
        found["every"] = _ordinal(token)
        if found["every"] is None:
            raise reader.error(f"expected an ordinal such as 3rd, got {token.text!r}", at=token)
    elif (number := _ordinal(reader.peek())) is not None:
        reader.place += 1
        found["nth"] = number
    events = [_event(reader)]
    while reader.take("or") or reader.take(","):
        events.append(_event(reader))
    return {**found, "events": tuple(events)}


def _before(reader: Reader) -> dict[str, Any]:
    return {**_on(reader), "before": True}


def _from(reader: Reader) -> dict[str, Any]:
    token = reader.next("client or server")
    if token.text not in ("client", "server"):
        raise reader.error(
            f"expected client or server, got {token.text!r}{nearest(token.text, ['client', 'server'])}", at=token
        )
    return {"sender": Sender(token.text)}


def _in(reader: Reader) -> dict[str, Any]:
    reader.take("the")
    number = _ordinal(reader.peek())
    if number is not None:
        reader.place += 1
    token = reader.next("response, item or connection")
    name = token.text.lower()
    if name not in ("response", "item", "connection"):
        hint = nearest(name, ["response", "item", "connection"])
        raise reader.error(f"expected response, item or connection, got {token.text!r}{hint}", at=token)
    if number is not None:
        return {name: number}
    token = reader.next(f"which {name}: 2nd{', or its id' if name != 'connection' else ''}")
    number = _ordinal(token)
    if number is None and token.bare:
        number = whole_value(token.text)
    if number is None and name == "connection":
        raise reader.error(f"expected which connection: 2nd, or a number; got {token.text!r}", at=token)
    return {name: number if number is not None else str(token.value)}


def _after(reader: Reader) -> dict[str, Any]:
    token = reader.next("a time, a number or an event name")
    if token.bare and token.text.lower() == "reconnect":
        return {"reconnected": True}
    fields: dict[str, Any]
    if token.bare and (time := time_value(token.text)) is not None:
        fields = {"amount": time, "unit": "time"}
        if reader.take("of"):
            if not reader.take("audio"):
                raise reader.error("expected 'audio' after 'of'")
            fields["unit"] = "audio"
    elif token.bare and (count := whole_value(token.text)) is not None:
        if reader.take("frames") or reader.take("frame"):
            fields = {"amount": count, "unit": "frames"}
        elif (unit := _UNITS.get(reader.word() or "")) is not None:
            raise reader.error(f"write the unit without a space: {count}{unit}")
        else:
            fields = {"amount": count, "unit": "events", "event": _event(reader)}
    else:
        reader.place -= 1
        fields = {"amount": 1, "unit": "events", "event": _event(reader)}
    if reader.take("since"):
        fields["since"] = _event(reader)
    try:
        return {"after": After(**fields)}
    except UsageError as error:
        raise reader.error(str(error), at=token) from None


def _with(reader: Reader) -> dict[str, Any]:
    token = reader.next("probability or seed")
    if token.text == "seed":
        return {"seed": _number(reader)}
    if token.text != "probability":
        raise reader.error(
            f"expected probability or seed, got {token.text!r}{nearest(token.text, ['probability', 'seed'])}", at=token
        )
    token = reader.next("a chance such as 10%")
    chance = chance_value(token.text)
    if chance is None or not 0 < chance <= 1:
        raise reader.error(f"expected a chance such as 10% or 0.1, got {token.text!r}", at=token)
    return {"probability": chance}


def _at(reader: Reader) -> dict[str, Any]:
    if not reader.take("most"):
        raise reader.error("expected 'most', as in 'at most 2 times'")
    count = _number(reader)
    if not (reader.take("times") or reader.take("time")):
        raise reader.error("expected 'times', as in 'at most 2 times'")
    return {"times": count}


def _for(reader: Reader) -> dict[str, Any]:
    reader.take("the")
    if not reader.take("first"):
        raise reader.error("expected 'first', as in 'for first 2 attempts'")
    count = 1 if reader.word() in ("attempt", "attempts") else _number(reader)
    if not (reader.take("attempts") or reader.take("attempt")):
        raise reader.error("expected 'attempts', as in 'for first 2 attempts'")
    return {"attempts": count}


CLAUSES: dict[str, Callable[[Reader], dict[str, Any]]] = {
    "on": _on,
    "before": _before,
    "from": _from,
    "in": _in,
    "within": _in,
    "after": _after,
    "with": _with,
    "at": _at,
    "once": lambda reader: {"times": 1},
    "for": _for,
}


# --- files of named sets --------------------------------------------------------------------------------------------


@checked("faults.load_text")
def load_text(text: str, *, source: str = "faults.yaml") -> dict[str, list[Fault]]:
    """Named sets of faults from YAML: a mapping of names to a spec or a list of specs. SpecError names the line."""
    root = bounded_yaml.compose(text, source=source)
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise SpecError(f"{source}, line 1: expected a mapping of names to lists of faults", source=text)
    sets: dict[str, list[Fault]] = {}
    for key, value in root.value:
        where = f"{source}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise SpecError(f"{where}: expected a name", source=text)
        if key.value in sets:
            raise SpecError(f"{where}: there are two sets called {key.value!r}", source=text)
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        sets[key.value] = [_one(node, key.value, source, text) for node in nodes]
    return sets


def _one(node: yaml.Node, name: str, source: str, text: str) -> Fault:
    where = f"{source}, line {node.start_mark.line + 1}, set {name!r}"
    if not isinstance(node, yaml.ScalarNode):
        raise SpecError(f"{where}: expected a fault as text, such as: reset after 3s", source=text)
    try:
        return parse(node.value)
    except SpecError as error:
        raise SpecError(f"{where}: {error}", source=node.value, column=error.column) from None
