"""For any nesting of encodings around a secret of any kind: it is gone, and a second redaction changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette.redact import Redactor
from tests.cassette.nested import Case, problem

SHORT = 600
"""Nestings in every run; ``python -m tests.cassette.nested 200000`` is the long form."""


def test_no_nesting_hides_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    told = [problem(seed) for seed in range(SHORT)]
    leaks = [one for one in told if one]
    with capsys.disabled():
        print(f"{SHORT} nestings, {len(leaks)} leaks", end=" ")
    assert leaks == []


@given(st.integers(min_value=SHORT))
def test_nor_does_any_other(seed: int) -> None:
    assert problem(seed) == ""


def test_the_control_reads_what_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without redaction every one of them leaks: the way back in works."""
    monkeypatch.setattr(Redactor, "clean", lambda self, frame: (frame, ""))
    assert all(problem(seed).startswith("leaks") for seed in range(100))
    assert len({name for seed in range(200) for name, _, _ in Case(seed).layers}) >= 17
