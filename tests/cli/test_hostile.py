"""Whatever a command is given, it ends with one line that says what is wrong: no traceback, no wait, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mockserver.cli import main
from mockserver.errors import ExpectationFailed
from tests.cli.conftest import talk, written

SAYS = "mockserver: "
MANY = "9" * 5000
NINES = "9" * 400
FILES = {
    "half.har": '{"log":{"entries":[{"request":{"url":"wss://h/x"},"_webSocketMessages":'
    '[{"type":"send","time":1,"data":"\\ud800"}]}]}}',
    "half-header.har": '{"log":{"entries":[{"request":{"url":"wss://h/x","headers":[{"name":"a\\ud800","value":"b"}]},'
    '"_webSocketMessages":[{"type":"send","time":1,"data":"x"}]}]}}',
    "long-time.har": '{"log":{"entries":[{"_webSocketMessages":[{"type":"send","time":' + MANY + ',"data":"x"}]}]}}',
    "deep.har": '{"log":{"entries":' + "[" * 200_000,
    "half.jsonl": '{"capture":1,"provider":"openai"}\n{"from":"client","at_ms":1,"text":"\\ud800"}\n',
    "late.jsonl": '{"capture":1,"provider":"openai"}\n{"from":"client","at_ms":' + NINES + ',"text":"a"}\n',
    "number.yaml": "interactions:\n- kind: message\n  direction: sent\n  data: {a: " + MANY + "}\n",
    "long.log": ">99999999999999999999999999999 {}",
    "noise": "\udcff\udcfe\x00\x01" * 1000,
}


def run(*arguments: str) -> Result:
    """A command, in this process."""
    return CliRunner().invoke(main, list(arguments))


def told(result: Result, *, status: int = 2) -> str:
    """The one line of a command that went wrong as it should."""
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    lines = [line for line in result.output.splitlines() if line.strip()]
    assert len(lines) == 1, result.output
    return lines[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files above, and a FIFO that nobody writes to."""
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [*FILES, "fifo", "/dev/zero", "/dev/full", ".", "missing", "x" * 5000, ""])
def test_import_of_anything(folder: Path, name: str) -> None:
    assert told(run("import", name, "--to", "out.cassette")).startswith(SAYS)
    assert not (folder / "out.cassette").exists()


@pytest.mark.parametrize("name", ["noise", "fifo", "/dev/zero", "/dev/full", ".", "missing", "x" * 5000])
@pytest.mark.parametrize(
    "command",
    [
        ("show", "{}"),
        ("diff", "{}", "{}"),
        ("scrub", "{}", "--in-place"),
        ("replay", "{}", "--", "true"),
        ("verify", "{}", "--upstream", "openai"),
        ("simulate", "openai", "--replies", "{}", "--", "true"),
        ("simulate", "openai", "--fault", "@{}", "--", "true"),
        ("simulate", "openai", "--token-file", "{}", "--", "true"),
    ],
)
def test_reading_of_anything(folder: Path, command: tuple[str, ...], name: str) -> None:
    assert told(run(*(part.format(name) for part in command))).startswith(SAYS)


@pytest.mark.parametrize("place", ["fifo", "/dev/null", "/dev/zero", "."])
@pytest.mark.parametrize(
    "command",
    [
        ("record", "--upstream", "openai", "--force", "--to", "{}", "--", "true"),
        ("import", "good.jsonl", "--force", "--to", "{}"),
    ],
)
def test_nothing_but_a_file_is_written_over(folder: Path, command: tuple[str, ...], place: str) -> None:
    (folder / "good.jsonl").write_text('{"capture":1,"provider":"openai"}\n{"from":"client","at_ms":1,"text":"a"}\n')
    before = Path(place).stat().st_mode
    told(run(*(part.format(place) for part in command)))
    assert Path(place).stat().st_mode == before


@pytest.mark.parametrize(
    "spec",
    [
        f"delay {NINES}s on *",
        f"delay {MANY}ms",
        f"throttle {MANY}kB/s",
        f"reset after {MANY} frames",
        f"drop on x with probability {MANY}%",
        f"drop on {MANY}th x",
        f"close {MANY}",
        f"set a.b={MANY} on *",
        "set a=" + "[" * 100_000,
        "delay infs on *",
        "delay nans",
        "",
        "@",
    ],
)
def test_faults_of_any_size(folder: Path, spec: str) -> None:
    assert "fault" in told(run("simulate", "openai", "--fault", spec, "--", "true"))


@pytest.mark.parametrize(
    "setting",
    [f"pace={MANY}", "pace=[[", "pace=" + "[" * 100_000, "pace=.nan", "pace=&a [*a]", "pace=2024-99-99",
     "pace=!!python/name:os.system", 'pace=!!binary "@"', "=", "no_such=1"],
)  # fmt: skip
def test_settings_of_any_shape(folder: Path, setting: str) -> None:
    assert told(run("simulate", "openai", "--set", setting, "--", "true")).startswith(SAYS)


@pytest.mark.parametrize(
    "upstream",
    ["ws://[bad/", "ws://h:99999", "ws://h:x/", "ws://", "ws:///", "http://h\nx", "ftp://h/", "ws://a b/", "ws://h\\x/",
     "nobody", "ws://h:0/"],
)  # fmt: skip
def test_upstreams_that_are_none(folder: Path, upstream: str) -> None:
    assert "expected" in told(run("record", "--upstream", upstream, "--to", "out.cassette", "--", "true"))


@pytest.mark.parametrize("host", ["[bad", "999.1.1.1", "x" * 300, "é" * 70])
def test_hosts_that_are_none(folder: Path, host: str) -> None:
    assert "cannot listen" in told(run("simulate", "openai", "--host", host, "--", "true"))


@pytest.mark.parametrize("key", ["a\r\nb", "\udcff", "", "  ", "a\n"])
def test_keys_that_are_none(folder: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", key)
    said = told(run("record", "--upstream", "openai", "--to", "out.cassette", "--key-env", "A_KEY", "--", "true"))
    assert "A_KEY" in said
    assert key.strip() == "" or key not in said


@pytest.mark.parametrize("token", [("--token", ""), ("--token", " "), ("--token-env", "NOT_SET"), ("--token-env", "")])
@pytest.mark.parametrize("command", [("simulate", "openai"), ("record", "--upstream", "openai", "--to", "o.cassette")])
def test_tokens_that_are_none(folder: Path, command: tuple[str, ...], token: tuple[str, str]) -> None:
    assert "token" in told(run(*command, "--host", "0.0.0.0", *token, "--", "true"))


def test_the_control_what_is_right_runs(folder: Path) -> None:
    result = run("simulate", "openai", "--token", "t", "--fault", "delay 1s on x optional", "--", "true")
    assert result.exit_code == 0, result.output


# --- values that are none ---


@pytest.mark.parametrize(
    "command",
    [
        ("show", ""),
        ("show", "talk.cassette", "--wav", ""),
        ("view", "talk.cassette", "--to", ""),
        ("diff", "talk.cassette", ""),
        ("check", ""),
        ("init", ""),
        ("orphans", ""),
        ("script", ""),
        ("learn", "talk.cassette", "talk.cassette", "--to", ""),
        ("record", "--upstream", "openai", "--to", "", "--", "true"),
        ("simulate", "openai", "--replies", "", "--", "true"),
        ("simulate", "openai", "--host", "", "--", "true"),
        ("simulate", "openai", "--set", "model=", "--", "true"),
        ("serve", "", "--", "true"),
    ],
)
def test_an_unset_variable_is_no_folder_and_no_open_door(folder: Path, command: tuple[str, ...]) -> None:
    written(folder / "talk.cassette", talk())
    before = sorted(folder.iterdir())
    assert "empty" in told(run(*command)) or "no regular file" in told(run(*command))
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "command",
    [
        ("record", "--upstream", "openai", "--to", "x.cassette", "--upstream-timeout", "{}"),
        ("record", "--upstream", "openai", "--to", "x.cassette", "--outlast", "{}"),
        ("serve", "x.yaml", "--drain", "{}"),
        ("verify", "x.cassette", "--upstream", "openai", "--wait", "{}"),
        ("call", "x.cassette", "--url", "ws://h/v1", "--wait", "{}"),
        ("call", "x.cassette", "--url", "ws://h/v1", "--speed", "{}"),
    ],
)
def test_seconds_are_a_number(folder: Path, command: tuple[str, ...], number: str) -> None:
    done = run(*(part.format(number) for part in command))
    assert done.exit_code == 2
    assert f"Invalid value for '{command[-2]}'" in done.output


def test_what_is_read_is_never_written_over(folder: Path) -> None:
    file = written(folder / "talk.cassette", talk())
    before = file.read_bytes()
    (folder / "link.html").symlink_to(file)
    for target in ("talk.cassette", "./talk.cassette", "link.html"):
        assert "the file that is read" in told(run("view", "talk.cassette", "--to", target, "--force"))
        assert "the file that is read" in told(run("import", "talk.cassette", "--to", target, "--force"))
    assert file.read_bytes() == before
    assert run("view", "talk.cassette", "--to", "page.html", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("show", "talk.cassette", "--json", "--wav", "w"), "say one of --json and --wav"),
        (("show", "talk.cassette", "--textconv", "--json"), "say one of --textconv and --json"),
        (("show", "talk.cassette", "--textconv", "--limit", "1"), "leave --limit out"),
        (("show", "talk.cassette", "--wav", "talk.cassette"), "expected a folder"),
        (("simulate", "openai", "-v", "-q", "--", "true"), "keep one of them"),
        (("simulate", "openai", "--at", "/a", "--at", "/b", "--", "true"), "give it once"),
        (("simulate", "openai", "--at", "/a/../b", "--", "true"), "expected a text that is empty or a path"),
        (("simulate", "openai", "--at", "/a//b", "--", "true"), "expected a text that is empty or a path"),
        (("simulate", "openai", "--at", "/%zz", "--", "true"), "expected a text that is empty or a path"),
        (("script", "."), "no regular file"),
        (("git-setup",), "in no git repository"),
        (("review", "main"), "in no git repository"),
    ],
)
def test_nothing_is_quietly_left_out(folder: Path, command: tuple[str, ...], says: str) -> None:
    written(folder / "talk.cassette", talk())
    assert says in told(run(*command))


def test_a_named_upstream_speaks_its_own_dialect(folder: Path) -> None:
    words = ("record", "--upstream", "openai", "--to", "x.cassette", "--dialect")
    assert "leave the dialect out" in told(run(*words, "gemini", "--", "true"))
    assert "no client connected" in run(*words, "openai_beta", "--", "true").output


def test_a_process_without_streams(folder: Path) -> None:
    """Without one, a socket would get the number of stdout, and the ready line would be None's."""
    words = f"{sys.executable} -m mockserver simulate openai --json -- sh -c 'echo said; echo wrong >&2' >&- <&-"
    done = subprocess.run(["sh", "-c", words], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "wrong" in done.stderr


def test_what_a_client_sent_does_not_move_the_terminals_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server's problems quote paths and names of clients."""

    def serves(*_: object, **__: object) -> None:
        raise ExpectationFailed("a client connected to /\x1b]0;pwned\x07\n\nand to /\u202e")

    monkeypatch.setattr(click.Group, "invoke", serves)
    with pytest.raises(SystemExit):
        main(["faults"])
    assert capsys.readouterr().err == "mockserver: a client connected to /\\x1b]0;pwned\\x07\n\nand to /\\u202e\n"


def test_ctrl_c_is_no_expectation_that_failed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a command and amid the imports before it: one line, and the status of a shell."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mockserver.cassette.store.load", interrupt)
    assert "stopped by Ctrl-C" in told(run("show", "talk.cassette"), status=130)
    from mockserver import __main__ as program

    monkeypatch.setattr(program, "_run", interrupt)
    with pytest.raises(SystemExit) as ended:
        program.run()
    assert ended.value.code == 130


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--to", "talk.cassette"), "exists already"),
        (("--to", "fifo"), "fifo"),
        (("--header", "a b:c"), "expected NAME:VALUE"),
        (("--header", ":c"), "expected NAME:VALUE"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_before_it_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, str], says: str
) -> None:
    written(folder / "talk.cassette", talk())
    monkeypatch.setattr("mockserver.load.socket.call", lambda *_, **__: pytest.fail("the call was made"))
    assert says in told(run("call", "talk.cassette", "--url", "http://127.0.0.1:9/v1", *more))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--json", "talk.cassette/report.json"), "there is no folder talk.cassette that"),
        (("--update", "--baseline", "talk.cassette/base.json"), "there is no folder talk.cassette that"),
        (("--junit", "missing/report.xml"), "there is no folder missing that"),
        (("--baseline", "none.json"), "there is no baseline yet"),
        (("--baseline", "talk.cassette"), "talk.cassette"),
    ],
)
def test_what_would_lose_a_sweep_is_said_before_it_runs(folder: Path, more: tuple[str, ...], says: str) -> None:
    """The module named here does not exist: a run that began would say so."""
    written(folder / "talk.cassette", talk())
    assert says in told(run("sweep", "nowhere:scenario", *more))
