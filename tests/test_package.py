"""The package as a release builds it: what is in it, what an index makes of it, and that it runs alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

from mockserver import __version__
from tests.docs import TOP

REPOSITORY = "https://forge.example/someone/theirs"
NAME = f"realtime_mockserver-{__version__}"
WORKFLOWS = TOP / ".github" / "workflows"


def build(folder: Path, **env: str) -> tuple[Path, Path]:
    """Sdist and wheel, made as ``python -m build --no-isolation`` makes them: without a network."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB", "PROJECT_"))}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=TOP, env=kept | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / f"{NAME}.tar.gz", folder / f"{NAME}-py3-none-any.whl"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("built"), PROJECT_REPOSITORY=REPOSITORY)


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as packed:
        return Parser().parsestr(packed.read(f"{NAME}.dist-info/METADATA").decode())


def sources(folder: str) -> set[str]:
    """The files below a folder of the repository, without what running them leaves."""
    files = (path for path in (TOP / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(TOP).as_posix() for path in files}


def test_the_wheel_holds_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as packed:
        names = {name for name in packed.namelist() if not name.startswith(f"{NAME}.dist-info/")}
    assert {"mockserver/py.typed", "mockserver/view/page/page.html", "mockserver/view/page/main.js"} <= names
    assert names == sources("mockserver")


def test_the_sdist_holds_what_tests_and_documentation_need(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as packed:
        names = {name.removeprefix(f"{NAME}/") for name in packed.getnames()}
    for folder in ("mockserver", "docs", "tests"):
        assert sources(folder) <= names
    pages = {path.name for path in TOP.glob("*.md")}
    assert {"README.md", "CHANGELOG.md", "SECURITY.md"} <= pages
    assert pages | {"LICENSE", "Makefile", "pyproject.toml", "hatch_build.py", "cassettes/demo.cassette"} <= names
    assert [name for name in names if re.search(r"\.(partial|unsafe|pyc)$|^\.venv|^\.env$", name)] == []


def test_an_index_takes_both(built: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_links_of_the_readme_work_on_an_index(built: tuple[Path, Path]) -> None:
    about = metadata(built[1])
    links = re.findall(r"\]\(([^)]+)\)", str(about.get_payload()))
    ours = [link for link in links if link.startswith(REPOSITORY)]
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert ours
    for link in ours:
        assert (TOP / link.removeprefix(f"{REPOSITORY}/blob/main/").partition("#")[0]).exists(), link
    urls = dict(line.split(", ", 1) for line in about.get_all("Project-URL", []))
    assert urls["Source"] == REPOSITORY
    assert urls["Changelog"] == f"{REPOSITORY}/blob/main/CHANGELOG.md"


def test_a_release_links_to_its_own_files_and_a_build_of_nobody_to_nothing(tmp_path: Path) -> None:
    _, wheel = build(
        tmp_path / "release",
        GITHUB_SERVER_URL="https://forge.example",
        GITHUB_REPOSITORY="a/b",
        GITHUB_REF_TYPE="tag",
        GITHUB_REF_NAME="v0.1.0",
    )
    assert "https://forge.example/a/b/blob/v0.1.0/docs/index.md" in str(metadata(wheel).get_payload())
    _, wheel = build(tmp_path / "nobody")
    assert metadata(wheel).get_all("Project-URL") is None
    assert "](docs/index.md)" in str(metadata(wheel).get_payload())


def test_the_wheel_runs_alone(built: tuple[Path, Path], tmp_path: Path) -> None:
    place = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(place)]
    subprocess.run([*pip, str(built[1])], check=True, capture_output=True)
    program = "import mockserver, sys; print(mockserver.__file__); from mockserver.cli import main; main(['--version'])"
    env = os.environ | {"PYTHONPATH": str(place), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    where, version = done.stdout.splitlines()
    assert Path(where).is_relative_to(place)
    assert version == f"mockserver {__version__}"


def test_every_extra_stands_in_the_table(built: tuple[Path, Path]) -> None:
    table = (TOP / "docs" / "install.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `\[(\w+)\]` \|", table, re.MULTILINE)) == set(
        metadata(built[1]).get_all("Provides-Extra", [])
    )


def test_every_python_that_is_promised_is_tested(built: tuple[Path, Path]) -> None:
    promised = {
        word.rsplit(" ", 1)[1]
        for word in metadata(built[1]).get_all("Classifier", [])
        if re.search(r":: 3\.\d+$", word)
    }
    ci = yaml.safe_load((WORKFLOWS / "ci.yml").read_text(encoding="utf-8"))
    matrix = ci["jobs"]["tests"]["strategy"]["matrix"]
    assert promised | {"3.14t"} == set(matrix["python"])
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} <= {
        *matrix["os"],
        *(more["os"] for more in matrix["include"]),
    }


def test_a_release_is_published_without_a_stored_secret() -> None:
    text = (WORKFLOWS / "release.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert "secrets." not in text
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == "build"
    assert "twine check --strict" in text
    # What builds does not hold the right to publish.
    assert "permissions" not in jobs["build"]
