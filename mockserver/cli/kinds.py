"""Kinds of values on a command line that click alone is too kind to: an empty path, a number that is none.

``--to "$PAGE"`` with the variable unset is an empty text. Taken as a path it would be this folder.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockserver.errors import UsageError

if TYPE_CHECKING:
    _Paths = click.Path[Path]
else:
    _Paths = click.Path


class _Named(_Paths):
    """A path that has a name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does it; UsageError where it is empty."""
        if str(value) == "" or (isinstance(value, bytes) and not value):
            raise UsageError(f"{_called(param)} is empty (an unset variable?): expected a path")
        return super().convert(value, param, ctx)


class Number(click.FloatRange):
    """A number in a range: neither "nan", which no comparison holds back, nor one without end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does it; an error where the number is not finite."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number of that kind; expected a finite one.", param, ctx)
        return number


def _called(param: click.Parameter | None) -> str:
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return "the path" if param is None else param.make_metavar(click.get_current_context())


FILE = _Named(path_type=Path)
FOLDER = _Named(path_type=Path, file_okay=False)
NO_FOLDER = _Named(path_type=Path, dir_okay=False)


def check_apart(target: Path, *sources: Path) -> None:
    """UsageError where what is written would take the place of what is read: no --force means that."""
    for source in sources:
        if target == source or (target.exists() and source.exists() and target.samefile(source)):
            raise UsageError(f"{target} is the file that is read; choose another name with --to")
