"""The short form of ``make soak``."""

from __future__ import annotations

from tests.soak.life import Report, soak


async def test_nothing_is_left_after_sessions_that_were_cut_and_came_back() -> None:
    report = await soak(20, 3.0, parts=3)
    assert report.wrong() == [], str(report)
    assert report.counts["sessions"] > 20
    assert report.counts["turns"] > 20
    assert report.counts["cut by the server"] > 0
    assert report.counts["running when the server closed"] > 0


def test_what_is_left_is_told() -> None:
    report = Report(
        files=(3, 9), memory=[1_000_000, 2_000_000, 90_000_000], objects=[1, 100, 9_000], running=1
    )
    assert [line.split(":")[0] for line in report.wrong()] == [
        "files",
        "1 sessions still run",
        "memory",
        "objects",
    ]
