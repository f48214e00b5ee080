"""``mockserver init``, and the options of all commands by environment variable."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from mockserver import MockServer, __version__
from mockserver.cli import COMMANDS, GROUPS, main
from mockserver.cli.init import FIRST_TEST
from tests import warm
from tests.cli.conftest import process

Run = Callable[..., Result]
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]


def run_tests(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in a project, as its owner runs it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "OPENAI"))}
    env |= {"OPENAI_API_KEY": "the-owners-key", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [warm.python(), *PYTEST, *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=50, check=False)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }


def test_what_it_writes_into_an_empty_folder_runs(run: Run, tmp_path: Path) -> None:
    done = run("init", tmp_path)
    assert done.exit_code == 0
    written = contents(tmp_path)
    assert set(written) == {
        FIRST_TEST,
        "tests/cassettes/README.md",
        ".github/workflows/realtime-voice.yml",
        "pytest.ini",
        ".gitattributes",
    }
    assert all(name in done.output for name in written)
    ran = run_tests(tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout


def test_who_has_no_pytest_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"next: pytest {tmp_path / FIRST_TEST}" in run("init", tmp_path).output
    monkeypatch.setattr("mockserver.cli.init.find_spec", lambda name: None)
    assert f"next: pip install pytest, then pytest {tmp_path / FIRST_TEST}" in run("init", tmp_path).output


def test_the_first_tests_can_fail(run: Run, tmp_path: Path) -> None:
    run("init", tmp_path)
    path = tmp_path / FIRST_TEST
    text = path.read_text("utf-8")
    text = text.replace("close 1011 on", "close 1012 on").replace('"Good morning.")', '"Good night.")')
    path.write_text(text, "utf-8")
    assert "2 failed" in run_tests(tmp_path).stdout


def test_the_recorded_test_that_it_describes_is_recorded_and_played(
    run: Run, tmp_path: Path, upstream: MockServer
) -> None:
    run("init", tmp_path)
    text = (tmp_path / FIRST_TEST).read_text("utf-8")
    lines = [line.removeprefix("#     ") for line in text.splitlines() if line.startswith("#     ")]
    test = "\n".join(lines).replace('"hello" in', '"" ==') + "\n"  # the upstream of these tests says nothing
    head, _, _ = text.partition("@pytest.mark")
    (tmp_path / "tests" / "test_recorded.py").write_text(head + test, "utf-8")
    assert "1 error" in run_tests(tmp_path, "tests/test_recorded.py").stdout  # no cassette yet
    recorded = run_tests(
        tmp_path,
        "tests/test_recorded.py",
        "--realtime-mock-record=once",
        f"--realtime-mock-upstream={upstream.base_url}",
    )
    assert "1 passed" in recorded.stdout, recorded.stdout
    assert (tmp_path / "tests/cassettes/test_recorded/test_the_recorded_reply.cassette").is_file()
    assert "1 passed" in run_tests(tmp_path, "tests/test_recorded.py").stdout


def test_nothing_is_overwritten_and_a_second_time_changes_nothing(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / FIRST_TEST
    mine.parent.mkdir()
    mine.write_text("mine\n", "utf-8")
    (tmp_path / ".gitattributes").write_text("*.png binary", "utf-8")
    run("init", tmp_path)
    after = contents(tmp_path)
    assert after[FIRST_TEST] == "mine\n"
    assert after[".gitattributes"].splitlines()[0] == "*.png binary"
    again = run("init", tmp_path)
    assert contents(tmp_path) == after
    assert "wrote" not in again.output


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options]\n", 'realtime_mock_upstream = "openai"'),
        ("setup.cfg", "[tool:pytest]\n", "realtime_mock_upstream = openai"),
        ("tox.ini", "[pytest]\n", "realtime_mock_upstream = openai"),
        ("pytest.ini", "[pytest]\n", "realtime_mock_upstream = openai"),
    ],
)
def test_settings_that_are_there_are_not_shadowed(run: Run, tmp_path: Path, name: str, text: str, line: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    output = run("init", tmp_path).output
    assert f"kept   {name}" in output
    assert line in output
    assert [path.name for path in tmp_path.glob("pytest.ini")] == (["pytest.ini"] if name == "pytest.ini" else [])


def test_the_workflow_installs_a_project_that_can_be_installed(run: Run, tmp_path: Path) -> None:
    for folder, project, installs in (("a", '[project]\nname = "x"\n', "-e . "), ("b", "", "")):
        place = tmp_path / folder
        place.mkdir()
        (place / "pyproject.toml").write_text(project, "utf-8")
        run("init", place)
        workflow = yaml.safe_load((place / ".github/workflows/realtime-voice.yml").read_text("utf-8"))
        steps = [step["run"] for step in workflow["jobs"]["tests"]["steps"] if "run" in step]
        assert steps[0] == f"python -m pip install {installs}realtime-mockserver pytest"
        assert workflow["permissions"] == {"contents": "read"}


def test_what_cannot_be_read_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[", "utf-8")
    for folder, told in ((tmp_path, "not TOML"), (tmp_path / "none", "is no folder")):
        done = run("init", folder)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert told in done.stderr


# --- variables ---


def test_every_option_has_a_variable_of_its_own() -> None:
    context = click.Context(main)
    names = []
    for command in COMMANDS:
        found = main.get_command(context, command)
        assert found is not None
        names += [one.envvar for one in found.params if isinstance(one, click.Option)]
    assert len(set(names)) == len(names)
    assert {"MOCKSERVER_SIMULATE_PORT", "MOCKSERVER_RECORD_TOKEN_FILE", "MOCKSERVER_REPLAY_FAULT"} <= set(names)
    # What the server sets for a command must never be taken for an option.
    assert {"MOCKSERVER_URL", "MOCKSERVER_BASE_URL", "MOCKSERVER_WS_URL"}.isdisjoint(names)


def test_an_option_by_variable_is_as_one_by_word(tmp_path: Path) -> None:
    program = (
        "import json, os, urllib.request as u; at = os.environ['MOCKSERVER_URL'] + '/__mockserver__/faults';"
        "print([fault['spec'] for fault in json.load(u.urlopen(at))['faults']])"
    )
    command = ("simulate", "openai", "--", sys.executable, "-c", program)
    both = "delay 11s on response.created optional\nreset after 3s optional\n"
    assert "[]" in process(*command).stdout
    with_both = process(*command, env={"MOCKSERVER_SIMULATE_FAULT": both}).stdout
    assert all(line in with_both for line in both.splitlines())


def test_a_wrong_value_in_a_variable_is_told_with_its_name() -> None:
    done = CliRunner().invoke(main, ["simulate", "openai"], env={"MOCKSERVER_SIMULATE_PORT": "many"})
    assert done.exit_code == 2
    assert "MOCKSERVER_SIMULATE_PORT" in done.stderr
    # A word on the command line wins.
    done = CliRunner().invoke(main, ["faults", "--json"], env={"MOCKSERVER_VERSION": "1.2", "MOCKSERVER_HELP": "x"})
    assert done.exit_code == 0


def test_the_version_and_the_list_in_groups(run: Run) -> None:
    assert run("-V").output == run("--version").output == f"mockserver {__version__}\n"
    listed = run("--help").output
    places = [listed.index(f"\n{title}:\n") for title in GROUPS]
    assert places == sorted(places)
    assert all(f"\n  {name} " in listed for name in COMMANDS)
    assert {name for names in GROUPS.values() for name in names} == set(COMMANDS)


@pytest.mark.parametrize(("shell", "told"), [("bash", "complete -o nosort"), ("zsh", "#compdef"), ("fish", "complete")])
def test_shells_can_complete_the_command(shell: str, told: str) -> None:
    assert told in process(env={"_MOCKSERVER_COMPLETE": f"{shell}_source"}).stdout
