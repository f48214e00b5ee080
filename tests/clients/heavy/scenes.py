"""What is tried with each client: a scene runs it against a server and says what was seen."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mockserver import MockServer, simulator, speech
from mockserver.cassette.store import load
from mockserver.dialects.registry import dialect_named
from mockserver.server.record import Recording
from tests.clients.heavy.clients import ROOT, Client
from tests.clients.test_simulator_gemini import LONG, answers

WORDS = ("good morning", "how is the weather", "count for me", "stop please")
COMMAND = (sys.executable, "-m", "mockserver")
TIMEOUT_S = 300
AUDIO = {
    "azure_dated": "3rd response.audio.delta",
    "azure_voice_live": "3rd response.audio.delta",
    "gemini": "3rd serverContent.modelTurn",
    "gpt_live": "30th session.output_audio.delta",
    "elevenlabs": "3rd audio",
    "ultravox": "20th audio from server",
    "phonic": "10th audio_chunk from server",
    "personaplex": "60th audio from server",
}
"""Which frame of the reply's is its middle, where it is not 3rd response.output_audio.delta."""
BREAKS = {"nova_sonic": "rate limit on 3rd audioOutput for first 1 attempts"}
"""What breaks a reply off, where it is not a close with 1011: this wire has errors, and no close codes."""
ENDS: dict[str, dict[str, Any]] = {
    "gemini": {"max_connection_s": 7, "go_away_s": 2},
    "personaplex": {"max_session_s": 9},
}
"""Settings under which the session ends while the client looks on, where they are not max_session_s=7."""
CLOCKED = {"gpt_live", "personaplex"}
"""Whose audio is its clock, silence and all: played at once it is another conversation."""
TALK = {"personaplex": ("turn", "barge_in")}
"""The steps of a talk, where they are not a turn, a tool round and a barge-in."""
AFTER_BREAK = {"personaplex": ("turn", "pause", "pause", "again")}
"""The steps around a break, where they are not a turn and a tool round."""
AFTER_END = {"gemini": ("turn", "pause", "tool"), "personaplex": ("turn", "pause", "pause", "again")}
"""The steps around an end, where they are not a turn and waiting."""


class Failed(Exception):
    """A client did not do what is expected, with what it printed and what crossed the wire."""


def voices(folder: Path) -> Path:
    """What the user says, as files."""
    for words in WORDS:
        for rate in (16_000, 24_000):
            (folder / f"{words}.{rate}.pcm").write_bytes(speech.encode(words, rate))
    return folder


@contextmanager
def serving(client: Client, provider: str, **options: Any) -> Iterator[MockServer]:
    settings = {**client.settings, **options.pop("settings", {})}
    source = simulator(provider, replier=answers, **settings)
    with MockServer(source, **options).in_thread() as server:
        yield server


def run(
    client: Client,
    provider: str,
    folder: Path,
    *steps: str,
    before: tuple[Any, ...] = (),
    env: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Runs the client's script, ``before`` it a command of ours that runs it."""
    command = (*before, *client.home.command(client.script), provider, folder, *steps)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "examples")))
    around = {**os.environ, "PYTHONPATH": path, **(env or {})}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=around)
    except subprocess.TimeoutExpired as late:
        raise Failed(
            f"{client.name} did not end within {TIMEOUT_S} s:\n{(late.stderr or b'')[-6_000:].decode()}"
        ) from late
    lines = done.stdout.splitlines()
    # Replay returns 1 where the client departed.
    if done.returncode or not lines:
        raise Failed(f"{client.name}: exit status {done.returncode}\n{done.stderr[-6_000:]}")
    seen: dict[str, Any] = json.loads(lines[-1])
    for one in seen.values():
        if isinstance(one, dict) and "audio" in one:
            one["heard"] = speech.decode(base64.b64decode(one.pop("audio")), one["rate"])
    return seen


def judge(seen: dict[str, Any], provider: str = "") -> None:
    """A turn, a tool round (where the wire has tools) and a barge-in, as they must have been heard."""
    heard = {name: seen.get(name, {}).get("heard", "") for name in ("turn", "tool", "cut", "after")}
    called = (
        seen["calls"] == [{"name": "get_weather", "args": {"city": "Oslo"}}]
        and heard["tool"].removeprefix("Let me check. ").startswith("It is")
        and "foggy" in heard["tool"]
    )
    right = (
        "timeout" not in seen
        and heard["turn"] == "You said good morning."
        and (called or provider in TALK)
        and LONG.startswith(heard["cut"])
        and 0 < len(heard["cut"]) < len(LONG)
        and heard["after"] == "You said stop please."
    )
    if not right:
        raise Failed(f"not what was to be heard: {seen}")


def judge_cut(seen: dict[str, Any]) -> None:
    """A barge-in alone."""
    heard = {name: seen.get(name, {}).get("heard", "") for name in ("cut", "after")}
    right = LONG.startswith(heard["cut"]) and 0 < len(heard["cut"]) < len(LONG)
    if not right or heard["after"] != "You said stop please.":
        raise Failed(f"not what was to be heard: {seen}")


def talk(client: Client, provider: str, folder: Path) -> str:
    """A turn, a tool round, a barge-in; nothing of what the client sends is refused."""
    with serving(client, provider, tls=provider in client.tls) as server:
        try:
            judge(run(client, provider, folder, *TALK.get(provider, ()), env=server.env()), provider)
        except Failed as failed:
            raise Failed(f"{failed}\n{server.journal.timeline()}") from failed
        if server.problems():
            raise Failed(f"{client.name}: {server.problems()}")
    return "turn, tool round, barge-in"


def record(client: Client, provider: str, folder: Path, path: Path, *, fault: str = "") -> None:
    """One recording by the command, or of the simulated server where the service cannot be recorded."""
    if dialect_named(provider).transport != "websocket":
        asyncio.run(record_simulated(client, provider, folder, path))
        return
    more = [*(("--tls",) if provider in client.tls else ()), *(("--fault", fault) if fault else ())]
    with serving(client, provider) as server:
        begin = (*COMMAND, "record", "--upstream", server.base_url, "--dialect", provider, "--to", path, *more, "--")
        judge(run(client, provider, folder, *TALK.get(provider, ()), before=begin, env=None), provider)


async def record_simulated(client: Client, provider: str, folder: Path, path: Path) -> None:
    """The client runs beside this loop, in which the server is."""
    source = simulator(provider, replier=answers, **client.settings)
    async with Recording(source, path, tls=provider in client.tls) as recording:
        env = recording.server.env()
        judge(await asyncio.to_thread(run, client, provider, folder, *TALK.get(provider, ()), env=env), provider)


def tape(client: Client, provider: str, folder: Path, runs: int = 2) -> str:
    """The same through ``mockserver record``, then ``runs`` times from the cassette, at both pacings in turn."""
    path = folder / f"{client.package.replace('/', '_')}-{provider}.cassette"
    tls = ("--tls",) if provider in client.tls else ()
    record(client, provider, folder, path)
    if client.races:
        # A third: in two, what is counted may come out the same.
        three = [path.with_suffix(f".{number}") for number in range(3)]
        path.rename(three[0])
        record(client, provider, folder, three[1], fault=client.races)
        record(client, provider, folder, three[2])
        done = subprocess.run((*COMMAND, "learn", *three, "--to", path), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"learn: {done.stdout}{done.stderr}")
    header = load(path).header
    if header.dialect != provider:
        raise Failed(f"recorded as {header.dialect}")
    for number in range(runs):
        clocked = provider in CLOCKED or provider in client.counts
        pacing = ("recorded", "recorded" if clocked else "instant")[number % 2]
        play = (*COMMAND, "replay", path, "--pacing", pacing, *tls, "--")
        try:
            judge(run(client, provider, folder, *TALK.get(provider, ()), before=play, env=None), provider)
        except Failed as failed:
            raise Failed(f"replay {number + 1}, {pacing}: {failed}") from failed
    return f"recorded, replayed {runs} times"


def broken(client: Client, provider: str, folder: Path) -> str:
    """The stream breaks off in the middle of the first reply."""
    what = AUDIO.get(provider, "3rd response.output_audio.delta")
    usual = f'close 1011 "Internal error." on {what} for first {client.connects.get(provider, 1)} attempts'
    fault = BREAKS.get(provider, usual)
    steps = AFTER_BREAK.get(provider, ("turn", "tool"))
    with serving(client, provider, tls=provider in client.tls, faults=[fault]) as server:
        seen = run(client, provider, folder, *steps, env=server.env())
        again = len(server.sessions)
        came = list(server.journal.notes("fault"))
    if not came:
        raise Failed(f"the fault did not come: {seen}")
    return told(seen, client.tells[provider][0], again)


def ended(client: Client, provider: str, folder: Path) -> str:
    """The session reaches its longest duration; Gemini warns with goAway before."""
    settings = ENDS.get(provider, {"max_session_s": 7})
    steps = AFTER_END.get(provider, ("turn", "wait"))
    with serving(client, provider, tls=provider in client.tls, settings=settings) as server:
        seen = run(client, provider, folder, *steps, env=server.env())
        again = len(server.sessions)
    if seen.get("turn", {}).get("heard") != "You said good morning.":
        raise Failed(f"no turn before the end: {seen}")
    return told(seen, client.tells[provider][1], again)


def told(seen: dict[str, Any], expected: str, connections: int) -> str:
    """What the application hears of an end."""
    words = "; ".join(seen["told"])
    if not re.search(expected, words) or (words and not expected):
        raise Failed(f"expected {expected!r} of the end: {seen}")
    heard = {name: seen.get(name, {}).get("heard", "") for name in ("tool", "again")}
    goes_on = "foggy" in heard["tool"] or heard["again"] == "You said stop please."
    after = f", goes on in connection {connections}" if goes_on and connections > 1 else ""
    return f"tells: {words[:90]}{after}" if words else f"tells nothing{after}"


SCENES = {"talk": talk, "tape": tape, "broken": broken, "ended": ended}
