"""``mockserver serve`` as a process: what signals do to it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver.cli.scenarios import replica_of
from mockserver.errors import UsageError
from tests.cli.conftest import REAL, process
from tests.docs import TOP

TEXT = f"""\
default: talk
folder: {TOP / "cassettes"}
scenarios:
  talk: {{simulate: openai, set: {{pace: instant}}}}
"""


@asynccontextmanager
async def served(file: Path, *more: str) -> AsyncIterator[tuple[Process, dict[str, Any], Callable[[], Awaitable[str]]]]:
    """The command as a process, what its ready line says, and its next line on standard error."""
    process = await asyncio.create_subprocess_exec(
        *(*REAL, "serve", str(file), "--json", "-q", *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = process.stdout, process.stderr
    assert out is not None
    assert errors is not None

    async def told() -> str:
        return (await errors.readline()).decode()

    try:
        yield process, json.loads(await out.readline()), told
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # a kill would leave its workers behind
            await process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP, and ends a process at once")
async def test_hangup_reads_the_file_again_and_term_drains(tmp_path: Path) -> None:
    file = tmp_path / "scenarios.yaml"
    file.write_text(TEXT)
    async with served(file) as (process, ready, told):
        headers = {"Authorization": "Bearer any"}
        async with aiohttp.ClientSession(headers=headers) as http:
            running = await http.ws_connect(ready["ws_url"] + "?model=gpt-realtime")
            assert (await running.receive_json())["type"] == "session.created"
            file.write_text(TEXT.replace("simulate", "simulat"))
            process.send_signal(signal.SIGHUP)
            line = await told()
            assert "did you mean 'simulate'?; the scenarios stay as they were" in line
            file.write_text(TEXT + "  late: {simulate: openai, faults: [refuse 418]}\n")
            process.send_signal(signal.SIGHUP)
            assert "read again: 2 scenarios" in await told()
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"http://127.0.0.1:{ready['port']}/s/late/v1/realtime?model=gpt-realtime")
            assert refused.value.status == 418
            process.send_signal(signal.SIGTERM)
            assert "draining: 1 sessions get 8 s" in await told()
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(ready["ws_url"] + "?model=gpt-realtime")
            assert refused.value.status == 503
            await running.send_json({"type": "response.create"})
            types = [(await running.receive_json())["type"]]
            while types[-1] != "response.done":
                types.append((await running.receive_json())["type"])
            assert "response.created" in types, "a session that runs goes on"
            await running.close()
        assert await asyncio.wait_for(process.wait(), 5) == 0


def first_child(pid: int) -> int | None:
    """Linux says who they are."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(children.read_text().split()[0]) if children.exists() else None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
async def test_workers_share_a_port_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "scenarios.yaml"
    file.write_text(TEXT)
    async with served(file, "--workers", "2") as (process, ready, told):
        control = ready["control"]
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as http:
            spec = {"spec": "delay 1ms on session.created optional"}
            async with http.post(f"{control}faults", json=spec) as answer:
                assert answer.status == 201
            ids = set()
            for _ in range(4):
                async with http.ws_connect(ready["ws_url"] + "?model=gpt-realtime") as socket:
                    ids.add((await socket.receive_json())["session"]["id"])
            assert len(ids) == 4, "two processes have other ids"
            async with http.get(f"{control}state") as answer:
                state = await answer.json()
            assert state["workers"] == [0, 1]
            assert state["faults"][0]["fired"] == len(state["sessions"]) == 4
            child = first_child(process.pid)
            if child is not None:
                os.kill(child, signal.SIGKILL)
                line = await told()
                assert "worker 0 was ended by signal 9; its sessions are gone, another takes its place" in line
            file.write_text(TEXT.replace("default: talk", "default: late") + "  late: {simulate: openai}\n")
            process.send_signal(signal.SIGHUP)
            assert "read again: 2 scenarios" in await told()
            late: set[int] = set()
            async with asyncio.timeout(30):
                while late != {0, 1}:  # each has heard of it
                    async with http.ws_connect(ready["ws_url"] + "?model=gpt-realtime") as socket:
                        await socket.receive()
                    async with http.get(f"{control}state") as answer:
                        sessions = (await answer.json())["sessions"]
                    late = {one["worker"] for one in sessions if one["scenario"] == "late"}
            async with http.get(f"{control}faults") as answer:
                assert [one["spec"] for one in (await answer.json())["faults"]] == [spec["spec"]]
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.parametrize("wrong", ["2", "0/3", "4/3", "a/b", "1/", "-1/2"])
def test_a_wrong_replica_is_one_line(wrong: str) -> None:
    with pytest.raises(UsageError, match="expected K/N, such as 1/3"):
        replica_of(wrong)
    assert replica_of("2/3") == (1, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
def test_a_command_runs_beside_workers_and_its_status_is_returned(tmp_path: Path) -> None:
    file = tmp_path / "scenarios.yaml"
    file.write_text(TEXT)
    program = "import os, sys; sys.exit(7 if os.environ['OPENAI_BASE_URL'].endswith('/v1') else 1)"
    done = process("serve", file, "-q", "--workers", "2", "--", sys.executable, "-c", program)
    assert done.returncode == 7, done.stderr
