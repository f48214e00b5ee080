"""``learn``, and ``record --runs``: rules for what varies, without anybody guessing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from mockserver import MockServer
from mockserver.cassette.store import load
from tests import warm
from tests.cli.conftest import written
from tests.cli.test_files import talk

Run = Callable[..., Result]

CLIENT = """
import asyncio, os, sys, time
import aiohttp

async def main():
    url = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        async for message in socket:
            if message.json()["type"] == "session.created":
                response = {"instructions": f"it is {time.time_ns()}", "output_modalities": ["text"]}
                await socket.send_json({"type": "response.create", "response": response})
            if message.json()["type"] in ("response.done", "error"):
                break
    sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

asyncio.run(main())
"""
LINE = "response.create#1:response.instructions any string"


def test_learn_writes_a_cassette_with_rules_and_says_what_they_are(run: Run, tmp_path: Path) -> None:
    files = [written(tmp_path / f"{said}.cassette", talk(instructions=said)) for said in ("one", "two", "three")]
    target = tmp_path / "whole.cassette"
    done = run("learn", *files, "--to", target)
    assert done.exit_code == 0
    assert done.stdout == f"learned from 3 recordings, written to {target}: 1 rule\n  varies {LINE}\n"
    assert load(target).header.rules == {"varies": [LINE]}
    assert f"  rule: varies {LINE}" in run("show", target).output
    assert run("diff", target, files[2]).exit_code == 0
    assert run("diff", files[0], files[2]).exit_code == 1
    assert "overwrite it with `--force`" in run("learn", *files, "--to", target).stderr


def test_learn_of_the_same_says_so(run: Run, tmp_path: Path) -> None:
    files = [written(tmp_path / f"{said}.cassette", talk()) for said in ("one", "two")]
    done = run("learn", *files, "--to", tmp_path / "whole.cassette")
    assert done.stdout.endswith(": nothing varied\n")
    assert run("learn", files[0], "--to", tmp_path / "other.cassette").exit_code == 2


def test_record_with_runs_learns_in_one_go(run: Run, upstream: MockServer, tmp_path: Path) -> None:
    client = tmp_path / "client.py"
    client.write_text(CLIENT, encoding="utf-8")
    command = ("--", warm.python(), client)
    target = tmp_path / "made.cassette"
    done = run("record", "--upstream", upstream.base_url, "--to", target, "--runs", "3", *command)
    assert done.exit_code == 0, done.output
    assert load(target).header.rules["varies"] == [LINE]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["client.py", "made.cassette"]
    assert run("replay", target, *command).exit_code == 0
    # Of one run nothing can be learned, and the next one departs from it.
    single = tmp_path / "single.cassette"
    assert run("record", "--upstream", upstream.base_url, "--to", single, *command).exit_code == 0
    assert run("replay", single, *command).exit_code == 1


def test_a_run_that_fails_loses_none_of_those_before_it(run: Run, upstream: MockServer, tmp_path: Path) -> None:
    client = tmp_path / "client.py"
    client.write_text(CLIENT, encoding="utf-8")
    target = tmp_path / "made.cassette"
    words = ("record", "--upstream", upstream.base_url, "--to", target, "--runs", "2", "--", warm.python(), client)
    done = run(*words, "3")
    assert done.exit_code == 3
    assert "run 1 of 2 failed, nothing was learned" in done.stderr
    assert not target.exists()
    assert len(load(tmp_path / "made.cassette.run1").connections) == 1
    assert run(*words[:-3]).exit_code == 2  # without a command
