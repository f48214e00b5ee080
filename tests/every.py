"""A grid of short cases as one test: all that fail are told at once, and none costs what a test of its own costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

Case = TypeVar("Case")
SHOWN = 20


def every(cases: Iterable[Case], check: Callable[[Case], None]) -> int:
    """Check each case; returns how many there were. One failure at the end names all that failed, and what was said."""
    failed, count = [], 0
    for count, case in enumerate(cases, 1):  # noqa: B007 - how many there were is asked after the loop
        try:
            check(case)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - whatever it is, it is told with its case
            said = " ".join(f"{type(error).__name__}: {error}".split())
            failed.append(f"{case!r:.300}\n    {said:.500}")
    assert count, "there is no case to check"
    if failed:
        more = f"\n... and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        pytest.fail(f"{len(failed)} of {count} cases fail:\n" + "\n".join(failed[:SHOWN]) + more, pytrace=False)
    return count
