"""A token is no empty text, and can be read from a place that no process list shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mockserver import MockServer, simulator
from mockserver.errors import UsageError
from mockserver.server.tokens import token_from


@pytest.mark.parametrize("token", ["", " ", "\t\n", "a\nb", "a\r\nX: y", " a", "a ", "ключ", "a\0b"])
def test_what_is_no_token_is_refused_wherever_it_is_given(
    token: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(UsageError, match="token"):
            MockServer(simulator("openai"), host=host, token=token)
    with pytest.raises(UsageError, match="--token"):
        token_from(value=token)
    if "\0" not in token:
        monkeypatch.setenv("THE_TOKEN", token)
        with pytest.raises(UsageError, match="--token-env THE_TOKEN"):
            token_from(env="THE_TOKEN")


def test_a_token_from_a_variable_and_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THE_TOKEN", "abc")
    assert token_from(env="THE_TOKEN") == "abc"
    (tmp_path / "token").write_text("abc\n")
    assert token_from(file=tmp_path / "token") == "abc"
    assert token_from() is None
    with pytest.raises(UsageError, match="keep one"):
        token_from(value="abc", env="THE_TOKEN")
    monkeypatch.delenv("THE_TOKEN")
    with pytest.raises(UsageError, match="is not set"):
        token_from(env="THE_TOKEN")


def test_a_file_that_holds_no_token(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "lines").write_text("a\nb\n")
    (tmp_path / "large").write_text("a" * 5000)
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    for name in ("fifo", "empty", "lines", "large", "latin", "missing", "."):
        with pytest.raises(UsageError, match="--token-file"):
            token_from(file=tmp_path / name)
    with pytest.raises(UsageError, match="not a regular file"):
        token_from(file=Path("/dev/zero"))
