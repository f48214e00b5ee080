"""What a server owes its clients, on every engine; and virtual time that can never go on is an error that says why."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable

import aiohttp
import pytest

from mockserver import MockServer, relay, script, simulator, virtual_time
from mockserver.engines.script.source import Script
from mockserver.errors import WaitsForNothing
from tests.talk import Talk


async def until(true: Callable[[], bool]) -> None:
    """Let the loop go on until a condition holds."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - nothing in the server tells of it
            await asyncio.sleep(0)


def owed(talk: Talk) -> list[tuple[str, str]]:
    return [(debt.what, debt.holder) for debt in talk.handle.owes()]


def silent() -> Script:
    return script(
        script.send({"type": "session.created", "session": {"id": "sess_1"}}),
        script.repeat(script.expect("*")),
        dialect="openai",
    )


def test_an_answer_and_an_end_are_owed_until_they_have_come() -> None:
    talk = Talk(simulator("openai"))
    talk.wait(1_000)
    assert owed(talk) == []
    talk.send("response.create")
    (debt,) = talk.handle.owes()
    assert debt.what in ("answer", "end")
    assert debt.due is not None
    talk.wait(60_000)
    assert owed(talk) == []


@pytest.mark.parametrize("faults", [(), ("noop on nothing optional",)])
def test_the_account_is_the_same_with_and_without_faults_around(faults: Iterable[str]) -> None:
    """Without faults it is read from the journal, with them it is kept."""
    talk = Talk(simulator("openai"), faults=faults)
    talk.wait(1_000)
    talk.send("session.update", session={"no such": 1})
    talk.send("response.create")
    assert [what for what, _ in owed(talk)] in (["answer"], ["end"])
    talk.wait(60_000)
    assert owed(talk) == []


def test_what_a_fault_has_lost_is_owed_by_nobody_and_what_it_holds_is() -> None:
    lost = Talk(simulator("openai"), faults=["drop on response.done"])
    late = Talk(simulator("openai"), faults=["delay 10min on response.done"])
    held = Talk(simulator("openai"), faults=["stall on response.done"])
    for talk in (lost, late, held):
        talk.send("response.create")
        talk.wait(60_000)
    assert owed(lost) == []
    assert owed(late) == [("frames", "delay 10min on response.done")]
    assert late.handle.owes()[0].due is not None
    assert owed(held) == [("frames", "stall on response.done")]
    assert held.handle.owes()[0].due is None
    late.wait(600_000)
    assert owed(late) == []


async def test_every_request_is_owed_its_acknowledgement_by_a_server_that_says_nothing() -> None:
    async with MockServer(silent()) as server, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(server.ws_url)
        await socket.receive()
        for name in ("session.update", "response.create", "conversation.item.delete"):
            await socket.send_json({"type": name})
        await until(lambda: len(server.owes()) == 3)
        assert sorted((debt.what, debt.name) for debt in server.owes()) == [
            ("acknowledgement", "conversation.item.delete"),
            ("acknowledgement", "session.update"),
            ("answer", "response.create"),
        ]
        await socket.close()
        await until(lambda: not server.owes())


async def test_a_relay_owes_what_its_upstream_owes() -> None:
    async with (
        MockServer(silent()) as upstream,
        MockServer(relay(upstream.ws_url, dialect="openai")) as server,
        aiohttp.ClientSession() as http,
    ):
        socket = await http.ws_connect(server.ws_url)
        await socket.receive()
        assert server.owes() == []
        await socket.send_json({"type": "response.create"})
        await until(lambda: bool(upstream.owes()))
        assert [(debt.what, debt.name) for debt in server.owes()] == [("answer", "response.create")]
        await socket.close()


async def test_a_script_that_waits_owes_what_comes_next() -> None:
    source = script(script.wait(ms=50), script.send({"type": "session.created"}), script.closed())
    async with MockServer(source) as server, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(server.ws_url)
        assert [debt.what for debt in server.owes()] == ["step"]
        await socket.receive()
        assert server.owes() == []
        await socket.close()


linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel cannot be asked, so the wait is real")


async def ask_in_vain() -> None:
    async with (
        MockServer(silent()) as server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.ws_url) as socket,
    ):
        await socket.receive()
        await socket.send_json({"type": "response.create"})
        await socket.receive()


@linux
async def test_a_client_that_nobody_will_answer_is_told_so() -> None:
    with pytest.raises(WaitsForNothing) as caught, virtual_time():
        await ask_in_vain()
    text = str(caught.value)
    assert "session 0 is open: server last sent session.created" in text
    assert "client last sent response.create at 0.000 s" in text
    assert "owed: session 0: an answer to response.create" in text
    assert "test_a_client_that_nobody" in text


@linux
async def test_a_wait_for_nothing_at_all_ends_at_once() -> None:
    with pytest.raises(WaitsForNothing, match="no timer is set"), virtual_time():
        await asyncio.Event().wait()
    await asyncio.sleep(0)  # the task itself is not cancelled any more


@linux
async def test_a_cancel_of_somebody_elses_stays_one() -> None:
    async def waits() -> None:
        with virtual_time():
            await asyncio.sleep(1_000)

    task = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_process_or_a_thread_may_still_come() -> None:
    with virtual_time():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
        assert await process.wait() == 0
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(came.set), name="theirs")
        thread.start()
        await came.wait()
        thread.join()
