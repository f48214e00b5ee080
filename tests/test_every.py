"""A grid in a loop fails for each case that would fail alone."""

from __future__ import annotations

import pytest

from tests.every import every


def test_all_that_fail_are_told_at_once() -> None:
    def check(number: int) -> None:
        assert number != 2, "two"
        if number == 4:
            with pytest.raises(ValueError):
                pass

    with pytest.raises(pytest.fail.Exception, match=r"(?s)2 of 5 cases fail.*two.*DID NOT RAISE"):
        every(range(5), check)
    every([0, 1, 3], check)


def test_no_case_at_all_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="no case"):
        every([], lambda case: None)
