"""The load examples with Locust, HAProxy and the schemas of Kubernetes: what the pages say is what happens."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import docs

HOME = Path(os.environ.get("MOCKSERVER_CLIENTS", "")) / "load"
"""Where ``make test-clients`` installs Locust and the schemas."""
pytestmark = pytest.mark.skipif(
    not (HOME / "installed").exists(), reason="Locust could not be installed: load.log says why"
)
EXAMPLE = docs.TOP / "docs" / "examples" / "load"


def test_the_manifests_are_what_kubernetes_takes(tmp_path: Path) -> None:
    command = [str(HOME / "bin" / "kubernetes-validate"), "--strict"]
    done = subprocess.run([*command, str(EXAMPLE / "kubernetes.yaml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("passed") == 3
    wrong = (EXAMPLE / "kubernetes.yaml").read_text(encoding="utf-8").replace("minReplicas", "minReplica")
    (tmp_path / "wrong.yaml").write_text(wrong)
    control = subprocess.run([*command, str(tmp_path / "wrong.yaml")], capture_output=True, text=True, check=False)
    assert control.returncode != 0


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no program haproxy on the PATH")
@pytest.mark.timeout(200)
def test_one_replica_is_killed_and_only_its_sessions_end(tmp_path: Path) -> None:
    folder = tmp_path / "load"
    shutil.copytree(EXAMPLE, folder)
    command = [str(HOME / "bin" / "python"), "run.py", "--users", "30", "--seconds", "45", "--rate", "10"]
    done = subprocess.run(
        [*command, "--port", "4999"], cwd=folder, capture_output=True, text=True, timeout=150, check=False
    )
    told = done.stdout + done.stderr
    assert "replica 2 killed" in told, told
    with (folder / "load_stats.csv").open(encoding="utf-8") as file:
        figures = {row["Name"]: row for row in csv.DictReader(file)}
    assert int(figures["text: connect"]["Failure Count"]) == 0
    with (folder / "load_failures.csv").open(encoding="utf-8") as file:
        failures = {row["Error"]: int(row["Occurrences"]) for row in csv.DictReader(file)}
    lost = sum(count for error, count in failures.items() if "closed:" in error)
    assert lost == 10, failures
    assert not [error for error in failures if "mismatch" in error], failures
