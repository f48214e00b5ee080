"""``show``, ``import``, ``diff``, ``scrub``; and the one clear line for every bad input."""

from __future__ import annotations

import json
import wave
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgpack
import pytest
from click.testing import Result

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.store import load, save
from mockserver.cli import COMMANDS
from mockserver.core.frames import Answer, Sender, Text
from tests.cli.conftest import talk, written

Run = Callable[..., Result]


# --- help ---


def test_help_lists_every_command(run: Run) -> None:
    text = run("--help").output
    for name in COMMANDS:
        assert f"\n  {name} " in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: main {name} ")


def test_an_unknown_command_names_the_nearest(run: Run) -> None:
    done = run("reply")
    assert done.exit_code == 2
    assert "No such command 'reply'; did you mean 'replay'?" in done.output


# --- show ---


def test_show_prints_the_timeline(run: Run, cassette: Path) -> None:
    text = run("show", cassette).output
    assert "recorded on 2026-01-02" in text
    assert "origin: a test" in text
    places = [
        text.index(word) for word in ("session.created", "response.create\n", "response.created", "response.done")
    ]
    assert places == sorted(places)


def test_show_one_connection(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "two.cassette", talk(), talk(number=1, instructions="only the second"))
    assert "only the second" not in run("show", path, "--connection", "0").output
    assert "only the second" in run("show", path, "--connection", "1").output
    done = run("show", path, "--connection", "7")
    assert (done.exit_code, "no connection 7; it has 0, 1" in done.stderr) == (2, True)


def test_show_cannot_control_the_terminal(run: Run, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[31m\r"
    one = talk(instructions=evil)
    other = Record(10_000, Sender.SERVER, Text(f"{evil} not json"))
    event = Record(11_000, Sender.SERVER, Text('{"type": "' + evil + '"}'))
    path = written(
        tmp_path / "evil.cassette",
        Connection(0, one.handshake, Answer(), 0, (*one.records, other, event)),
    )
    for options in ((), ("--textconv",), ("--every-frame",)):
        text = run("show", path, *options).output
        assert text
        assert not {char for char in text if ord(char) < 32 and char != "\n"}


def test_textconv_is_the_same_for_the_same_talk_and_differs_for_another(run: Run, tmp_path: Path) -> None:
    one = written(tmp_path / "1.cassette", talk())
    same = Connection(
        0,
        talk().handshake,
        Answer(),
        99,
        tuple(Record(one.at + 200, one.sender, one.frame) for one in talk().records),
    )
    two = written(tmp_path / "2.cassette", same)
    three = written(tmp_path / "3.cassette", talk(instructions="x"))
    texts = [run("show", "--textconv", path).output for path in (one, two, three)]
    assert texts[0] == texts[1] != texts[2]


def test_textconv_of_a_bad_file_is_text_too(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(b"\x82")
    done = run("show", "--textconv", path)
    assert done.exit_code == 0  # git shows nothing of the whole diff otherwise
    assert done.output.startswith("cassette: ")


def test_show_as_json_holds_every_frame_verbatim(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "x.cassette", talk(), talk(number=1, instructions="x"))
    lines = [json.loads(line) for line in run("show", path, "--json").output.splitlines()]
    assert lines[0]["header"]["dialect"] == "openai"
    frames = [line for line in lines if "frame" in line]
    records = [record for one in load(path).connections for record in one.records]
    assert [one.get("text") for one in frames] == [getattr(one.frame, "data", None) for one in records]
    assert [one["at_us"] for one in frames] == [one.at for one in records]
    assert frames[1]["from"] == "client"
    assert frames[-1]["close"] == {"code": 1000, "reason": ""}
    some = [
        json.loads(line)
        for line in run("show", path, "--json", "--connection", "1", "--limit", "2").output.split("\n")[:-1]
    ]
    assert [one.get("frame") for one in some] == [None, None, 0, 1]


def test_show_writes_each_sides_audio(run: Run, tmp_path: Path) -> None:
    said = bytes(range(256)) * 100
    body = {"type": "input_audio_buffer.append", "audio": b64encode(said).decode()}
    one = talk()
    spoken = Record(500, Sender.CLIENT, Text(json.dumps(body)))
    path = written(tmp_path / "x.cassette", replace(one, records=(one.records[0], spoken, *one.records[1:])))
    done = run("show", path, "--wav", tmp_path / "out")
    place = tmp_path / "out" / "connection-0-client.wav"
    assert done.output == f"{place}: 0.533 s, 24000 Hz\n"
    with wave.open(str(place)) as file:
        assert file.readframes(1 << 20) == said
        assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
    again = run("show", path, "--wav", tmp_path / "out")
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    silent = written(tmp_path / "silent.cassette", one)
    assert run("show", silent, "--wav", tmp_path / "none").output == "no audio that could be written\n"


@pytest.mark.parametrize("asked", ["tlak.cassette", "folder/talk.cassette"])
def test_a_wrong_name_proposes_the_near_one(run: Run, tmp_path: Path, cassette: Path, asked: str) -> None:
    if "/" in asked:
        cassette = written(tmp_path / "folders" / "talk.cassette", talk())
    done = run("show", tmp_path / asked)
    assert f"{tmp_path / asked}: no such cassette; did you mean {cassette}?" in done.stderr
    assert "did you mean" not in run("show", tmp_path / "something.cassette").stderr


@pytest.mark.parametrize(
    "command",
    [
        "show {}",
        "view {}",
        "diff {} {}",
        "diff --markdown {} {}",
        "verify {} --upstream openai",
        "scrub {} --in-place",
        "replay {} -- true",
        "learn {} {} --to out.cassette",
        "check {}",
        "agree {}",
        "import {} --to out.cassette",
    ],
)
def test_each_command_that_takes_a_cassette_proposes_the_near_one(
    run: Run, tmp_path: Path, cassette: Path, command: str
) -> None:
    done = run(*command.format(*[tmp_path / "tlak.cassette"] * 2).split(" "))
    assert (done.exit_code, f"did you mean {cassette}?" in done.stderr) == (2, True), done.output
    control = run(*command.format(*[tmp_path / "zzz.cassette"] * 2).split(" "))
    assert "did you mean" not in control.stderr


# --- import ---

CAPTURE = [
    {"capture": 1, "provider": "openai", "source": "a test", "licence": "none"},
    {"from": "server", "json": {"type": "session.created", "session": {"id": "sess_1"}}},
    {"from": "client", "json": {"type": "response.create"}},
    {"from": "server", "text": '{"type": "response.done"}'},
    {"from": "server", "close": {"code": 1011, "reason": "broken"}},
]


def capture(path: Path) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in CAPTURE), encoding="utf-8")
    return path


def test_import_a_capture(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "x.cassette"
    done = run("import", capture(tmp_path / "x.jsonl"), "--to", target)
    assert done.output == f"imported 4 frames of openai to {target}\n"
    assert [record.sender for record in load(target).connections[0].records] == [
        "server",
        "client",
        "server",
        "server",
    ]


def test_import_overwrites_only_when_told(run: Run, tmp_path: Path, cassette: Path) -> None:
    old = cassette.read_bytes()
    done = run("import", capture(tmp_path / "x.jsonl"), "--to", cassette)
    assert (done.exit_code, cassette.read_bytes()) == (2, old)
    assert "exists already" in done.stderr
    assert run("import", capture(tmp_path / "x.jsonl"), "--to", cassette, "--force").exit_code == 0
    assert cassette.read_bytes() != old


def test_every_real_capture_imports_and_shows(run: Run, tmp_path: Path, shared_capture: Path) -> None:
    target = tmp_path / "x.cassette"
    assert run("import", shared_capture, "--to", target).exit_code == 0
    lines = [json.loads(line) for line in shared_capture.read_text(encoding="utf-8").splitlines()]
    assert sum(len(one.records) for one in load(target).connections) == len(lines) - 1
    assert run("show", target).exit_code == 0


# --- diff ---


def test_diff(run: Run, tmp_path: Path, cassette: Path) -> None:
    same = run("diff", cassette, cassette)
    assert (same.exit_code, same.output) == (0, "the same conversation\n")
    other = written(tmp_path / "other.cassette", talk(instructions="be brief"))
    changed = run("diff", cassette, other)
    assert changed.exit_code == 1
    assert "be brief" in changed.output


# --- scrub ---


def test_scrub_takes_out_what_a_rule_says(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "x.cassette", talk(instructions="call me on 555-0199"))
    target = tmp_path / "clean.cassette"
    done = run("scrub", path, "--to", target, "--rule", r"555-\d+")
    assert done.exit_code == 0
    assert b"555-0199" in path.read_bytes()
    assert b"555-0199" not in target.read_bytes()
    assert run("scrub", path, "--in-place", "--rule", r"555-\d+").exit_code == 0
    assert b"555-0199" not in path.read_bytes()


def test_scrub_takes_out_the_value_of_a_variable(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PIN", "4711-4712")
    path = written(tmp_path / "x.cassette", talk(instructions="the pin is 4711-4712"))
    assert run("scrub", path, "--in-place", "--value-env", "MY_PIN").exit_code == 0
    assert b"4711-4712" not in path.read_bytes()
    done = run("scrub", path, "--in-place", "--value-env", "NO_SUCH")
    assert "NO_SUCH is not set" in done.stderr


def test_scrub_says_what_it_did_to_voices(run: Run, cassette: Path) -> None:
    assert run("scrub", cassette, "--in-place").output == f"{cassette}: nothing more to take out\n"
    silenced = run("scrub", cassette, "--in-place", "--audio", "silence")
    assert silenced.output == f"{cassette}: nothing more to take out; audio: silence\n"


def test_scrub_wants_to_know_where_to(run: Run, cassette: Path) -> None:
    old = cassette.read_bytes()
    done = run("scrub", cassette)
    assert (done.exit_code, done.stderr) == (
        2,
        "mockserver: scrub: say either --in-place or --to FILE\n",
    )
    assert cassette.read_bytes() == old


# --- bad input ---


def bad_file(kind: str, folder: Path, good: bytes) -> Path:
    """A file that is no good cassette."""
    path = folder / f"{kind}.cassette"
    match kind:
        case "missing":
            pass
        case "directory":
            path.mkdir()
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(good[: len(good) * 2 // 3])
        case "foreign":
            path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
        case "json":
            path.write_text('{"log": {}}', encoding="utf-8")
        case "too-new":
            head = msgpack.Unpacker()
            head.feed(good)
            first = head.unpack()
            path.write_bytes(msgpack.packb({**first, "mockserver-cassette": 99}) + good[len(msgpack.packb(first)) :])
    return path


BAD = {
    "missing": "no such cassette; record it with `mockserver record --upstream PROVIDER --to {path}`",
    "directory": "is a directory; expected a cassette file (NAME.cassette)",
    "empty": "empty",
    "truncated": "damaged at byte",
    "foreign": "PNG",
    "json": "not a cassette",
    "too-new": "99",
}


@pytest.mark.parametrize("command", ["show", "replay", "diff", "scrub", "verify"])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_cassette_is_one_line(run: Run, tmp_path: Path, cassette: Path, command: str, kind: str) -> None:
    path = bad_file(kind, tmp_path, cassette.read_bytes())
    before = path.read_bytes() if path.is_file() else None
    more = {
        "diff": (cassette,),
        "scrub": ("--in-place",),
        "verify": ("--upstream", "http://127.0.0.1:9"),
    }
    done = run(command, path, *more.get(command, ()))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"mockserver: {path}: ")
    assert BAD[kind].format(path=path) in done.stderr
    assert done.stderr.count("\n") == 1
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "foreign", "truncated"])
def test_a_bad_import_is_one_line_and_writes_nothing(run: Run, tmp_path: Path, cassette: Path, kind: str) -> None:
    target = tmp_path / "made.cassette"
    done = run("import", bad_file(kind, tmp_path, cassette.read_bytes()), "--to", target)
    assert done.exit_code == 2
    assert (done.stderr.count("\n"), target.exists()) == (1, False)


def test_what_is_imported_otherwise_than_stated_is_said(run: Run, tmp_path: Path) -> None:
    made = tmp_path / "made.jsonl"
    lines = ['{"capture": 1}', '{"from": "server", "text": "a", "at_ms": 5}']
    made.write_text("\n".join([*lines, '{"from": "server", "text": "b", "at_ms": 1}']), "utf-8")
    done = run("import", made, "--to", tmp_path / "made.cassette")
    assert done.exit_code == 0
    assert done.stderr.startswith("mockserver: the times of 1 frame(s) go backwards")
    made.write_text("\n".join(lines), "utf-8")
    assert run("import", made, "--to", tmp_path / "other.cassette").stderr == ""


def test_the_good_cassette_of_this_table_is_good(run: Run, cassette: Path) -> None:
    assert run("show", cassette).exit_code == 0


def test_diff_as_json(run: Run, tmp_path: Path, cassette: Path) -> None:
    assert json.loads(run("diff", cassette, cassette, "--json").output) == {
        "same": True,
        "differences": [],
        "waits": [],
        "headers": [],
    }
    other = written(tmp_path / "other.cassette", talk(instructions="be brief"))
    done = run("diff", cassette, other, "--json")
    (one,) = json.loads(done.output)["differences"]
    assert done.exit_code == 1
    assert (one["frames"], one["before"], one["path"]) == ([1, 1], None, "response")
    assert one["after"] == '{"instructions": "be brief"}'
    assert "say either" in run("diff", cassette, other, "--json", "--markdown").stderr


def test_diff_as_markdown_shows_both_sides(run: Run, tmp_path: Path) -> None:
    one = written(tmp_path / "1.cassette", talk(instructions="be brief"))
    two = written(tmp_path / "2.cassette", talk(instructions="be long"))
    done = run("diff", one, two, "--markdown")
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f"### `{two}`: 1 difference",
        "",
        "```diff",
        "@@ connection 0 response.create [1 | 1] @@",
        '- response.instructions: "be brief"',
        '+ response.instructions: "be long"',
        "```",
    ]
    same = run("diff", one, one, "--markdown")
    assert (same.exit_code, same.output) == (0, f"### `{one}`: the same conversation\n")


def test_a_wait_that_changed_is_told_and_is_no_difference(run: Run, tmp_path: Path) -> None:
    def later(us: int) -> Path:
        one = talk()
        records = [replace(each, at=each.at + (us if number > 1 else 0)) for number, each in enumerate(one.records)]
        return written(tmp_path / f"{us}.cassette", replace(one, records=tuple(records)))

    quick, slow = later(0), later(3_000_000)
    done = run("diff", quick, slow)
    told = "connection 0 response.created [2 | 2] came 1 ms -> 3.0 s after the frame before it"
    assert (done.exit_code, done.output) == (0, f"the same conversation\ntime: {told}\n")
    assert "- wait: 1 ms\n+ wait: 3.0 s\n" in run("diff", quick, slow, "--markdown").output
    assert run("diff", quick, later(400_000)).output == "the same conversation\n"  # as two recordings always differ


def test_nothing_in_a_cassette_leaves_the_fence(run: Run, tmp_path: Path) -> None:
    evil = "````\n# owned <script>@everyone\u202e"
    two = written(tmp_path / "2.cassette", talk(instructions=evil))
    for first in (written(tmp_path / "1.cassette", talk()), Path("/dev/null")):
        lines = run("diff", first, two, "--markdown").output.splitlines()
        (number,) = [number for number, line in enumerate(lines) if "owned" in line]
        fences = [at for at, line in enumerate(lines) if line.startswith("`````") and at < number]
        assert fences
        assert not any(line.lstrip().startswith("# owned") for line in lines)
        assert "\u202e" not in "".join(lines)


def test_a_new_cassette_and_a_removed_one_as_markdown(run: Run, tmp_path: Path, cassette: Path) -> None:
    new = run("diff", "/dev/null", cassette, "--markdown").output
    assert new.startswith(f"### `{cassette}`: new\n")
    assert "--> response.create" in new
    gone = run("diff", cassette, "/dev/null", "--markdown").output
    assert gone.startswith(f"### `{cassette}`: removed\n")
    assert "--> response.create" not in gone


def test_markdown_says_which_were_made_while_faults_stood_around_the_client(run: Run, tmp_path: Path) -> None:
    header = Header("openai", faults=("reset after 3s",))
    path = save(Cassette(header, (talk(),)), tmp_path / "x.cassette")
    for first in (path, Path("/dev/null")):
        assert "Made while faults stood around the client" in run("diff", first, path, "--markdown").output


def test_markdown_of_a_large_change_ends(run: Run, tmp_path: Path) -> None:
    one = written(tmp_path / "1.cassette", talk())
    two = written(tmp_path / "2.cassette", *(talk(number=number) for number in range(400)))
    text = run("diff", one, two, "--markdown").output
    assert len(text) < 60_000
    assert "more lines" in text


@pytest.mark.parametrize("same", [True, False])
def test_a_recording_of_another_server_is_told_and_is_no_difference(run: Run, tmp_path: Path, same: bool) -> None:
    """What was recorded of the real service and is now of a mock says the same words, and is another witness."""
    first = Cassette(Header("openai", "https://api.openai.com/v1", "2026-01-02"), (talk(),))
    header = first.header if same else replace(first.header, upstream="ws://127.0.0.1:9/v1", rules={"in_step": True})
    before = save(first, tmp_path / "before.cassette")
    after = save(replace(first, header=header), tmp_path / "after.cassette")
    text, page = run("diff", before, after), run("diff", before, after, "--markdown")
    listed = json.loads(run("diff", before, after, "--json").output)
    assert text.exit_code == page.exit_code == 0
    assert listed["same"]
    assert [one["path"] for one in listed["headers"]] == ([] if same else ["upstream", "rules"])
    told = 'upstream: "https://api.openai.com/v1", now "ws://127.0.0.1:9/v1"'
    assert (f"header: {told}" in text.output) is not same
    assert ('+ upstream: "ws://127.0.0.1:9/v1"' in page.output) is not same
