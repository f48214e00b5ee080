"""The list: every fault is in it, explained, with an example that parses; and the documentation says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockserver import faults
from mockserver.errors import UsageError
from mockserver.faults import catalogue, describe, parse
from mockserver.faults.action import ACTIONS
from mockserver.faults.listing import GROUPS, clauses
from tests.docs import play
from tests.faults import page
from tests.faults.stage import turn
from tests.typed_faults import CHAIN

DOCS = Path(__file__).resolve().parents[2] / "docs"
OURS = [entry for entry in catalogue() if entry.group in GROUPS]


def test_every_fault_is_explained() -> None:
    assert len(catalogue()) == len(ACTIONS)
    for entry in OURS:
        assert entry.about.endswith(".")
        assert entry.constructors, entry.name
        assert parse(entry.example).spec.startswith(entry.name)


def test_every_constructor_is_public_and_in_the_list() -> None:
    listed = {text.partition("(")[0] for entry in OURS for text in entry.constructors}
    assert listed <= set(faults.__all__)
    makers = {name for name in faults.__all__ if name.islower()} - {
        "catalogue",
        "describe",
        "foresee",
        "load_text",
        "make",
        "parse",
        "register",
        "to_client",
    }
    assert makers == listed


@pytest.mark.parametrize("name", ["delay", "cancel midway", "cancel_midway", "growing"])
def test_one_explained(name: str) -> None:
    text = describe(name)
    assert "example:" in text
    assert "faults." in text


def test_an_unknown_name() -> None:
    with pytest.raises(UsageError, match="no fault is called 'delya'; did you mean 'delay'"):
        describe("delya")


def test_the_documentation_holds_the_list() -> None:
    """To bring it up to date: python -m tests.faults.page"""
    text = (DOCS / "faults.md").read_text(encoding="utf-8")
    assert page.table(OURS) in text
    assert page.clauses() in text


@pytest.mark.parametrize("clause", [said for said, _ in clauses()])
def test_every_clause_of_the_list_is_read(clause: str) -> None:
    fault = parse(f"close 1000 {clause}" if clause.startswith("before") else f"drop {clause}")
    assert clause in fault.spec or clause in ("with probability 10%", "optional")


def test_every_example_of_the_documentation_parses() -> None:
    text = (DOCS / "faults.md").read_text(encoding="utf-8")
    specs = page.specs(text)
    assert len(specs) > 40
    for spec in specs:
        assert parse(spec).spec


@pytest.mark.wire
@pytest.mark.parametrize("name", ["faults.md", "write-your-own-fault.md"])
def test_the_pages_run(name: str, tmp_path: Path) -> None:
    assert play(DOCS / name, tmp_path, "none")


@pytest.mark.wire
def test_the_file_of_the_documentation_loads(tmp_path: Path) -> None:
    play(DOCS / "faults.md", tmp_path, "none")
    sets = faults.load_text((tmp_path / "faults.yaml").read_text(), source="faults.yaml")
    assert {name: len(each) for name, each in sets.items()} == {"late": 1, "flaky": 2, "quota": 1}


def test_a_fault_of_ones_own_is_one_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page.write_files(DOCS / "write-your-own-fault.md", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(ACTIONS)
    try:
        import shouting

        stage = turn(shouting.shout(marks=2), "noop on response.created optional")
        words = [body["delta"] for body in stage.bodies("response.output_audio_transcript.delta")]
        assert words == ["ONE!!", " TWO!!", " THREE!!", " FOUR!!"]
        assert describe("shout").startswith("shout [with <marks> marks]")
        with pytest.raises(UsageError, match="begin with words of its own"):
            faults.register(shouting.Shout)
    finally:
        ACTIONS.clear()
        ACTIONS.update(before)


def test_the_constructors_as_a_user_types_them_are_all_there_and_read_back() -> None:
    typed = [fault for fault in CHAIN if not isinstance(fault, str)]
    assert {type(fault.action) for fault in typed} == set(ACTIONS.values())
    assert all(parse(fault.spec) == fault for fault in typed)
