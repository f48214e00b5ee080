"""A provider that is not part of the package: the one of docs/add-a-provider.md, as the page has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver import faults
from mockserver.dialects import registry
from mockserver.dialects.registry import dialect_named
from mockserver.engines.simulator import providers, simulator
from mockserver.errors import UsageError
from mockserver.faults.names import check_names
from tests.docs import TOP, play, snippets

PAGE = TOP / "docs" / "add-a-provider.md"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's file is imported; afterwards nothing knows the provider any more."""
    (source,) = [one.text for one in snippets(PAGE) if one.name == "acme.py"]
    (tmp_path / "acme.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    known, claims, homes = dict(registry.DIALECTS), list(registry._CLAIMS), dict(providers.HOMES)
    try:
        __import__("acme")
        yield tmp_path
    finally:
        sys.modules.pop("acme", None)
        registry.DIALECTS.clear()
        registry.DIALECTS.update(known)
        registry._CLAIMS[:] = claims
        providers.HOMES.clear()
        providers.HOMES.update(homes)


def test_the_page_is_as_short_as_it_says() -> None:
    (source,) = [one.text for one in snippets(PAGE) if one.name == "acme.py"]
    assert len([line for line in source.splitlines()[1:] if line.strip()]) <= 60


@pytest.mark.wire
def test_the_page_runs(tmp_path: Path) -> None:
    assert play(PAGE, tmp_path, "none")


def test_a_registered_provider_is_one_like_any_other(acme: Path) -> None:
    source = simulator("acme")
    assert source.dialect is dialect_named("acme")
    assert repr(source).startswith("simulator('acme'")
    check_names(faults.drop("word"), source.dialect)
    with pytest.raises(UsageError, match="'wrd' is no event of Acme Voice; did you mean 'word'"):
        check_names(faults.drop("wrd"), source.dialect)
    with pytest.raises(UsageError, match="Acme Voice has no events that are known to end a reply as failed"):
        faults.fail().arm().check(source.dialect)
    with pytest.raises(UsageError, match="a provider is called 'acme' already"):
        providers.register(source.dialect)


def test_without_the_registration_nobody_knows_it() -> None:
    with pytest.raises(UsageError, match="expected one of"):
        simulator("acme")


@pytest.mark.wire
def test_the_command_line_finds_an_installed_one_by_its_entry_point(acme: Path) -> None:
    info = acme / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (entry,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    lines = entry.replace('[project.entry-points."mockserver.providers"]', "[mockserver.providers]").replace('"', "")
    (info / "entry_points.txt").write_text(lines)

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "mockserver", *words]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(acme), str(TOP)])}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False, cwd=acme)
        return done.stdout + done.stderr

    assert "delay 11s on begin" in run("faults", "--provider", "acme")
    (acme / "acme.py").write_text("1 / 0\n")
    told = run("faults", "--provider", "acme")
    assert "provider 'acme' of an installed package cannot be loaded (acme): ZeroDivisionError" in told
    assert "Traceback" not in told
