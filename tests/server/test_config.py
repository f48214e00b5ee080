"""The project's settings: which file counts, what it may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockserver.errors import UsageError
from mockserver.server.config import Config, combined, find

OWN = 'redact = ["555"]\n[rules]\nvolatile = ["a.b"]\n'


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "mockserver.toml").write_text(OWN, encoding="utf-8")
    assert find(deep) == Config(str(tmp_path / "mockserver.toml"), ("555",), {"volatile": ["a.b"]})
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\nx = 1\n", encoding="utf-8")
    assert find(deep).redact == ("555",)  # a pyproject without our table says nothing
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.mockserver]\nredact = ["666"]\n', encoding="utf-8")
    assert find(deep).redact == ("666",)


def test_no_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.mockserver]\n", encoding="utf-8")
    assert find(tmp_path) == Config(str(tmp_path / "pyproject.toml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = [", "not TOML"),
        ("rule = 1", "unknown key 'rule'; did you mean 'rules'?"),
        ("other = 1", "unknown key 'other'; known are redact, outlast, rules"),
        ("redact = 'x'", "redact: expected a list of regular expressions, got 'x'"),
        ("rules = 1", "rules: expected a table, got 1"),
        ("outlast = -1", "outlast: expected seconds, 0 or more, got -1"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "mockserver.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        find(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / 'mockserver.toml'}: ")
    assert told in str(raised.value)


def test_rules_add_up() -> None:
    under = {"volatile": ["a"], "audio": "exact"}
    over = {"volatile": ["b"], "audio": "ignore", "optional": ["x"]}
    assert combined(under, over) == {"volatile": ["a", "b"], "audio": "ignore", "optional": ["x"]}
    assert combined(under, None) == under
