"""YAML from outside, read safely: plain values only, and no more or deeper ones than a person writes.

PyYAML's safe loader runs no code, but a line of brackets exhausts its recursion, a chain of aliases makes a value that
takes hours to walk, and some tags raise what is no YAML error. Here all of that is one SpecError that names the line.
Libraries that check values (pydantic, cattrs) begin where a file has been read; what is bounded here is the reading.
"""

from __future__ import annotations

import contextlib
from typing import Any

import yaml

from mockserver.errors import SpecError

LARGEST = 1 << 20
"""Characters of a file."""
DEEPEST = 64
MOST = 100_000
"""Values, those behind aliases counted again wherever they stand."""


def compose(text: str, *, source: str, fast: bool = False) -> yaml.Node | None:
    """The nodes of a document, None where it is empty. SpecError where it is no YAML or too much of it.

    ``fast``: by libyaml, where PyYAML has it, which takes a tenth of the time. What it refuses is read again by the
    slower one, so that a mistake is told in the same words everywhere.
    """
    if fast and hasattr(yaml, "CSafeLoader"):
        with contextlib.suppress(SpecError):
            return _composed(text, source, yaml.CSafeLoader)
    return _composed(text, source, yaml.SafeLoader)


def _composed(text: str, source: str, loader: Any) -> yaml.Node | None:
    if len(text) > LARGEST:
        raise SpecError(f"{source}: {len(text)} characters; a file may have {LARGEST}", source=text[:100])
    try:
        _depth(text, source, loader)
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
        if root is not None:
            _count(root, source, text)
    except SpecError:
        raise
    except yaml.YAMLError as error:
        raise _wrong(error, source, text) from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise SpecError(f"{source}: not YAML: {' '.join(str(error).split())}", source=text) from None
    return root


def load(text: str, *, source: str) -> Any:
    """The value of a document. SpecError as above."""
    root = compose(text, source=source)
    return None if root is None else constructed(root, source=source, text=text)


def constructed(root: yaml.Node, *, source: str, text: str = "") -> Any:
    """The value of a document's nodes. SpecError as above."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(root)
    except yaml.YAMLError as error:
        raise _wrong(error, source, text) from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        # What a tag such as !!int or a date such as 2026-99-99 raises.
        raise SpecError(f"{source}: a value cannot be read: {' '.join(str(error).split())}", source=text) from None
    finally:
        loader.dispose()


def _depth(text: str, source: str, loader: Any) -> None:
    """Events come one by one and without recursion, so this stops before anything deep is built."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                line = 1 if event.start_mark is None else event.start_mark.line + 1
                raise SpecError(f"{source}, line {line}: nested more than {DEEPEST} deep", source=text[:100])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _count(root: yaml.Node, source: str, text: str) -> None:
    count = 0
    todo: list[tuple[yaml.Node, int]] = [(root, 0)]
    while todo:
        node, depth = todo.pop()
        count += 1
        if count > MOST or depth > DEEPEST:
            line = node.start_mark.line + 1
            what = "aliases that lead back to themselves" if depth > DEEPEST else f"more than {MOST} values"
            raise SpecError(f"{source}, line {line}: {what}", source=text[:100])
        if isinstance(node, yaml.SequenceNode):
            todo += [(one, depth + 1) for one in node.value]
        elif isinstance(node, yaml.MappingNode):
            todo += [(one, depth + 1) for pair in node.value for one in pair]


def _wrong(error: yaml.YAMLError, source: str, text: str) -> SpecError:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark is not None else ""
    told = getattr(error, "problem", None) or " ".join(str(error).split())
    return SpecError(f"{source}{line}: not YAML: {told}", source=text)
