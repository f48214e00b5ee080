"""The short form of ``make attack``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from tests.attack import __main__ as attack
from tests.attack import browser, moments, pauses
from tests.attack.pauses import ASKED, ATTACKS, Waits, idle, scenarios, server, under


def test_a_good_session_is_served_whatever_the_others_do() -> None:
    """How long it waits is judged by ``make attack``, on a machine that does nothing else; here it is served at all."""
    with server("simulate", "openai", "--set", "pace=instant", "--journal-limit", "100") as (port, _):
        for name, attack in {**ATTACKS, "idle sockets": idle(100)}.items():
            found, thrown = under(port, attack, 0.5)
            assert thrown > 0, name
            assert found.count >= 1, name
            assert found.worst < 3_000, (name, found)  # what was quadratic took ten times as long


def test_whoever_asks_another_provider_for_long_answers_freezes_nobody(tmp_path: Path) -> None:
    with server("serve", scenarios(tmp_path), "--journal-limit", "100") as (port, _):
        for name in ("gemini", "ultravox"):  # make attack has them all
            found, thrown = under(port, ASKED[name], 0.2)
            assert thrown > 0, name
            assert found.count >= 1, name
            assert found.worst < 3_000, (name, found)


def test_two_recorders(tmp_path: Path) -> None:
    assert "none lost" in moments.two_recorders(tmp_path)


def test_clock_jumps() -> None:
    assert "in order" in moments.clock_jumps()


@pytest.mark.skipif(browser.chromium() is None, reason="no Chromium here (Debian: apt install chromium)")
async def test_no_foreign_page_spends_the_key_in_a_real_browser() -> None:
    found = browser.chromium()
    assert found is not None
    seen = await browser.visit(found, allowed=False, host="localhost")
    assert seen.tried > 50
    assert (seen.opened, seen.spent, seen.faults) == (0, [], 0)
    control = await browser.visit(found, allowed=True)
    assert control.opened >= 1, "the upstream selects no subprotocol, so the browser drops the socket that offered some"
    assert control.spent


@pytest.mark.parametrize(
    ("worst", "wrong"),
    [((50,), 0), ((120, 50, 50), 0), ((120, 130, 50), 1), ((120, 50, 130), 1), ((120, 130, 140), 1)],
)
def test_a_wait_that_was_too_long_is_measured_twice_more_and_two_of_three_are_a_fault(
    worst: tuple[float, ...], wrong: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet, left = Waits(1, 5.0, 5.0), [Waits(1, one, one) for one in worst]
    monkeypatch.setattr(
        attack, "under", lambda port, bad, seconds: (left.pop(0), 1) if bad is pauses.pings else (quiet, 0)
    )
    monkeypatch.setattr(attack, "memory", lambda process: 0)
    process: Any = None
    found = attack.attacked("x", 1, process, {"pings": pauses.pings}, Namespace(seconds=1.0))
    assert not left, "each was measured"
    assert len(found) == wrong
    assert capsys.readouterr().out.count("too long") == sum(one > 100 for one in worst)
