"""docs/review.md shows what its commands print; ``review`` and the action on it say what has happened to cassettes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from mockserver.cassette.model import Cassette, Header
from mockserver.cassette.store import save
from tests import docs, warm
from tests.cli.conftest import talk, written
from tests.cli.test_check import KEY, leaking

PAGE = docs.TOP / "docs" / "review.md"


@pytest.mark.timeout(180)  # some twenty commands, each a process
def test_the_page_shows_what_its_commands_print(tmp_path: Path) -> None:
    blocks = list(docs.snippets(PAGE))
    for block in blocks:
        if block.name:
            (tmp_path / block.name).write_text(block.text, encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    compared = 0
    for block in (one for one in blocks if one.language == "sh"):
        printed = "".join(told(line, tmp_path) for line in docs.lines(block.text))
        shown = re.match(r"\n((?:    .*\n|\n)+)", text.partition(f"{block.text}```\n")[2])
        if shown is not None:
            assert re.sub(r"(?m)^    ", "", shown[1]).strip() == printed.strip()
            compared += 1
    assert compared == 3


def told(line: str, folder: Path) -> str:
    """What a command prints."""
    path = f"{warm.folder() or Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", "-ec", line], cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=True
    )
    return done.stdout


Run = Callable[..., Result]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three cassettes are committed; then one is changed, one is new, one is gone, and one stays."""
    top = tmp_path / "project"
    top.mkdir()
    git(top, "init", "-q")
    for name in ("changed", "gone", "stays"):
        written(top / f"{name}.cassette", talk(instructions="be kind"))
    git(top, "add", "-A")
    git(top, "commit", "-qm", "before")
    (top / "gone.cassette").unlink()
    (top / "changed.cassette").unlink()
    written(top / "changed.cassette", talk(instructions="be brief"))
    made = Cassette(Header("openai", faults=("drop on `response.done`",)), (talk(instructions="x"),))
    save(made, top / "new.cassette")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "after")
    monkeypatch.chdir(top)
    return top


def test_what_has_happened_to_cassettes(run: Run, repository: Path) -> None:
    done = run("review", "HEAD^")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("## Cassettes: 3 changed, 0 wrong\n")
    assert 'instructions: "be kind"\n+' in done.stdout
    assert "### `gone.cassette`: removed" in done.stdout
    assert "### `new.cassette`: new\n\nMade while faults stood around the client" in done.stdout
    assert "drop on `response.done`" in done.stdout
    assert "stays" not in done.stdout


def test_what_is_wrong_is_told_first_and_a_secret_is_not_shown(run: Run, repository: Path) -> None:
    leaking(repository / "new.cassette")
    (repository / "changed.cassette").write_bytes((repository / "changed.cassette").read_bytes()[:-9])
    done = run("review", "HEAD^")
    assert done.exit_code == 1
    assert done.stdout.startswith(
        "## Cassettes: 3 changed, 2 wrong\n\n### What is wrong\n\n- `changed.cassette`: `` damaged"
    )
    assert "- `new.cassette`: `connection 0, frame 1 (client), a string holds a secret" in done.stdout
    assert "### `new.cassette`: not shown, see above" in done.stdout
    assert KEY not in done.stdout
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "leaks")
    (repository / "new.cassette").unlink()
    written(repository / "new.cassette", talk(instructions="x"))
    mended = run("review", "HEAD")  # what it was before holds the secret
    assert KEY not in mended.stdout
    assert "it held a secret" in mended.stdout


def test_use_is_looked_at_where_a_run_is_noted(run: Run, repository: Path) -> None:
    done = run("review", "HEAD^", "--used")
    assert (done.exit_code, "no test run is noted here" in done.stderr) == (2, True)
    notes = repository / ".pytest_cache/d/realtime_mock/main.jsonl"
    notes.parent.mkdir(parents=True)
    used = ({"cassette": f"{name}.cassette", "test": "test_it.py::test_it"} for name in ("changed", "stays"))
    notes.write_text("".join(f"{json.dumps(one)}\n" for one in used))
    (repository / "test_it.py").write_text("def test_it(): ...\n")
    done = run("review", "HEAD^", "--used")
    assert done.exit_code == 1
    assert "- `new.cassette`: `no test uses it`" in done.stdout
    assert "stays.cassette" not in done.stdout


def test_a_commit_that_is_not_there_is_one_line(run: Run, repository: Path) -> None:
    done = run("review", "nowhere")
    assert done.exit_code == 2
    assert "is BASE a commit that this clone has?" in done.stderr


def test_the_actions_script_writes_the_summary_and_fails_where_something_is_wrong(repository: Path) -> None:
    def acted() -> subprocess.CompletedProcess[str]:
        env = {"BASE": git(repository, "rev-parse", "HEAD^"), "USED": "false", "PYTHON": warm.python(), "TO": "r.md"}
        env |= {"HERE": str(docs.TOP), "GITHUB_STEP_SUMMARY": "summary.md", "PATH": os.environ["PATH"]}
        script = docs.TOP / "docs/ci/review.sh"
        return subprocess.run(["bash", script], cwd=repository, env=env, capture_output=True, text=True, check=False)

    good = acted()
    assert good.returncode == 0, good.stderr
    assert (repository / "summary.md").read_text() == (repository / "r.md").read_text()
    assert (repository / "summary.md").read_text().startswith("## Cassettes: 3 changed, 0 wrong")
    leaking(repository / "new.cassette")
    assert acted().returncode == 1
    assert "1 wrong" in (repository / "r.md").read_text()


def test_the_action_and_the_workflows_on_it_are_what_they_say() -> None:
    action = yaml.safe_load((docs.TOP / "action.yml").read_text())
    (step,) = action["runs"]["steps"]
    assert {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]} <= set(step["env"].values())
    assert "${{" not in step["run"]  # nothing of a pull request becomes part of a script
    assert action["inputs"]["used"]["default"] == "true"
    comment = yaml.safe_load((docs.TOP / "docs/ci/comment.yml").read_text())
    assert comment["permissions"] == {"actions": "read", "pull-requests": "write"}
    steps = comment["jobs"]["comment"]["steps"]
    assert not any("checkout" in one.get("uses", "") for one in steps)  # nothing of the fork's is run
    assert all("${{" not in one.get("run", "") for one in steps)
    review = yaml.safe_load((docs.TOP / "docs/ci/review.yml").read_text())
    assert review["permissions"] == {"contents": "read"}
    (hook,) = yaml.safe_load((docs.TOP / ".pre-commit-hooks.yaml").read_text())
    assert (hook["entry"], hook["language"]) == ("mockserver check", "python")


def test_a_page_of_two_lists_waits_that_have_changed_and_does_not_count_them(run: Run, tmp_path: Path) -> None:
    first = written(tmp_path / "first.cassette", talk(instructions="x"))
    one = talk(instructions="x")
    late = tuple(
        replace(record, at=record.at + (3_000_000 if place > 1 else 0)) for place, record in enumerate(one.records)
    )
    second = written(tmp_path / "second.cassette", replace(one, records=late))
    assert run("view", first, second, "--to", tmp_path / "both.html").exit_code == 0
    told = re.search(r'"differences":(\[.*?\}\])', (tmp_path / "both.html").read_text(encoding="utf-8"))
    assert told is not None
    (wait,) = json.loads(told[1])
    assert wait["wait"]
    assert "after the frame before it" in wait["what"]
