"""``mockserver init``: a project's first tests, and what a project with cassettes needs. Nothing is overwritten.

What is written stands in the folder ``first`` beside this module, as text, because it is about one provider's clients.
"""

from __future__ import annotations

import configparser
import tomllib
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from mockserver.cli.git import ATTRIBUTES, with_attributes
from mockserver.cli.kinds import FOLDER
from mockserver.errors import UsageError

FIRST_TEST = "tests/test_realtime_voice.py"
FILES = {
    FIRST_TEST: "test_realtime_voice.txt",
    "tests/cassettes/README.md": "cassettes.txt",
    ".github/workflows/realtime-voice.yml": "workflow.txt",
}
"""Where it goes -> the text of it."""
TOOLS = "realtime-mockserver pytest"


@click.command("init")
@click.argument("folder", type=FOLDER, default=".")
def init_command(folder: Path) -> None:
    """Write first tests into the project in FOLDER (here, if not given), and what they need.

    That is: tests that run at once, a folder for cassettes, pytest's settings, the line of .gitattributes and a CI
    workflow. A file that is there already is left as it is.
    """
    if not folder.is_dir():
        raise UsageError(f"init: {folder} is no folder; make it first, or name the folder of your project")
    for name, text in FILES.items():
        _write(folder, name, _text(text).replace("INSTALL", _installed(folder)))
    _settings(folder)
    _attributes(folder)
    missing = "" if find_spec("pytest") else "pip install pytest, then "
    click.echo(f"next: {missing}pytest {folder / FIRST_TEST}")


def _text(name: str) -> str:
    return (resources.files(__package__) / "first" / name).read_text(encoding="utf-8")


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        click.echo(f"kept   {name}: it was there")
    else:
        click.echo(f"wrote  {name}")


def _installed(folder: Path) -> str:
    """What a CI job installs: the project too, where it can be installed."""
    return f"-e . {TOOLS}" if "project" in _toml(folder / "pyproject.toml") else TOOLS


def _settings(folder: Path) -> None:
    """pytest's settings, in a file of their own; where the project has some, what to add to them is said."""
    text, place = _text("pytest_ini.txt"), _configured(folder)
    if place is None:
        _write(folder, "pytest.ini", text)
        return
    if "realtime_mock_" in (folder / place).read_text(encoding="utf-8"):
        click.echo(f"kept   {place}: it has settings of the plugin")
        return
    settings = [line.partition(" = ") for line in text.splitlines() if " = " in line]
    quote = '"' if place.endswith(".toml") else ""
    wanted = ", ".join(f"{name} = {quote}{value}{quote}" for name, _, value in settings)
    click.echo(f"kept   {place}: pytest's settings are there; add to them: {wanted}")


def _configured(folder: Path) -> str | None:
    """The file that pytest takes its settings from, in pytest's own order."""
    for name in ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"):
        if (folder / name).is_file():
            return name
    if "pytest" in _toml(folder / "pyproject.toml").get("tool", {}):
        return "pyproject.toml"
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        read = configparser.RawConfigParser(strict=False)
        try:
            read.read(folder / name, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise UsageError(f"init: {folder / name} cannot be read: {error}") from None
        if read.has_section(section):
            return name
    return None


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"init: {path} is not TOML: {error}") from None


def _attributes(folder: Path) -> None:
    path = folder / ".gitattributes"
    if with_attributes(path):
        click.echo(f"added  to {path.name}: {ATTRIBUTES}")
    else:
        click.echo(f"kept   {path.name}: it has the line for cassettes")
