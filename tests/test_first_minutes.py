"""The first minutes of somebody who tries the package: from the built wheel, in a folder with nothing but Python."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.first_minutes import TOP, Minutes, python_of


@pytest.mark.timeout(120)
def test_from_the_wheel_to_a_recorded_test_under_a_fault(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=TOP, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    environment, project = tmp_path / "venv", tmp_path / "project"
    project.mkdir()
    venv.create(environment, with_pip=False)
    paths = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    # What the package needs is taken from here. The package itself is not: files that add paths count in `site` alone.
    (site / "needed.pth").write_text(sysconfig.get_path("purelib"))
    minutes = Minutes(python_of(environment), project)
    minutes.run("mockserver", "--version", told="mockserver ")
    where = "import mockserver; print(mockserver.__file__)"
    found = subprocess.check_output([python_of(environment), "-c", where], cwd=project, text=True)
    assert Path(found).is_relative_to(site)
    minutes.adopt()
    assert len(minutes.took) == 4
    assert (project / "tests/cassettes/test_realtime_voice/test_the_recorded_reply.cassette").is_file()


def test_a_step_that_fails_says_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no such cassette"):
        Minutes(Path(sys.executable), tmp_path).run("mockserver", "show", "missing.cassette", told="")
    with pytest.raises(AssertionError, match="'nowhere' is not in what"):
        Minutes(Path(sys.executable), tmp_path).run("mockserver", "--version", told="nowhere")
