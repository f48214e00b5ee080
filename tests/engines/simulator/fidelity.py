"""Ties a test to a row of docs/fidelity.md: ``@keeps("commit-100ms")``. ``test_fidelity.py`` compares the two lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


def keeps(*rules: str) -> Callable[[Test], Test]:
    """This test fails where the simulator does not keep these rules."""
    if not rules:
        raise ValueError("keeps() names at least one rule")

    def mark(test: Test) -> Test:
        test.__dict__["keeps"] = rules
        return test

    return mark
