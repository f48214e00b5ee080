"""Every snippet of the README and the documentation runs, in order, as a reader would run it; so does the demo."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from mockserver import MockServer, Rules, simulator
from mockserver.cassette.store import load
from mockserver.cli import COMMANDS, main
from tests import docs
from tests.every import every

TOP = docs.TOP


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """What stands for the real service."""
    source = simulator("openai", replier=Rules.from_yaml("rules: [{when: {user: weather}, say: It snows in Oslo.}]"))
    with MockServer(source).in_thread() as server:
        yield server.base_url


def played(page: Path) -> Any:
    """A page as a parameter. One with programs of another language is left out where the machine lacks them."""
    missing = ", ".join(docs.missing(page))
    mark = pytest.mark.skipif(bool(missing), reason=f"the page runs {missing}, not found here")
    if docs.of_npm(page):
        mark = pytest.mark.skip(reason="the page needs packages of npm: make test-clients plays it")
    return pytest.param(page, marks=mark, id=page.relative_to(TOP).as_posix())


@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", [played(page) for page in docs.pages()])
def test_every_snippet_of_a_page_runs(page: Path, tmp_path: Path, upstream: str) -> None:
    done = docs.play(page, tmp_path, upstream)
    assert len(done) >= sum(snippet.language in ("python", "sh") for snippet in docs.snippets(page))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```python\nassert 1 == 2\n```\n", "AssertionError"),
        (
            "```python\n# test_x.py\ndef test_x():\n    assert False\n```\n```sh\npytest test_x.py\n```\n",
            "1 failed",
        ),
        ("```sh\nmockserver show missing.cassette\n```\n", "no such cassette"),
        ("```sh\npip install left-pad\n```\n", "left-pad"),
    ],
)
def test_a_snippet_that_does_not_run_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    page = TOP / "docs" / "no-such-page.md"
    monkeypatch.setattr(Path, "read_text", reading(page, text))
    with pytest.raises(AssertionError, match=told):
        docs.play(page, tmp_path, "http://127.0.0.1:9")


def reading(page: Path, text: str):
    """``Path.read_text`` with one page more."""
    real = Path.read_text
    return lambda path, *more, **options: text if path == page else real(path, *more, **options)


SHOWN = re.compile(r"^    mockserver ([a-z-]+)(.*)$|`mockserver ([a-z-]+)([^`\n]*)`", re.MULTILINE)


def test_a_command_that_is_shown_and_not_run_is_one_that_there_is() -> None:
    """Indented ones and those in a sentence: they name what only a reader has, a key or another language's program."""

    def there(page: Path) -> None:
        for found in SHOWN.findall(page.read_text(encoding="utf-8")):
            name, rest = (found[0], found[1]) if found[0] else (found[2], found[3])
            assert name in COMMANDS, f"mockserver {name}{rest}"
            command = main.get_command(click.Context(main), name)
            assert command is not None
            known = {word for one in command.params for word in one.opts} | {"--help"}
            own = rest.partition(" -- ")[0]
            assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", own)) <= known, f"mockserver {name}{rest}"

    every(docs.pages(), there)


def test_every_link_to_a_file_leads_to_one() -> None:
    def lead(page: Path) -> None:
        links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []

    every(docs.pages(), lead)


def test_the_two_commands_of_the_readme_are_targets() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test", "check"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "docs/install.md"])
def test_a_page_for_beginners_installs_what_it_runs(name: str) -> None:
    commands = [line for one in docs.snippets(TOP / name) if one.language == "sh" for line in docs.lines(one.text)]
    first = next(place for place, line in enumerate(commands) if "pytest " in line and not line.startswith("pip"))
    asked = [word for line in commands[:first] if line.startswith("pip") for word in line.split()[2:]]
    assert {"realtime-mockserver", "pytest"} <= {docs.requirement(word) for word in asked}


def test_every_page_can_be_found_from_the_index() -> None:
    found, todo = set(), [TOP / "docs" / "index.md"]
    while todo:
        page = todo.pop().resolve()
        if page not in found and page.suffix == ".md":
            found.add(page)
            links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
            todo += [page.parent / link for link in links]
    assert [page for page in docs.pages() if page.parent != TOP and page.resolve() not in found] == []


def test_the_demo_shows_that_replay_is_what_was_recorded() -> None:
    done = subprocess.run(
        [sys.executable, TOP / "docs" / "demo" / "demo.py"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heard = "heard: It is snowing in Oslo, and two degrees below zero."
    assert len(re.findall(re.escape(heard), done.stdout)) == 2
    assert "The client saw the same events and words both times." in done.stdout


def test_the_demos_cassette_says_where_it_comes_from() -> None:
    cassette = load(TOP / "cassettes" / "demo.cassette")
    assert cassette.header.origin.startswith("mockserver record --upstream http://127.0.0.1:")
    assert (cassette.header.dialect, cassette.header.ended) == ("openai", "clean")


@pytest.mark.parametrize("name", ["tests.yml", "nightly.yml"])
def test_the_workflows_give_no_secret_to_a_pull_request(name: str) -> None:
    text = (TOP / "docs" / "ci" / name).read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    # YAML 1.1 reads the key `on` as true.
    triggers = set(workflow[True])
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in triggers
    assert ("secrets." in text) <= ("pull_request" not in triggers)
    assert "--realtime-mock-record=" in text
