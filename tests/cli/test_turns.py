"""Of thousands of sockets that are ready a turn serves a few, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import selectors
import socket

from mockserver.cli.turns import AT_ONCE, FewAtOnce, SocketTurns, run


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


def test_a_loop_of_a_command_has_turns() -> None:
    async def selector() -> object:
        return asyncio.get_running_loop()._selector  # type: ignore[attr-defined]

    assert isinstance(run(selector()), FewAtOnce)
