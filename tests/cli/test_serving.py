"""``record``, ``replay``, ``simulate``: commands, ready lines, signals, exit statuses, and what may go wrong."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mockserver import MockServer
from mockserver.cassette.store import load
from mockserver.core.frames import Text
from tests.cli.conftest import CLIENT, REAL, command, process, started, talk, written

HEARD = "session.created\nresponse.created\nresponse.done\n"


# --- a whole round ---


def test_record_then_replay_with_the_upstream_gone(tmp_path: Path, upstream: MockServer, client: list[str]) -> None:
    path = tmp_path / "deep" / "x.cassette"
    recorded = process("record", "--upstream", upstream.base_url, "--to", path, "--", *client)
    assert (recorded.returncode, recorded.stdout) == (0, HEARD), recorded.stderr
    summary = recorded.stderr.splitlines()[-1]
    assert summary.startswith("mockserver: recorded 1 session, 1 frames (")
    assert summary.endswith(f" to {path}")
    assert load(path).header.origin == f"mockserver record --upstream {upstream.base_url}"
    connections = len(upstream.sessions)

    replayed = process("replay", path, "--", *client)
    assert (replayed.returncode, replayed.stdout) == (0, HEARD), replayed.stderr
    assert len(upstream.sessions) == connections


def test_replay_of_another_client_is_status_1_with_the_report(cassette: Path, client: list[str]) -> None:
    done = process("replay", cassette, "--", *client, "response.cancel")
    assert done.returncode == 1
    assert "response.cancel" in done.stderr
    assert "response.create" in done.stderr
    assert "Traceback" not in done.stderr


SIMULATE = (
    *("simulate", "openai", "--set", "model=gpt-realtime"),
    *("--set", "pace=instant", "--set", "require_key=false"),
)


def test_simulate(client: list[str]) -> None:
    done = process(*SIMULATE, "--", *client)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "response.done"), done.stderr


def test_simulate_with_a_fault(client: list[str]) -> None:
    done = process(*SIMULATE, "--fault", "close 1011 on response.created", "--", *client)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "response.created"), done.stderr


def test_simulate_with_a_file_of_replies(tmp_path: Path, client: list[str]) -> None:
    replies = tmp_path / "replies.yaml"
    replies.write_text("rules:\n  - say: It snows.\n", encoding="utf-8")
    show = "print(__import__('json').dumps(message.json()), flush=True)"
    speaking = Path(client[1]).read_text(encoding="utf-8").replace('print(message.json()["type"], flush=True)', show)
    Path(client[1]).write_text(speaking, encoding="utf-8")
    done = process(*SIMULATE, "--replies", replies, "--", *client)
    assert '"transcript": "It snows."' in done.stdout, done.stderr


SCRIPT = """
from mockserver import script as write
first = write.send({"type": "session.created"})
answers = {"type": "response.created"}, {"type": "response.done"}
script = write(first, write.expect("response.create"), write.send(*answers))
other = write(first, write.expect("session.update"))
number = 7
"""


def test_a_script_of_a_file_is_served(tmp_path: Path, client: list[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT)
    done = process("script", path, "--", *client)
    assert (done.returncode, done.stdout) == (0, HEARD), done.stderr
    departed = process("script", f"{path}:other", "--", *client)
    assert departed.returncode == 1
    assert "expected 'session.update', got response.create" in departed.stderr
    assert "Traceback" not in departed.stderr.split("mockserver: ")[-1]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("gone.py", None, "gone.py: no such file; expected a Python file"),
        ("x.txt", "", "x.txt: expected a Python file, whose name ends in .py"),
        ("x.py", "", "x.py: no script named script in it; make one with mockserver.script(...)"),
        ("x.py:none", SCRIPT, "x.py: no script named none in it; it has script, other"),
        ("x.py:number", SCRIPT, "x.py: number is int, expected what mockserver.script(...) returns"),
        ("x.py", "a = 1\nb = a / 0\n", "x.py, line 2: ZeroDivisionError: division by zero"),
        ("x.py", "a = 1\nb = (\n", "x.py, line 2: SyntaxError"),
        ("x.py", "raise SystemExit(3)", "x.py, line 1: SystemExit: 3"),
    ],
)
def test_a_file_without_the_script_is_one_line(tmp_path: Path, name: str, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / name.split(":", maxsplit=1)[0]).write_text(text)
    done = process("script", f"{tmp_path / name}")
    assert done.returncode == 2
    assert told in one_line(done)


def test_a_fault_that_never_fired_is_status_1(cassette: Path, client: list[str]) -> None:
    done = process("replay", cassette, "--fault", "delay 1ms on no.such.event", "--", *client)
    assert done.returncode == 1
    assert "never fired" in done.stderr


def test_tls_is_trusted_by_the_command(cassette: Path, client: list[str]) -> None:
    done = process("replay", cassette, "--tls", "--", *client)
    assert (done.returncode, done.stdout) == (0, HEARD), done.stderr
    assert "https://127.0.0.1:" in done.stderr
    distrusting = [sys.executable, "-c", "import os; del os.environ['SSL_CERT_FILE']; " + CLIENT]
    refused = process("replay", cassette, "--tls", "--allow-unplayed", "--", *distrusting)
    assert (refused.returncode, "certificate" in refused.stderr.lower()) == (1, True)


# --- the command and its status ---


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM),
    ],
)
def test_the_commands_status_is_returned(program: str, status: int) -> None:
    assert process("simulate", "openai", "--", sys.executable, "-c", program).returncode == status


def test_a_command_that_never_came_to_the_recording_fails(cassette: Path) -> None:
    done = process("replay", cassette, "--", sys.executable, "-c", "pass")
    assert done.returncode == 1
    assert f"mockserver: {cassette}: no client connected" in done.stderr


def test_a_command_that_never_came_to_the_simulator_is_told_of(client: list[str]) -> None:
    told = "no client connected; does the command take its address from OPENAI_BASE_URL?"
    assert told in process("simulate", "openai", "--", sys.executable, "-c", "pass").stderr
    assert (
        "no client connected" not in process("simulate", "openai", "--set", "model=gpt-realtime", "--", *client).stderr
    )


def test_a_provider_whose_clients_read_no_variable_is_told_how_they_take_an_address() -> None:
    show = "import os; print(os.environ['MOCKSERVER_BASE_URL'], os.environ['MOCKSERVER_WS_URL'])"
    done = process("simulate", "xai", "--", sys.executable, "-c", show)
    base, socket = done.stdout.split()
    assert socket == f"{base.replace('http', 'ws')}/realtime"
    assert "as an argument alone: give them the value of MOCKSERVER_BASE_URL" in done.stderr


def test_several_providers_on_one_port_and_one_below_a_prefix() -> None:
    show = "import os; print(os.environ['OPENAI_BASE_URL'], os.environ['XAI_API_KEY'], os.environ['MOCKSERVER_URL'])"
    done = process("simulate", "openai", "xai", "--at", "xai=/xai", "--", sys.executable, "-c", show)
    assert done.returncode == 0
    base, key, origin = done.stdout.split()
    assert (base, key) == (f"{origin}/v1", "mock")
    assert "simulating openai and xai" in done.stderr
    both = process("simulate", "openai", "xai", "--", sys.executable, "-c", "")
    assert (both.returncode, both.stdout) == (2, "")
    assert "--at xai=/xai" in both.stderr
    for words, told in (
        (("openai", "openai"), "named twice"),
        (("openai", "azure", "--at", "/x"), "say of which provider"),
        (("openai", "--at", "azure=/x"), "azure is not simulated here"),
        (("openai", "python"), "simulator('python'): expected one of"),
    ):
        wrong = process("simulate", *words)
        assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
        assert told in wrong.stderr


def test_a_setting_given_again_adds_to_a_list() -> None:
    client = "import os"
    for given in (
        ("--set", "misbehave=oob_leaks", "--set", "misbehave=two_active"),
        ("--set", "misbehave=oob_leaks,two_active"),
        ("--set", "openai.misbehave=[oob_leaks, two_active]"),
    ):
        done = process("simulate", "openai", *given, "--", sys.executable, "-c", client)
        assert done.returncode == 0, done.stderr
    wrong = process("simulate", "openai", "--set", "misbehave=oob_leaks,nonsense", "--", sys.executable, "-c", client)
    assert "misbehave='nonsense'" in wrong.stderr
    twice = process("simulate", "openai", "--set", "pace=instant", "--set", "pace=natural")
    assert "pace" in twice.stderr
    assert twice.returncode == 2


def test_a_command_that_cannot_start_has_the_shells_status(tmp_path: Path, cassette: Path) -> None:
    missing = process("replay", cassette, "--", "no-such-command-here")
    assert (missing.returncode, missing.stderr.splitlines()[-1]) == (
        127,
        "mockserver: command not found: no-such-command-here",
    )
    plain = tmp_path / "plain.txt"
    plain.write_text("x", encoding="utf-8")
    assert process("replay", cassette, "--", plain).returncode == 126


def test_the_command_sees_the_variables_and_owns_stdout(cassette: Path) -> None:
    show = "import os; print(os.environ['OPENAI_BASE_URL'], os.environ['OPENAI_API_KEY'])"
    done = process("replay", cassette, "--allow-unplayed", "--", sys.executable, "-c", show)
    address, key = done.stdout.split()
    assert address.startswith("http://127.0.0.1:")
    assert address.endswith("/v1")
    assert key


def test_a_command_that_records_nothing_is_an_error(tmp_path: Path, upstream: MockServer) -> None:
    path = tmp_path / "x.cassette"
    done = process("record", "--upstream", upstream.base_url, "--to", path, "--", sys.executable, "-c", "")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"because no client connected; {path} was not written")
    assert list(tmp_path.iterdir()) == []


# --- as a server ---


def test_the_ready_line(cassette: Path) -> None:
    with started("replay", cassette) as (running, ready):
        port = ready["port"]
        assert ready == {
            "ready": True,
            "base_url": f"http://127.0.0.1:{port}/v1",
            "ws_url": f"ws://127.0.0.1:{port}/v1/realtime",
            "port": port,
            "env": {
                "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
                "OPENAI_API_KEY": ready["env"]["OPENAI_API_KEY"],
                "MOCKSERVER_URL": f"http://127.0.0.1:{port}",
                "MOCKSERVER_BASE_URL": f"http://127.0.0.1:{port}/v1",
                "MOCKSERVER_WS_URL": f"ws://127.0.0.1:{port}/v1/realtime",
            },
            "control": f"http://127.0.0.1:{port}/__mockserver__/",
        }
        with urllib.request.urlopen(ready["control"]) as reply:
            assert reply.status == 200
        talk_to(ready["ws_url"])
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


def talk_to(url: str) -> None:
    with connect(url) as ws:
        ws.recv()
        ws.send(json.dumps({"type": "response.create"}))
        ws.recv()
        assert json.loads(ws.recv())["type"] == "response.done"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording_cleanly(tmp_path: Path, upstream: MockServer, number: signal.Signals) -> None:
    path = tmp_path / "x.cassette"
    with started("record", "--upstream", upstream.base_url, "--to", path) as (running, ready):
        talk_to(ready["ws_url"])
        with connect(ready["ws_url"]) as still_open:
            still_open.recv()
            running.send_signal(number)
            assert running.wait(10) == 0
        _, told = running.communicate()
    assert "recorded 2 sessions" in told
    assert "Traceback" not in told
    first, second = load(path).connections
    assert (len(first.records), len(second.records) >= 1) == (5, True)
    assert list(tmp_path.iterdir()) == [path]


def test_ctrl_c_leaves_the_command_time_to_end_of_itself(cassette: Path) -> None:
    """A terminal gives Ctrl-C to both. The command cleans up, is not killed over it, and its status is returned."""
    program = """
import os, signal, sys
def end(number, frame):
    if number == signal.SIGINT:
        print("cleaned up", flush=True)
    sys.exit(5 if number == signal.SIGINT else 99)
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
os.write(1, b"up\\n")  # no print that the signal could come into
while True:
    signal.pause()
"""
    running = subprocess.Popen(
        [
            *REAL,
            "replay",
            str(cassette),
            "--allow-unplayed",
            "--",
            sys.executable,
            "-c",
            program,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    os.killpg(running.pid, signal.SIGINT)
    told, complaints = running.communicate(timeout=20)
    assert (running.returncode, told) == (5, "cleaned up\n"), complaints


def test_a_signal_goes_on_to_the_command(cassette: Path) -> None:
    wait = "import time, sys\nprint('up', flush=True)\ntime.sleep(60)"
    running = subprocess.Popen(
        [*command(), "replay", str(cassette), "--allow-unplayed", "--", sys.executable, "-c", wait],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=10)
    assert running.returncode == 128 + signal.SIGTERM


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path, upstream: MockServer, client: list[str]) -> None:
    words = [
        *command(),
        "record",
        "--upstream",
        upstream.base_url,
        "--to",
        str(tmp_path / "x.cassette"),
        "--",
        *client,
    ]
    ours, theirs = pty.openpty()
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=theirs, timeout=40, check=False)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # a terminal whose other end is gone ends with an error on Linux
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert (done.returncode, b"\r\x1b[K0 sessions, 0 frames" in shown) == (0, True)
    quiet = process("record", "--force", *words[4:])
    assert "\x1b" not in quiet.stderr


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [(("replay",), "mockserver.engines.replay"), (("simulate", "openai"), "mockserver.engines.simulator")],
)
def test_what_a_command_does_not_need_is_not_loaded_before_it_is_ready(
    arguments: tuple[str, ...], needed: str, cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start is measured by the benchmark; what makes it slow is one import too many."""
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    given = (*arguments, cassette) if arguments == ("replay",) else arguments
    with started(*given, real=True) as (running, _):
        running.terminate()
        assert running.stderr is not None
        loaded = {line.rpartition("|")[2].strip() for line in running.stderr if line.startswith("import time:")}
    assert needed in loaded  # the control: what is loaded is seen
    heavy = {"pydantic", "trustme", "pytest", "uvloop", "yaml", "mockserver.cassette.importers", "mockserver.faults"}
    heavy |= {"mockserver.engines.simulator" if arguments == ("replay",) else "mockserver.engines.replay"}
    assert loaded & heavy == set()


# --- bad input ---


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed command says."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_port_in_use(cassette: Path, tmp_path: Path, upstream: MockServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = f"mockserver: port {port} is in use: choose another with --port, or leave it out for any free one"
        assert one_line(process("replay", cassette, "--port", port)) == told
        path = tmp_path / "new" / "x.cassette"
        assert one_line(process("record", "--upstream", upstream.base_url, "--to", path, "--port", port)) == told
        assert list(path.parent.iterdir()) == []


def test_record_overwrites_only_when_told(cassette: Path, upstream: MockServer, client: list[str]) -> None:
    old = cassette.read_bytes()
    arguments = ("record", "--upstream", upstream.base_url, "--to", str(cassette))
    told = one_line(process(*arguments, "--", *client))
    assert told == f"mockserver: {cassette}: exists already; overwrite it with `--force` (in Python: overwrite=True)"
    assert (cassette.read_bytes(), upstream.sessions) == (old, [])
    assert process(*arguments, "--force", "--", *client).returncode == 0
    assert cassette.read_bytes() != old


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--upstream", "nobody"), "unknown provider 'nobody': expected one of"),
        (("--upstream", "ftp://x"), "upstream 'ftp://x': expected a URL such as wss://"),
        (
            ("--upstream", "openai", "--key-env", "NOT_SET"),
            "the environment variable NOT_SET is not set",
        ),
        (("--upstream", "openai", "--fault", "dalay 11s on x"), "dalay"),
        (("--upstream", "openai", "--redact", "["), "a redaction rule is not a regular expression"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    assert told in one_line(process("record", "--to", tmp_path / "x.cassette", *arguments))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("simulate", "nobody"), "nobody"),
        (("simulate", "openai", "--set", "pace"), "--set pace: expected NAME=VALUE"),
        (("simulate", "openai", "--set", "speed=3"), "unknown setting 'speed'"),
        (
            ("simulate", "openai", "--replies", "no-such.yaml"),
            "no-such.yaml: cannot be read: No such file or directory",
        ),
        (
            ("verify", "no-such.cassette", "--upstream", "openai"),
            "no-such.cassette: no such cassette",
        ),
        (("faults", "whatever"), "no fault is called 'whatever'"),
        (("faults", "--check", "delay soon on x"), "soon"),
    ],
)
def test_other_wrong_words_are_one_line(arguments: tuple[str, ...], told: str) -> None:
    assert told in one_line(process(*arguments))


HEAD = b"\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope"


@pytest.mark.parametrize(
    ("reply", "status", "told"),
    [
        (b"HTTP/1.1 401 Unauthorized" + HEAD, 401, "refused the connection with HTTP 401"),
        (
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3" + HEAD,
            429,
            "refused the connection with HTTP 429",
        ),
        (b"HTTP/1.1 503 Service Unavailable" + HEAD, 503, "refused the connection with HTTP 503"),
        (b"HTTP/1.1 200 OK" + HEAD, 502, "is not a websocket"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", 502, "mockserver: "),
    ],
    ids=["401", "429", "503", "no websocket", "no http"],
)
def test_an_upstream_that_refuses(
    tmp_path: Path, answering: Callable[[bytes | None], str], reply: bytes, status: int, told: str
) -> None:
    """The client is told what the upstream said; the command says it in one line, and its status is not 0."""
    where = answering(reply)
    path = tmp_path / "x.cassette"
    with started("record", "--upstream", where, "--to", path) as (running, ready):
        with pytest.raises(InvalidStatus) as refused:
            connect(ready["ws_url"])
        assert refused.value.response.status_code == status
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=10)
    assert running.returncode == 2
    first = next(line for line in stderr.splitlines() if line.startswith("mockserver: "))
    assert told in first
    assert "Traceback" not in stderr
    if status == 502:  # our own word: the upstream gave no answer that could be recorded
        assert not path.exists()
    else:
        assert load(path).connections[0].answer.status == status  # a refusal is a session too


def test_an_upstream_that_is_not_there(tmp_path: Path, client: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        where = f"http://127.0.0.1:{gone.getsockname()[1]}/v1"
    path = tmp_path / "x.cassette"
    path.write_bytes(b"recorded last year")
    done = process("record", "--upstream", where, "--to", path, "--force", "--", *client)
    assert done.returncode == 1  # the client's own
    assert f"mockserver: cannot reach ws://{where[7:-3]}: " in done.stderr
    assert "nothing was recorded, because the upstream never answered" in done.stderr
    assert path.read_bytes() == b"recorded last year"


def test_an_upstream_that_hangs(tmp_path: Path, answering: Callable[[bytes | None], str]) -> None:
    where = answering(None)
    path = tmp_path / "x.cassette"
    patience = ("--upstream-timeout", "0.3")
    with started("record", "--upstream", where, "--to", path, *patience) as (running, ready):
        with pytest.raises(InvalidStatus) as refused:
            connect(ready["ws_url"])
        assert refused.value.response.status_code == 504
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=10)
    assert running.returncode == 2
    told = f"mockserver: {where.replace('http', 'ws')[:-3]} did not answer the handshake within 0.3 s"
    assert next(line for line in stderr.splitlines() if line.startswith("mockserver: ")) == told


def test_an_upstream_that_hangs_does_not_hang_the_recorder(
    tmp_path: Path, answering: Callable[[bytes | None], str]
) -> None:
    where = answering(None)
    with started("record", "--upstream", where, "--to", tmp_path / "x.cassette") as (
        running,
        ready,
    ):
        with pytest.raises(TimeoutError):
            connect(ready["ws_url"], open_timeout=0.3)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=10)
    assert "Traceback" not in stderr


# --- verify ---


def test_verify_says_that_there_is_no_drift(cassette: Path, upstream: MockServer) -> None:
    done = process("verify", cassette, "--upstream", upstream.base_url)
    assert (done.returncode, done.stdout) == (
        0,
        f"{cassette}: no drift in 1 connection(s), 3 events\n",
    ), done.stderr


def test_verify_reports_drift_with_status_1(tmp_path: Path, upstream: MockServer) -> None:
    one = talk()
    first = Text('{"type": "session.created", "event_id": "event_1", "session": {"old_field": 1, "id": "sess_1"}}')
    records = (replace(one.records[0], frame=first), *one.records[1:])
    path = written(tmp_path / "x.cassette", replace(one, records=records))
    done = process("verify", path, "--upstream", upstream.base_url)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{path}: the real service has drifted from the recording of 2026-01-02",
        "  connection 0: field gone: session.created: session.old_field (was number)",
    ]


@pytest.mark.parametrize("reply", [b"HTTP/1.1 401 Unauthorized" + HEAD, b"HTTP/1.1 200 OK" + HEAD])
def test_verify_of_an_upstream_that_refuses_is_one_line(
    cassette: Path, answering: Callable[[bytes | None], str], reply: bytes
) -> None:
    told = one_line(process("verify", cassette, "--upstream", answering(reply)))
    assert told.startswith("mockserver: ")


def test_a_start_loads_what_its_provider_needs_and_says_at_once_what_is_wrong() -> None:
    """What stands in the way of a start is seen at the start: a setting that does not exist, with the nearest name."""
    told = subprocess.run(
        (sys.executable, "-X", "importtime", *REAL[1:], "simulate", "openai", "--set", "context_token=1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 2
    assert "simulator: unknown setting 'context_token': expected one of" in told.stderr
    assert "did you mean 'context_tokens'?" in told.stderr
    loaded = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines() if line.startswith("import time:")}
    rooms = {name for name in loaded if name.startswith("mockserver.engines.simulator.")}
    assert "mockserver.engines.simulator.openai.engine" in rooms, rooms
    others = ("gemini", "elevenlabs", "gpt_live", "nova_sonic", "personaplex", "phonic", "ultravox", "openai.cousins")
    unwanted = [f"mockserver.engines.simulator.{other}" for other in others]
    unwanted += ["mockserver.cassette.model", "mockserver.engines.simulator.replies.rules"]
    assert not [name for name in loaded if name.startswith(tuple(unwanted))]
