"""Where the files of scenarios are: a folder, or a place of fsspec's (s3://, gs://, memory:// ...), which is only read.

A name cannot leave its folder: neither by ``..``, nor by an absolute path, nor by a link.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from mockserver.cassette.model import Cassette
from mockserver.cassette.names import SUFFIX, steps
from mockserver.cassette.reader import decode
from mockserver.cassette.store import load, locate
from mockserver.errors import CassetteError, CassetteMissing, UsageError
from mockserver.server.text_files import LARGEST, bytes_of

LARGEST_CASSETTE = 512 << 20
"""Bytes of a cassette in object storage."""


class Folder(Protocol):
    """Where the files of scenarios are read from."""

    def cassette(self, name: str) -> Cassette:
        """A cassette by its name, with or without ``.cassette``."""
        ...

    def data(self, name: str, expected: str, largest: int = LARGEST) -> bytes:
        """The bytes of a file. UsageError where there is none; ``expected``: what it should be."""
        ...

    def here(self, name: str) -> Path:
        """A file of this machine. UsageError where the folder is elsewhere."""
        ...


def folder_of(text: str, beside: Path) -> Folder:
    """The folder that a file of scenarios names; ``beside``: the folder in which that file is."""
    if "://" in text:
        return Remote(text)
    top = beside / text
    if not top.is_dir():
        raise UsageError(f"folder {text!r:.200}: no such folder; expected one beside the file, in {beside}, or a URL")
    return Local(top)


class Local:
    """A folder of this machine."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def cassette(self, name: str) -> Cassette:
        """A cassette by its name."""
        return load(locate(self._top, name))

    def data(self, name: str, expected: str, largest: int = LARGEST) -> bytes:
        """The bytes of a file."""
        return bytes_of(self.here(name), named=name, expected=expected, largest=largest)

    def here(self, name: str) -> Path:
        """The file itself."""
        _inside(name)
        top, real = os.path.realpath(self._top), os.path.realpath(self._top / name)
        if os.path.commonpath((top, real)) != top:
            raise UsageError(f"{name!r:.120}: a link leads out of {self._top}; expected a file inside it")
        return self._top / name


class Remote:
    """A folder in object storage."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @cached_property
    def _files(self) -> Any:
        try:
            import fsspec
        except ImportError:
            raise UsageError(
                f"folder {self._url!r:.200}: object storage is read through fsspec, which is not installed: "
                "pip install 'realtime-mockserver[storage]' (and the package of your storage, such as s3fs)"
            ) from None
        try:
            return fsspec.core.url_to_fs(self._url)
        except Exception as error:  # noqa: BLE001 - every storage raises its own: no such protocol, no credentials
            raise UsageError(f"folder {self._url!r:.200}: {_said(error)}") from None

    def cassette(self, name: str) -> Cassette:
        """A cassette by its name."""
        where = "/".join(steps(name))
        data = self._read(where, LARGEST_CASSETTE, CassetteMissing, CassetteError)
        full = f"{self._url}/{where}"
        return replace(decode(data, full), path=full)

    def data(self, name: str, expected: str, largest: int = LARGEST) -> bytes:
        """The bytes of a file."""
        _inside(name)
        return self._read(name, largest, UsageError, UsageError)

    def here(self, name: str) -> Path:
        """Never."""
        raise UsageError(f"script {name!r:.120}: a script is run, so it is taken from a folder of this machine alone")

    def _read(
        self, where: str, largest: int, missing: Callable[[str], Exception], wrong: Callable[[str], Exception]
    ) -> bytes:
        files, top = self._files
        try:
            with files.open(f"{top.rstrip('/')}/{where}", "rb") as stream:
                data: bytes = stream.read(largest + 1)
        except FileNotFoundError:
            raise missing(f"{self._url}/{where}: no such file there") from None
        except Exception as error:  # noqa: BLE001 - as above
            raise wrong(f"{self._url}/{where}: cannot be read: {_said(error)}") from None
        if len(data) > largest:
            raise wrong(f"{self._url}/{where}: more than {largest} bytes")
        return data


def _inside(name: str) -> None:
    try:
        steps(name)  # the same rule as for cassettes; what they end with does not matter here
    except UsageError as error:
        raise UsageError(str(error).replace("cassette name", "file name").replace(SUFFIX, "")) from None


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
