"""Of thousands of sockets that are ready a turn serves a few, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import gc
import selectors
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockserver.cli import main, record, scenarios, serve
from mockserver.cli.turns import AT_ONCE, FewAtOnce, SocketTurns, run
from tests.cli.conftest import written


def ready(*descriptors: int) -> list[tuple[selectors.SelectorKey, int]]:
    return [(selectors.SelectorKey(one, one, selectors.EVENT_READ, None), selectors.EVENT_READ) for one in descriptors]


def served(turns: SocketTurns, *descriptors: int) -> list[int]:
    return [key.fd for key, _ in turns.chosen(ready(*descriptors))]


CROWD = range(1000, 1000 + 10 * AT_ONCE)


def test_few_are_all_served_in_their_order() -> None:
    turns = SocketTurns()
    assert served(turns, 5, 3, 4) == [5, 3, 4]
    assert served(turns, *CROWD[:AT_ONCE]) == list(CROWD[:AT_ONCE])


def test_whoever_was_there_a_moment_ago_goes_before_a_crowd() -> None:
    turns = SocketTurns()
    served(turns, 7)
    assert 7 in served(turns, *CROWD, 7)
    assert 7 not in served(SocketTurns(), *CROWD, 7), "the control: it is the last of them otherwise"


def test_of_a_crowd_everyone_is_served_though_some_are_always_ready() -> None:
    turns, busy = SocketTurns(), list(range(1, AT_ONCE + 1))
    left, count = list(CROWD), 0
    served(turns, *busy)
    while left:
        now = served(turns, *busy, *left)
        assert len(now) == AT_ONCE
        left = [one for one in left if one not in now]
        count += 1
    assert count <= len(CROWD) // (AT_ONCE // 2) + 2


def test_those_who_have_waited_longest_come_first() -> None:
    turns = SocketTurns()
    first = served(turns, *CROWD)
    late = range(5000, 5000 + AT_ONCE)
    waiting = [one for one in CROWD if one not in first]
    assert not set(served(turns, *late, *waiting)[AT_ONCE // 2 :]) & set(late)


def test_a_number_that_another_socket_has_now_is_a_new_one() -> None:
    turns = SocketTurns()
    served(turns, 7)
    turns.forget(7)
    assert 7 not in served(turns, *CROWD, 7)


def test_a_selector_tells_again_of_those_that_had_no_turn() -> None:
    selector = FewAtOnce()
    pairs = [socket.socketpair() for _ in range(AT_ONCE * 2)]
    try:
        for one, other in pairs:
            one.send(b"x")
            selector.register(other, selectors.EVENT_READ)
        seen: set[int] = set()
        for _ in range(3):
            for key, _ in selector.select(0):
                assert key.fd not in seen
                seen.add(key.fd)
                selector.unregister(key.fileobj)
        assert len(seen) == len(pairs)
    finally:
        selector.close()
        for pair in pairs:
            for one in pair:
                one.close()


@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "openai"),
        ("replay", "CASSETTE"),
        ("record", "--upstream", "ws://127.0.0.1:9/v1/realtime", "--to", "NEW"),
        ("script", "SCRIPT:greet"),
        ("serve", "SCENARIOS"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_that_serves_has_them_and_no_collection(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "CASSETTE": tmp_path / "a.cassette",
        "NEW": tmp_path / "b.cassette",
        "SCRIPT": tmp_path / "greet.py",
        "SCENARIOS": tmp_path / "scenarios.yaml",
    }
    written(files["CASSETTE"])
    files["SCRIPT"].write_text("from mockserver import script\n\ngreet = script(lambda client: iter(()))\n", "utf-8")
    files["SCENARIOS"].write_text("scenarios:\n  one: {simulate: openai}\n", "utf-8")
    for name, file in files.items():
        command = tuple(part.replace(name, str(file)) for part in command)
    found: list[tuple[str, bool]] = []

    async def looked(*given: Any) -> int:
        loop: Any = asyncio.get_running_loop()
        found.append((type(loop._selector).__name__, gc.isenabled()))
        return 0

    for module in (serve, record, scenarios):
        monkeypatch.setattr(module, "until_done", looked)
    result = CliRunner().invoke(main, [*command, "--port", "0"])
    assert found == [("FewAtOnce", False)], result.output
    assert gc.isenabled()


def test_a_loop_of_a_command_has_turns() -> None:
    async def selector() -> object:
        return asyncio.get_running_loop()._selector  # type: ignore[attr-defined]

    assert isinstance(run(selector()), FewAtOnce)


def test_it_tells_a_thread_whether_it_is_at_work() -> None:
    async def both() -> tuple[bool, bool]:
        loop: Any = asyncio.get_running_loop()
        over = asyncio.Event()

        def look() -> bool:
            while loop.at_work():
                pass
            loop.call_soon_threadsafe(over.set)
            return True

        looking = asyncio.create_task(asyncio.to_thread(look))
        at_work = loop.at_work()
        await over.wait()  # else the thread looks for ever
        return at_work, await looking

    assert run(both()) == (True, True)
