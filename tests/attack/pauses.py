"""One well-behaved session, and what it notices of bad clients of the same server: the longest wait for an answer."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import random
import resource
import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.child import TOP
from tests.bench.wire import Client, masked, request

LIMIT_MS = 100.0
MEGABYTE = 1 << 20
FORKED = multiprocessing.get_context("fork")
Attack = Callable[[int, float], int]
"""Port and the time at which to end; returns how much was thrown."""


@contextmanager
def server(*arguments: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A command that serves, in a process of its own: its port. Without arguments, the service behind a recorder."""
    command = ("mockserver", *arguments, "--json") if arguments else ("tests.attack.upstream",)
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=TOP,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"]), process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def scenarios(folder: Path) -> str:
    """A file for ``serve``: OpenAI, at its own paths, and every provider that ``ASKED`` attacks."""
    lines = ["default: openai", "scenarios:"]
    for name in ("openai", *ASKED):
        # Else Gemini's context is full soon, and no answer comes.
        more = ", max_context_tokens: 1000000000" if name == "gemini" else ""
        lines.append(f"  {name}: {{simulate: {name}, set: {{pace: instant{more}}}}}")
    place = folder / "scenarios.yaml"
    place.write_text("\n".join(lines) + "\n", "utf-8")
    return str(place)


def memory(process: subprocess.Popen[str]) -> int:
    """Bytes that a process holds."""
    lines = Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


# --- bad clients ----------------------------------------------------------------------------------------------------


def thrown(port: int, until: float, head: bytes, data: bytes, *, read: bool = True) -> int:
    """Connect and throw the same bytes, again and again; a connection that ends is made anew."""
    count = 0
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as sock:
            sock.settimeout(0.2)
            sock.sendall(head)
            with suppress(TimeoutError):
                sock.recv(65_536)
            while time.monotonic() < until:
                try:
                    sock.sendall(data)
                    count += 1
                except TimeoutError:
                    if not read:
                        continue
                if read:
                    sock.setblocking(False)
                    with suppress(BlockingIOError):
                        while sock.recv(1 << 18):
                            pass
                    sock.settimeout(0.2)
    return count


def pings(port: int, until: float) -> int:
    """A flood of pings, unread."""
    return 1000 * thrown(port, until, request(port), masked(b"p" * 100, opcode=9) * 1000, read=False)


def said(words: str) -> dict[str, Any]:
    """A user's message, as OpenAI has it."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}


def unread_items(port: int, until: float) -> int:
    """Items whose answers nobody reads."""
    data = masked(json.dumps({"type": "conversation.item.create", "item": said("x" * 4000)}))
    return thrown(port, until, request(port), data, read=False)


def text(body: str) -> Attack:
    """A frame of a megabyte of some text."""

    def attack(port: int, until: float) -> int:
        return thrown(port, until, request(port), masked(body[:MEGABYTE]))

    return attack


def bombs(port: int, until: float) -> int:
    """A kilobyte that unpacks to a megabyte, and now and then one that unpacks to more than is allowed."""
    head = request(port).replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (packer.compress(b"x" * MEGABYTE) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return thrown(port, until, head, bytes((0xC1, 0xFE)) + len(packed).to_bytes(2, "big") + b"\0\0\0\0" + packed)


def append(pcm: bytes) -> bytes:
    """A frame of audio."""
    return masked(json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}))


def hiss(size: int) -> bytes:
    """So many bytes of audio that is no silence and no speech."""
    return random.Random(1).randbytes(size)


def turns(port: int, until: float) -> int:
    """A minute of sound, committed at once."""
    manual = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    data = masked(json.dumps({"type": "session.update", "session": manual}))
    data += append(hiss(720_000)) * 4 + masked('{"type":"input_audio_buffer.commit"}')
    return thrown(port, until, request(port), data)


def said_back(port: int, until: float) -> int:
    """A megabyte of words, to which the model is to answer."""
    words = ("please book a table " * (MEGABYTE // 20))[: MEGABYTE - 200]
    data = masked(json.dumps({"type": "conversation.item.create", "item": said(words)}))
    return thrown(port, until, request(port), data + masked('{"type":"response.create"}'))


def asked(path: str, opening: Mapping[str, Any] | None, *told: Mapping[str, Any]) -> Attack:
    """A megabyte of words, that another provider's model is to answer. ``opening``: sent first on each connection."""

    def attack(port: int, until: float) -> int:
        head = request(port, path) + (b"" if opening is None else masked(json.dumps(opening)))
        return thrown(port, until, head, b"".join(masked(json.dumps(body)) for body in told))

    return attack


BACKEND = {"type": "responses", "responses": {"model": "gpt-5.6-sol", "instructions": ""}}
LONG_WORDS = ("pleasebookatablenow " * (MEGABYTE // 20))[: MEGABYTE - 300]
GEMINI = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=any"
MODEL = "models/gemini-2.5-flash-native-audio-preview-12-2025"
ASKED: dict[str, Attack] = {
    "gemini": asked(
        f"/s/gemini{GEMINI}",
        {"setup": {"model": MODEL, "outputAudioTranscription": {}}},
        {"clientContent": {"turns": [{"role": "user", "parts": [{"text": LONG_WORDS}]}], "turnComplete": True}},
    ),
    "elevenlabs": asked(
        "/s/elevenlabs/v1/convai/conversation?agent_id=a",
        {"type": "conversation_initiation_client_data"},
        {"type": "user_message", "text": LONG_WORDS},
    ),
    "ultravox": asked("/s/ultravox/calls/mock", None, {"type": "user_text_message", "text": LONG_WORDS}),
    "phonic": asked(
        "/s/phonic/v1/sts/ws",
        {"type": "config", "input_format": "pcm_16000", "output_format": "pcm_24000"},
        {"type": "generate_reply", "system_message": LONG_WORDS},
    ),
    "gpt_live": asked(
        "/s/gpt_live/v1/live/sessions",
        {"type": "session.start", "session": {"model": "gpt-live-1", "delegation": BACKEND}},
        {"type": "response.item.create", "item": said(LONG_WORDS)},
        {"type": "response.create"},
    ),
}
"""By the scenario's name."""


def detected(port: int, until: float) -> int:
    """A frame of a megabyte in which there is a whole turn."""
    return thrown(port, until, request(port), append(hiss(720_000) + bytes(48_000)))


BROKEN = (b"\x81\x05hello", b"\xff\xff", b"GET / HTTP/1.1\r\nHost: [bad\r\n\r\n", b"\x16\x03\x01\0", b"\0" * 4096)


def broken(port: int, until: float) -> int:
    """Connections that break a rule at once."""
    count = 0
    while time.monotonic() < until:
        for data in BROKEN:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as sock:
                sock.settimeout(0.2)
                sock.sendall(request(port) + data)
                sock.recv(65_536)
            count += 1
    return count


def looked_at(port: int, until: float) -> int:
    """Everything that the control API tells, again and again: the journal, and what a page draws."""
    count = 0
    while time.monotonic() < until:
        for what in ("journal", "scene?since=0", "state"):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/__mockserver__/{what}") as reply:
                count += len(reply.read()) > 0
    return count


def idle(sockets: int) -> Attack:
    """Sockets that do nothing, some of them with half a handshake."""

    def attack(port: int, until: float) -> int:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, sockets + 500)), hard))
        held: list[socket.socket] = []
        try:
            for number in range(sockets):
                with suppress(OSError):
                    sock = socket.create_connection(("127.0.0.1", port), 5)
                    held.append(sock)
                    sock.sendall([b"", b"GET /v1/realtime HTTP/1.1\r\nHo", request(port)][number % 3])
            time.sleep(max(0.0, until - time.monotonic()))
        finally:
            for sock in held:
                sock.close()
        return len(held)

    return attack


ATTACKS: dict[str, Attack] = {
    "pings, unread": pings,
    "items, unread": unread_items,
    "text of 1 MiB": text('{"type":"x","a":"' + "y" * (2 * MEGABYTE)),
    "brackets of 1 MiB": text("[" * MEGABYTE),
    "numbers of 1 MiB": text("[" + "9," * MEGABYTE),
    "audio of 1 MiB": text('{"type":"input_audio_buffer.append","audio":"' + "A" * (MEGABYTE - 48) + '"}'),
    "a minute committed": turns,
    "turns of 1 MiB": detected,
    "words of 1 MiB said back": said_back,
    "key-like text of 1 MiB": text('{"type":"x","a":"' + "xai-" * (MEGABYTE // 4)),
    "deflate bombs": bombs,
    "broken frames": broken,
    "all that it tells": looked_at,
}


def json_in_json() -> str:
    """JSON in JSON in JSON, with a name that tells something in each object."""
    inner = json.dumps([{"token": "abc", "n": number} for number in range(15_000)])
    return json.dumps({"type": "x", "a": json.dumps({"b": inner})})


def told(unit: str) -> Attack:
    """A megabyte of one thing, in a field of JSON."""
    return text('{"type":"x","a":"' + (unit * (MEGABYTE // len(unit) + 1))[: MEGABYTE - 40] + '"}')


MARKED: dict[str, Attack] = {
    "escapes of 1 MiB": told("\\u0041"),
    "percents of 1 MiB": told("%41"),
    "logins of 1 MiB": told("https://a:b@c/ "),
    "keys of 1 MiB": told("sk-abcdefgh12345678 "),
    "lines of 1 MiB": told("\\nkey: a"),
    "headers of 1 MiB": text('{"headers":[' + '"X-Api-Key: aaa",' * 60_000 + '""]}'),
    "base64 of 1 MiB": told("aGVsbG8gd29ybGQgdGhpcyBpcyB0ZXh0 "),
    "JSON in JSON of 1 MiB": text(json_in_json()),
}
"""What takes a recorder long to look at."""


# --- the good client ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waits:
    """What the good client waited for its answers, in milliseconds."""

    count: int
    worst: float
    p99: float

    def __str__(self) -> str:
        return f"{self.count:6,} answers, p99 {self.p99:6.1f} ms, worst {self.worst:6.1f} ms"


def waits(client: Client, seconds: float) -> Waits:
    """Ask, wait, and again; every 5 ms."""
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        client.send('{"type":"input_audio_buffer.clear"}')
        client.until("input_audio_buffer.cleared")
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    times.sort()
    return Waits(len(times), times[-1], times[int(len(times) * 0.99)])


def under(port: int, attack: Attack, seconds: float) -> tuple[Waits, int]:
    """What a good client waits while another attacks, and how much was thrown. The good one must be served.

    The bad one has a process of its own: in one interpreter the good one would wait for it, and not for the server.
    """
    client = Client(port, timeout=30)
    client.until("session.created")
    hear, tell = FORKED.Pipe(duplex=False)
    bad = FORKED.Process(target=lambda: tell.send(attack(port, time.monotonic() + seconds + 0.5)), daemon=True)
    bad.start()
    time.sleep(0.3)
    found = waits(client, seconds)
    count = hear.recv() if hear.poll(60) else 0
    bad.join()
    client.close()
    return found, count
