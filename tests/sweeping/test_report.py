"""The report's forms, findings, shards and baseline, from runs that nobody had to make."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from mockserver.errors import UsageError
from mockserver.sweeping.baseline import against, lines_of, loaded, updated
from mockserver.sweeping.report import SweepReport, SweptRun, grouped, merged
from mockserver.sweeping.verdict import Verdict

EVIL = "</failure><script>alert(1)</script> & \" ' | `x` ]]> \x1b[31m\x00"


def swept(
    line: str, verdict: Verdict, *, how: str = "so", place: int = 0, event: str = "e", like: str = ""
) -> SweptRun:
    return SweptRun(
        f"{line} in 1st connection", line, line.partition(" on ")[0], event, "broken", "", ((verdict, how),), "wire", 1,
        timeline=f"what {how} was", like=like, place=place,
    )  # fmt: skip


def report(*runs: SweptRun, allow: tuple[str, ...] = (), shard: str = "") -> SweepReport:
    return SweepReport("x:y", "full", 0, 9, list(runs), grouped(runs, allow), allow, shard)


RUNS = [
    swept("drop on a", Verdict.HUNG, event="a", place=0),
    swept("drop on bbb", Verdict.HUNG, event="bbb", place=1),
    swept("strip on a", Verdict.RECOVERED, event="a", place=2),
    swept("reset on a", Verdict.SESSION_LOST, event="a", place=3),
    swept("close on a", Verdict.WRONG_CONTENT, how="as reset", event="a", place=4),
]


def test_findings_are_grouped_and_shown_by_the_shortest_line() -> None:
    found = grouped(RUNS)
    assert [(one.verdict.value, one.line, one.runs) for one in found] == [
        ("hung", "drop on a in 1st connection", 2),
        ("session lost", "reset on a in 1st connection", 1),
        ("wrong content", "close on a in 1st connection", 1),
    ]


def test_what_is_allowed_for_one_line_is_not_allowed_for_another() -> None:
    found = grouped(RUNS, ["drop on a"])
    assert [(one.line, one.allowed) for one in found if one.fault == "drop"] == [
        ("drop on a in 1st connection", True),
        ("drop on bbb in 1st connection", False),
    ]
    assert [one.allowed for one in grouped(RUNS, ["hung"]) if one.fault == "drop"] == [True]


def test_ways_of_surfacing_do_not_differ_by_words_and_numbers_of_one_case() -> None:
    texts = ("turn 'one' raised 5: resp_...", "turn 'two' raised 17: resp_...")
    runs = [swept(f"{name} on a", Verdict.HUNG, how=how) for name, how in zip(("drop", "strip"), texts, strict=True)]
    assert len(report(*runs).causes) == 1
    assert len(report(runs[0], swept("strip on a", Verdict.HUNG, how="another way")).causes) == 2


@pytest.mark.parametrize("parts", [[[0, 2, 4], [1, 3]], [[1], [0], [4, 2], [3]], [[3, 1], [], [4, 0, 2]]])
def test_shards_merge_to_the_same_report_as_one_run(parts: list[list[int]]) -> None:
    allow = ("reset *",)
    shards = [
        report(*(RUNS[place] for place in part), allow=allow, shard=f"{number}/3")
        for number, part in enumerate(parts, 1)
    ]
    assert merged(one.json() for one in shards).json() == report(*RUNS, allow=allow).json()


def test_what_no_provider_does_is_counted_apart() -> None:
    assert report(*RUNS).verdict == "3 findings, which surfaced in 3 ways; 3 by what only a broken server does"
    network = [replace(run, blame="network") for run in RUNS]
    assert report(*network).verdict == "3 findings, which surfaced in 3 ways"
    assert report(RUNS[2]).verdict == "nothing found"
    assert "only a broken server)" in report(*RUNS).text()
    assert "the network)" in report(*network).text()


def test_reports_of_different_sweeps_are_not_merged() -> None:
    other = SweepReport("x:z", "full", 0, 9, [])
    with pytest.raises(ValueError, match="different sweeps"):
        merged([report(*RUNS).json(), other.json()])
    with pytest.raises(ValueError, match="no report"):
        merged([])


def test_a_matrix_has_the_worst_of_each_cell() -> None:
    rows = report(*RUNS, swept("strip on a", Verdict.CRASHED, event="a")).matrix().splitlines()
    assert rows[1].split() == ["a", "H", "C", "X", "W"]
    assert rows[2].split() == ["bbb", "H"]
    assert rows[-1] == "W wrong content  X session lost  H hung  C crashed"


def test_junit_is_xml_with_a_case_for_each_finding_whatever_a_client_says() -> None:
    runs = [swept("drop on a", Verdict.HUNG, how=EVIL), swept("reset on a", Verdict.LEAK)]
    suite = ElementTree.fromstring(report(*runs, allow=("leak",)).junit())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    cases = {case.get("name"): case for case in suite}
    failure = cases["hung: drop on a in 1st connection"].find("failure")
    assert failure is not None
    assert failure.get("message", "").startswith("</failure><script>alert(1)</script> & \" ' | `x` ]]>")
    assert cases["leak: reset on a in 1st connection"].find("skipped") is not None
    assert len(cases["sweep"]) == 0


def test_markdown_keeps_its_table_whatever_a_client_says() -> None:
    table = [
        line for line in report(swept("drop on a", Verdict.HUNG, how=EVIL)).markdown().splitlines() if "alert" in line
    ]
    assert len(table) == 1
    assert table[0].count("|") - table[0].count("\\|") == 6
    assert "<script>" not in table[0]
    assert "\x1b" not in table[0]


def test_the_terminal_gets_no_control_characters() -> None:
    text = report(swept("drop on a", Verdict.HUNG, how=EVIL)).text()
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "alert(1)" in text


def test_a_report_says_what_stands_for_others() -> None:
    runs = [*RUNS, swept("missing on a", Verdict.HUNG, like="drop on a in 1st connection")]
    assert "5 runs, level full, of 9 to think of; 1 fault more does the same as one of these" in report(*runs).text()
    assert "5 runs, level full, of 9 to think of\n" in report(*RUNS).text()


# --- the baseline ---------------------------------------------------------------------------------------------------


def test_a_baseline_holds_lines_and_their_worst_verdicts() -> None:
    assert lines_of(report(*RUNS)) == {
        "close on a": Verdict.WRONG_CONTENT,
        "drop on a": Verdict.HUNG,
        "drop on bbb": Verdict.HUNG,
        "reset on a": Verdict.SESSION_LOST,
    }
    text = updated(report(*RUNS), None, source="b.yaml")
    assert loaded(text, source="b.yaml") == lines_of(report(*RUNS))
    assert loaded(updated(report(), text, source="b.yaml"), source="b.yaml") == {}


def test_a_shard_leaves_the_baseline_of_the_others_as_it_is() -> None:
    text = updated(report(*RUNS), None, source="b.yaml")
    mended = swept("drop on a", Verdict.RECOVERED, event="a")
    now = loaded(updated(report(mended, shard="1/3"), text, source="b.yaml"), source="b.yaml")
    assert now == {line: verdict for line, verdict in lines_of(report(*RUNS)).items() if line != "drop on a"}


@pytest.mark.parametrize(
    ("before", "now", "worse", "new", "better"),
    [
        (Verdict.REPORTED_LATE, Verdict.HUNG, 1, 0, 0),
        (Verdict.HUNG, Verdict.HUNG, 0, 0, 0),
        (Verdict.HUNG, Verdict.REPORTED_LATE, 0, 0, 1),
        (Verdict.HUNG, Verdict.RECOVERED, 0, 0, 1),
        (None, Verdict.WRONG_CONTENT, 0, 1, 0),
        (None, Verdict.DEGRADED_SILENT, 0, 0, 0),
        (None, Verdict.RECOVERED, 0, 0, 0),
        (Verdict.HUNG, None, 0, 0, 0),
    ],
)
def test_what_has_become_worse_and_what_is_new_and_severe_fails(
    before: Verdict | None, now: Verdict | None, worse: int, new: int, better: int
) -> None:
    compared = against(
        report(*([] if now is None else [swept("drop on a", now)])), {} if before is None else {"drop on a": before}
    )
    assert (len(compared.worse), len(compared.new), len(compared.better)) == (worse, new, better)
    assert compared.failed is bool(worse or new)
    assert all("drop on a" in line for line in (*compared.worse, *compared.new, *compared.better))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- drop", "expected a mapping of fault lines to verdicts"),
        ("drop on a: hangs", r"line 1: no verdict is called 'hangs'; there are: not fired"),
        ("drop on a: [hung]", "line 1: no verdict is called"),
        ("drop: {", "b.yaml"),
    ],
)
def test_a_damaged_baseline_is_told(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        loaded(text, source="b.yaml")


def test_json_is_the_same_for_the_same_and_has_all() -> None:
    body = json.loads(report(*RUNS).json())
    assert body["format"] == 1
    assert len(body["runs"]) == 5
    assert body["counts"] == {"recovered": 1, "wrong content": 1, "session lost": 1, "hung": 2}
