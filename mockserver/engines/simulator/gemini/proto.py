"""JSON to messages as protobuf reads it: both spellings of a name, numbers as text, null for nothing.

A message is a table of fields (``fields.py``). What does not fit ends the session in the service's words
(``problems``). Read values have the camelCase names of the published API.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from mockserver.engines.simulator.gemini import problems

Scalar = Literal["string", "bool", "int", "int64", "float", "bytes", "struct", "any", "duration"]
_TYPES = {
    "string": "TYPE_STRING",
    "bool": "TYPE_BOOL",
    "int": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float": "TYPE_FLOAT",
    "bytes": "TYPE_BYTES",
    "duration": "type.googleapis.com/google.protobuf.Duration",
}
_STRUCT = "type.googleapis.com/google.protobuf.Struct"
_WHOLE = re.compile(r"-?\d{1,19}")
_LARGEST = 10**38
"""Of a float32, about; Python has no float for a number of 400 digits."""
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")


@dataclass(frozen=True, slots=True)
class MessageType:
    """A message type: its name, and its fields by their camelCase names. ``oneof``: at most one of these is set.

    ``given``: that group's name.
    """

    name: str
    fields: Mapping[str, Kind] = field(default_factory=dict)
    oneof: tuple[str, ...] = ()
    given: str = ""


@dataclass(frozen=True, slots=True)
class EnumType:
    """Names of values."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of these."""

    of: Kind


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object whose names are the client's (a map)."""

    of: Kind


@dataclass(frozen=True, slots=True)
class InVersions:
    """A field that some versions of the API alone have (gemini.md#9)."""

    of: Kind
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InService:
    """A field that Vertex alone has, or AI Studio alone (gemini.md#105)."""

    of: Kind
    vertex: bool


@dataclass(frozen=True, slots=True)
class Itself:
    """The message that holds this field (a schema inside a schema)."""


Kind = Scalar | MessageType | EnumType | ListOf | MapOf | InVersions | InService | Itself


@dataclass(frozen=True, slots=True)
class ProtoReader:
    """Reads for one version of the API ("v1beta")."""

    version: str
    package: str

    def message(self, kind: MessageType, value: Any, path: str = "") -> dict[str, Any]:
        """An object as a message."""
        if not isinstance(value, dict):
            raise problems.bad_value(value, self._type(kind.name), path)
        read: dict[str, Any] = {}
        for raw, inner in value.items():
            name = camel(raw)
            known = kind.fields.get(name)
            if isinstance(known, InVersions):
                known = known.of if self.version in known.versions else None
            if isinstance(known, InService):
                known = known.of if known.vertex is ("aiplatform" in self.package) else None
            if known is None:
                raise problems.unknown_name(raw, path)
            if inner is None:
                continue
            place = f"{path}.{snake(name)}" if path else snake(name)
            if name in kind.oneof and any(other in read for other in kind.oneof):
                raise problems.already_set(kind.given, path or snake(name))
            if isinstance(inner, list) and not isinstance(known, ListOf) and known != "any":
                raise problems.not_repeating(raw, path)
            read[name] = self.value(kind if isinstance(known, Itself) else known, inner, place, kind)
        return read

    def value(self, kind: Kind, value: Any, path: str, around: MessageType) -> Any:
        """Any value of this kind."""
        match kind:
            case MessageType():
                return self.message(kind, value, path)
            case Itself():
                return self.message(around, value, path)
            case InVersions(of, _) | InService(of, _):
                return self.value(of, value, path, around)
            case ListOf(of):
                items = value if isinstance(value, list) else [value]
                return [self.value(of, item, f"{path}[{place}]", around) for place, item in enumerate(items)]
            case MapOf(of):
                if not isinstance(value, dict):
                    raise problems.bad_value(value, _STRUCT, path)
                named = enumerate(value.items())
                return {name: self.value(of, inner, f"{path}[{place}].value", around) for place, (name, inner) in named}
            case EnumType(name, values):
                if isinstance(value, str) and value.upper() in values:
                    return value.upper()
                raise problems.bad_value(value, self._type(name), path)
            case _:
                return _scalar(kind, value, path)

    def _type(self, name: str) -> str:
        return f"type.googleapis.com/{self.package}.{name}"


def _scalar(kind: Scalar, value: Any, path: str) -> Any:
    match kind, value:
        case ("any", _) | ("string", str()) | ("bool", bool()) | ("struct", dict()):
            return value
        case "bool", "true" | "false":
            return value == "true"
        case "int" | "int64", bool():
            pass
        case "int" | "int64", int():
            return value
        case "int" | "int64", float() if value.is_integer():
            return int(value)
        case "int" | "int64", str() if _WHOLE.fullmatch(value):
            return int(value)
        case "float", bool():
            pass
        case "float", float():
            return value
        case "float", int() if abs(value) <= _LARGEST:
            return float(value)
        case "bytes", str():
            return decoded(value, path)
        case "duration", str() if _DURATION.fullmatch(value):
            return value
        case _:
            pass
    raise problems.bad_value(value, _TYPES.get(kind, _STRUCT), path)


def decoded(value: str, path: str) -> bytes:
    """Base64 in either alphabet, with or without padding; the Python client writes the URL's (gemini.md#18)."""
    plain = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise problems.bad_base64(value, path) from None


def camel(name: str) -> str:
    """``client_content`` as ``clientContent``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@lru_cache(1024)  # of the schema's own names alone: a client's would be memory that it fills
def snake(name: str) -> str:
    """``clientContent`` as ``client_content``, as errors write paths."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
