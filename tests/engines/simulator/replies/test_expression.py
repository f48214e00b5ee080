"""Regular expressions of files: Python's own answers, in time that grows with the text alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.simulator.replies import expression
from mockserver.engines.simulator.replies.expression import Expression
from mockserver.errors import UsageError

PATTERNS = [
    "a",
    "a+b?",
    "(a*)(b*)",
    "(a|ab)(c|bcd)(d*)",
    "a+?(b*)",
    "(a)|b",
    "^a.b$",
    r"\bab\b",
    r"\Bb",
    "[^ab]+",
    "[a-c]{2,3}(d?)",
    "(?:a|b)*?c",
    r"(\w+) (\d+)",
    r"[\s\d]+",
    "a{2}|^$",
    "(?P<one>a)(?P<two>.)",
    "(a|b){1,3}?c",
    "[^a]",
    r"\Aab\Z",
    "",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text(alphabet="aAbBcd1 \n", max_size=12))
def test_it_finds_what_python_finds(pattern: str, text: str) -> None:
    python = re.compile(pattern, re.IGNORECASE | re.DOTALL).search(text)
    ours = Expression(pattern).search(text)
    assert (ours is None) is (python is None)
    if ours is not None and python is not None:
        assert ours.groups == tuple(group or "" for group in python.groups())


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a*)*b", ".*.*.*.*b", "(.*a){10}b"])
def test_the_work_grows_with_the_text_alone(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = [0]
    takes = expression._takes

    def counting(step: expression._Step, letter: str) -> bool:
        counted[0] += 1
        return takes(step, letter)

    monkeypatch.setattr(expression, "_takes", counting)
    work = []
    for size in (100, 200):
        counted[0] = 0
        assert Expression(pattern).search("a" * size) is None
        work.append(counted[0])
    assert 0 < work[1] < 2.5 * work[0]


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("(", "not a regular expression"),
        (r"(a)\1", "groupref needs backtracking"),
        ("a(?=b)", "assert needs backtracking"),
        ("(?x) a", "flags are not taken here"),
        ("(a{1000}){1000}", "too long"),
        ("a{9999999}", "too long"),
    ],
)
def test_what_has_no_bound_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        Expression(pattern)


def test_only_the_beginning_of_a_long_text_is_looked_at() -> None:
    assert Expression("b").search("a" * (expression.MAX_TEXT - 1) + "b") is not None
    assert Expression("b").search("a" * expression.MAX_TEXT + "b") is None
