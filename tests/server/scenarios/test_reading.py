"""A file of scenarios: what it may say, and that each kind of mistake is one line with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockserver.cassette.model import Cassette
from mockserver.cassette.store import load
from mockserver.errors import UsageError
from mockserver.server.scenarios import folders
from mockserver.server.scenarios.reading import programme
from tests.docs import TOP
from tests.every import every

CASSETTES = TOP / "cassettes"
GOOD = f"""\
default: weather
folder: {CASSETTES}
scenarios:
  weather: {{cassette: openai, pacing: instant}}
  late:
    simulate: openai
    set: {{pace: instant}}
    faults: ["delay 2s on response.created", reset after 3s]
    seed: 7
"""


def file(tmp_path: Path, text: str) -> Path:
    made = tmp_path / "scenarios.yaml"
    made.write_text(text, encoding="utf-8")
    return made


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "says.py").write_text("from mockserver import script\nhello = script(script.send({'type': 'hi'}))\n")
    (tmp_path / "replies.yaml").write_text("otherwise: nothing\nrules: [{say: It snows.}]\n")
    (tmp_path / "own.cassette").write_bytes((CASSETTES / "openai.cassette").read_bytes())
    text = """
scenarios:
  played: {cassette: [own]}
  said: {script: says.py:hello}
  modelled: {simulate: gemini, replies: replies.yaml, faults: reset after 3s}
"""
    found = programme(file(tmp_path, text))
    assert found.default is None
    assert {name: one.dialect.name for name, one in found.scenarios.items()} == {
        "played": "openai",
        "said": "openai",
        "modelled": "gemini",
    }
    assert [one.spec for one in (armed.fault for armed in found.scenarios["modelled"].faults.armed.values())] == [
        "reset after 3s"
    ]
    assert "Rules" in repr(found.scenarios["modelled"].cast.open)


MISTAKES = {
    "": "expected a mapping with the key 'scenarios'",
    "[1, 2]": "line 1: expected a mapping with the key 'scenarios'",
    "scenarios: {": "not YAML",
    "scenario: {a: {cassette: openai}}": "line 1: scenario: unknown key 'scenario'; did you mean 'scenarios'?",
    "folder: .": "the key 'scenarios' is missing",
    "scenarios: {}": "scenarios: Dictionary should have at least 1 item",
    "scenarios: [a]": "scenarios: should be a valid dictionary, not ['a']",
    "scenarios: {a: 3}": "scenario a: should be a valid dictionary, not 3",
    "scenarios:\n  a b: {simulate: openai}": "line 2: scenario a b: a name stands in addresses",
    "default: wether\nscenarios:\n  weather: {simulate: openai}": (
        "line 1: default: there is no scenario 'wether'; did you mean 'weather'?"
    ),
    "scenarios:\n  a: {simulate: openai}\n  a: {simulate: xai}": "line 3: scenario a: the key 'a' stands there",
    "scenarios:\n  a: {simulate: openai, seed: 1, seed: 2}": "line 2: scenario a: seed: the key 'seed' stands",
    "scenarios:\n  a:\n    pacing: instant": "scenario a: expected one of the keys cassette, simulate, script",
    "scenarios:\n  a: {simulate: openai, cassette: x}": "it has cassette and simulate",
    "scenarios:\n  a:\n    casette: openai": "line 3: scenario a: casette: unknown key 'casette'; did you mean",
    "scenarios:\n  a:\n    simulate: openai\n    fault: x": "line 4: scenario a: fault: unknown key 'fault'; did",
    "scenarios:\n  a:\n    simulate: openai\n    pacing: instant": "unknown key 'pacing'",
    "scenarios: {a: {simulate: opneai}}": "scenario a: simulate: simulator('opneai'): expected one of",
    "scenarios:\n  a:\n    simulate: openai\n    set: {paec: instant}": (
        "line 4: scenario a: set: simulator: unknown setting 'paec'"
    ),
    "scenarios: {a: {simulate: openai, set: {pace: quick}}}": "scenario a: set: simulator: pace='quick'",
    "scenarios: {a: {simulate: openai, set: {at: 3}}}": 'expected a path such as "/gateway", not 3',
    "scenarios: {a: {simulate: openai, seed: seven}}": "scenario a: seed: should be a valid integer, not 'seven'",
    "scenarios: {a: {simulate: openai, seed: '7'}}": "scenario a: seed: should be a valid integer, not '7'",
    "scenarios: {a: {simulate: openai, faults: [dely 3s]}}": "scenario a: faults: ",
    "scenarios: {a: {simulate: openai, faults: [delay 2s on response.craeted]}}": "response.created",
    "scenarios: {a: {simulate: openai, faults: 7}}": "scenario a: faults: should be a valid list, not 7",
    "scenarios: {a: {simulate: openai, replies: none.yaml}}": "scenario a: replies: none.yaml: cannot be read",
    "scenarios: {a: {cassette: none}}": "scenario a: cassette: ",
    "scenarios: {a: {cassette: []}}": "at least 1 item",
    "scenarios: {a: {cassette: ../openai}}": "it leaves its folder",
    "scenarios: {a: {cassette: /etc/passwd}}": "it is absolute",
    "scenarios: {a: {cassette: link}}": "a link leads out",
    "scenarios: {a: {cassette: bad}}": "scenario a: cassette: ",
    "scenarios: {a: {cassette: own, pacing: fast}}": "scenario a: pacing: ",
    "scenarios: {a: {cassette: own, rules: {volatil: [x]}}}": "unknown key 'volatil'",
    "scenarios: {a: {cassette: own, patience: -1}}": "scenario a: patience: ",
    "scenarios: {a: {cassette: own, on_stall: stop}}": "scenario a: on_stall: ",
    "scenarios: {a: {script: none.py}}": "scenario a: script: ",
    "scenarios: {a: {script: ../x.py}}": "it leaves its folder",
    "scenarios: {a: {script: broken.py}}": "broken.py, line 1: ZeroDivisionError",
    "scenarios: {a: {script: says.py:helo}}": "no script named helo in it; it has hello",
    "folder: nowhere\nscenarios: {a: {cassette: own}}": "line 1: folder: folder 'nowhere': no such folder",
    "folder: nosuch://x\nscenarios: {a: {cassette: own}}": "ValueError: Protocol not known: nosuch",
    "folder: memory://x\nscenarios: {a: {cassette: own}}": "memory://x/own.cassette: no such file there",
    "folder: memory://x\nscenarios: {a: {script: says.py}}": "taken from a folder of this machine alone",
    "folder: memory://x\nscenarios: {a: {cassette: ../own}}": "it leaves its folder",
}


def test_each_kind_of_mistake_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.cassette").write_bytes((CASSETTES / "openai.cassette").read_bytes())
    (tmp_path / "bad.cassette").write_bytes(b"no cassette at all")
    (tmp_path / "link.cassette").symlink_to(CASSETTES / "openai.cassette")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "says.py").write_text("from mockserver import script\nhello = script(script.send({'type': 'hi'}))\n")

    def told(case: tuple[str, str]) -> None:
        text, said = case
        made = file(tmp_path, text)
        with pytest.raises(UsageError) as error:
            programme(made)
        line = str(error.value)
        assert said in line, line
        assert line.startswith(str(made)), line
        assert "\n" not in line, line

    every(MISTAKES.items(), told)
    programme(file(tmp_path, GOOD))  # the control: a file without a mistake is read


def test_a_folder_in_object_storage_is_read(tmp_path: Path) -> None:
    import fsspec

    storage = fsspec.filesystem("memory")
    storage.pipe("/bucket/demo/openai.cassette", (CASSETTES / "openai.cassette").read_bytes())
    text = "folder: memory://bucket\nscenarios: {a: {cassette: demo/openai}}"
    found = programme(file(tmp_path, text)).scenarios["a"]
    assert found.dialect.name == "openai"
    assert storage.ls("/bucket/demo", detail=False) == ["/bucket/demo/openai.cassette"]


def test_a_thousand_scenarios_read_each_cassette_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps a large file under a second (docs/scale.md)."""
    data = (CASSETTES / "openai.cassette").read_bytes()
    for number in range(100):
        (tmp_path / f"c{number}.cassette").write_bytes(data)
    lines = [f"  n{n}: {{cassette: c{n % 100}, pacing: instant, faults: [reset after 3s]}}" for n in range(500)]
    lines += [f"  m{n}: {{simulate: openai, set: {{pace: instant}}}}" for n in range(500)]
    made = file(tmp_path, "\n".join(["scenarios:", *lines]))
    read: list[Path] = []

    def counted(path: Path) -> Cassette:
        read.append(path)
        return load(path)

    monkeypatch.setattr(folders, "load", counted)
    assert len(programme(made).scenarios) == 1_000
    assert len(read) == len(set(read)) == 100
