"""What a citation of a fact about the providers is. That each can be followed is a check of tests/structure.py."""

from __future__ import annotations

import pytest

from tests import citations


def test_the_pages_hold_facts() -> None:
    """Else the tests below would pass on nothing."""
    counted = citations.pages()
    assert {"openai", "azure", "xai", "gemini", "clients"} <= set(counted)
    assert all(counted.values()), "a page without a numbered fact"


@pytest.mark.parametrize(
    "form",
    [
        *("(FACTS" + " 12)", "CLIENTS" + ".md section 2", "CLIENTS" + " 4.4", "see DESIGN" + ".md", "LK" + "O:131"),
        *("PC" + "X:12", "nothing confirms it (" + "D)", "(" + "C: a capture)", '"""' + 'D: it "can"', "# " + "C: x"),
        *("(" + "I, by livekit)", "xai-" + "*:10", "openai-" + "tool_call_round:12"),
    ],
)
def test_a_form_that_nobody_can_read_is_told(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """The control."""
    monkeypatch.setattr(citations, "lines", lambda: [("here:1", form)])
    assert len(citations.unreadable()) == 1


def test_code_is_no_citation(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["lines = [(C, {'type': 'x'})]", "view(frame, C)", "f(C)", "openai-agents 0.24.0", "CLIENTS = 4"]
    monkeypatch.setattr(citations, "lines", lambda: [("here:1", line) for line in said])
    assert not citations.unreadable()


def test_no_docstring_only_points_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not citations.pointers()
    monkeypatch.setattr(citations, "lines", lambda: [("mockserver/x.py:1", '    """See ``Body``."""')])
    assert len(citations.pointers()) == 1


def test_names_of_modules_in_prose_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not citations.stale()
    told = "``core.view``, ``core.view.View`` and ``faults.delay``, but ``engines.gone`` and ``core.view.Gone``"
    monkeypatch.setattr(citations, "lines", lambda: [("mockserver/x.py:1", told)])
    assert [line.partition("``")[2] for line in citations.stale()] == [
        "engines.gone`` is not there",
        "core.view.Gone`` is not there",
    ]


def test_numbers_are_in_order() -> None:
    assert not citations.misnumbered()


def test_every_fact_has_a_source() -> None:
    assert not citations.unsourced()


def test_a_citation_without_its_fact_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    wrong = "openai." + "md#9999"
    monkeypatch.setattr(citations, "lines", lambda: [("here:1", f"as {wrong} says")])
    assert citations.missing() == [f"here:1: {wrong}: docs/providers/ has no such fact"]


def test_a_number_that_is_used_twice_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(citations, "pages", lambda: {"openai": [1, 2, 2]})
    assert citations.misnumbered() == ["docs/providers/openai.md: fact 2 stands where 3 is expected"]
