"""The short form of ``make soak``."""

from __future__ import annotations

from tests.soak.life import Report, soak, stay


async def test_nothing_is_left_after_sessions_that_were_cut_and_came_back() -> None:
    report = await soak(20, 3.0, parts=3)
    assert report.wrong() == [], str(report)
    assert report.counts["sessions"] > 20
    assert report.counts["turns"] > 20
    assert report.counts["cut by the server"] > 0
    assert report.counts["running when the server closed"] > 0


async def test_one_server_stays_for_all_of_it() -> None:
    report = await stay(5, 0.6, parts=3, limit=50)
    assert report.wrong() == [], str(report)
    assert report.counts["sessions"] > 3
    assert report.counts["entries"] > 50


def test_what_is_left_is_told() -> None:
    report = Report(files=(3, 9), memory=[1_000_000, 2_000_000, 90_000_000], objects=[1, 100, 9_000], running=1)
    assert [line.split(":")[0] for line in report.wrong()] == [
        "files",
        "1 sessions still run",
        "memory",
        "objects",
    ]


def test_a_step_to_another_size_is_no_leak_and_steady_growth_is_one() -> None:
    def report(megabytes: list[int]) -> list[str]:
        return Report(
            files=(3, 3),
            tasks=(1, 1),
            threads=(1, 1),
            memory=[one * 1_000_000 for one in megabytes],
        ).wrong()

    assert report([370, 400, 370, 480, 475, 485, 470, 475, 480]) == []
    assert len(report([370, 400, 430, 460, 490, 520, 580, 640, 700])) == 1
