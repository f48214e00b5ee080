"""What ``scrub --explain`` says of a cassette."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from mockserver.cassette.clean import scrub
from mockserver.cassette.explain import KINDS, explain
from mockserver.cassette.redact import Redactor
from mockserver.cassette.store import save
from mockserver.cli import main
from mockserver.core.frames import Binary
from mockserver.dialects.openai.lens import OPENAI
from tests.cassette.make import cassette, event

FRAMES = (
    event(text="use sk-abcdefgh12345 here", api_key="hunter2hunter2"),
    event(text="we like sk-learnability", token="elephants"),
    Binary(b'\x01{"password":"tulip4711"}'),
)


def test_each_thing_is_told_with_its_place_and_rule() -> None:
    told = [str(line) for line in explain(cassette(*FRAMES), Redactor())]
    assert told == [
        "to take out  connection 0, frame 0 (server)  key, 16 characters  (the shape sk-)",
        "to take out  connection 0, frame 0 (server)  field, 14 characters  (a field's name)",
        "nearly  connection 0, frame 1 (server)  'sk-learnability'  (the shape sk-)",
        "nearly  connection 0, frame 1 (server)  'elephants'  (a field's name)",
        "to take out  connection 0, frame 2 (server)  field, 9 characters  (a field's name)",
    ]
    assert "hunter2" not in "".join(told)


def test_what_was_taken_out_is_told_too() -> None:
    made = scrub(cassette(*FRAMES), Redactor(), lens=OPENAI)
    lines = list(explain(made, Redactor()))
    assert [(line.what, line.text) for line in lines] == [
        ("taken out", "REDACTED-key-1"),
        ("taken out", "REDACTED-field-1"),
        ("nearly", "'sk-learnability'"),
        ("nearly", "'elephants'"),
        ("taken out", "REDACTED-field-2"),
    ]
    assert [line.rule for line in lines if line.what == "taken out"] == [KINDS["key"], KINDS["field"], KINDS["field"]]


def test_the_command(tmp_path: Path) -> None:
    path = save(cassette(*FRAMES), tmp_path / "x.cassette")
    before = path.read_bytes()
    done = CliRunner().invoke(main, ["scrub", "--explain", str(path)])
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == f"{path}: 3 taken out, 0 to take out, 2 nearly"
    assert path.read_bytes() == before
    assert CliRunner().invoke(main, ["scrub", "--explain", "--in-place", str(path)]).exit_code == 2
