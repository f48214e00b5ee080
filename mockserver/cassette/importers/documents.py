"""Reads a whole JSON or YAML document of another tool: bounded, with an error that names the line.

``field`` and ``listed`` look into one without trusting its shape.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from mockserver.cassette.importers.build import bad

MOST_NODES = 5_000_000
DEEPEST = 100


def json_document(text: str, name: str) -> Any:
    """The value of a JSON text. CassetteDamaged with the line where it is none."""
    try:
        return json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise bad(name, error.lineno, f"not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:
        raise bad(name, 1, f"not JSON ({error})") from None


def yaml_document(text: str, name: str) -> Any:
    """The value of a YAML text, of one document. CassetteDamaged with the line where it is none."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "not YAML"
        raise bad(name, 1 if mark is None else mark.line + 1, str(what)) from None
    except (ValueError, RecursionError) as error:
        raise bad(name, 1, str(error)) from None


def listed(value: Any, key: str, where: str, name: str) -> list[Any]:
    """The list that stands under a key. CassetteDamaged where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise bad(name, 1, f'{where}: expected a list "{key}"')
    return found


class _Loader(yaml.SafeLoader):
    """The safe loader with limits: no aliases (which multiply a small file into a huge value), no depth without end.

    Timestamps stay texts, because JSON knows none.
    """

    nodes = 0
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias, which this form never has", problem_mark=mark)
        self.nodes += 1
        self.depth += 1
        try:
            if self.nodes > MOST_NODES or self.depth > DEEPEST:
                raise yaml.MarkedYAMLError(problem="more or deeper values than a session has", problem_mark=mark)
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
