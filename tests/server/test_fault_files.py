"""``@FILE:SET`` in a list of faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockserver import MockServer, faults, simulator
from mockserver.errors import SpecError, UsageError
from mockserver.server.fault_files import expanded

TEXT = """
late:
  - delay 11s on response.created
  - drop on a optional
busy: active response
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "faults.yaml"
    path.write_text(TEXT)
    return path


def test_a_set_stands_for_its_faults_in_their_place(path: Path) -> None:
    fault = faults.drop("x")
    assert list(expanded([fault, f"@{path}:late", "reset on y", f"@{path}:busy"])) == [
        fault, "delay 11s on response.created", "drop on a optional", "reset on y", "active response",
    ]  # fmt: skip


def test_a_server_takes_it(path: Path) -> None:
    server = MockServer(simulator("openai"), faults=[f"@{path}:late"])
    assert [armed.fault for armed in server.faults.values()] == [
        faults.delay("response.created", seconds=11), faults.drop("a", optional=True),
    ]  # fmt: skip


def test_later_a_spec_is_only_a_spec(path: Path) -> None:
    server = MockServer(simulator("openai"))
    with pytest.raises(SpecError, match="no fault is called"):
        server.add_fault(f"@{path}:late")


def test_the_only_set_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "one:two.yaml"
    path.write_text("only: drop on a")
    assert list(expanded([f"@{path}"])) == ["drop on a"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("@{path}:latte", "has no set 'latte'; did you mean 'late'? (it has late, busy)"),
        ("@{path}", "say which set, as in @{path}:late (the file has late, busy)"),
        ("@{path}x:late", "{path}x:late': cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_said(path: Path, reference: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(expanded([reference.format(path=path)]))
    assert message.format(path=path) in str(caught.value)


def test_a_wrong_file_names_its_line(path: Path) -> None:
    path.write_text("late:\n  - dealy 1s\n")
    with pytest.raises(SpecError, match=r"faults\.yaml, line 2, set 'late': fault 'dealy 1s', column 1"):
        list(expanded([f"@{path}:late"]))
