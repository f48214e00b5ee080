"""What a file that is no cassette looks like, so that the error can say it."""

from __future__ import annotations

import json
import re

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip data: decompress it first"),
    (b"\x28\xb5\x2f\xfd", "zstd data: decompress it first"),
    (b"BZh", "bzip2 data: decompress it first"),
    (b"\xfd7zXZ", "xz data: decompress it first"),
    (b"SQLite format 3", "an SQLite database"),
    (b"RIFF", "a WAV or other RIFF file"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\x7fELF", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer: run `git lfs pull`"),
    (b"<<<<<<< ", "a file with Git conflict markers: take one side with `git checkout --ours|--theirs`"),
)
FLOWS = re.compile(r"\d{1,10}:\d{1,10}:")
"""How a file of flows begins: a dictionary's length, and that of its first key."""
HEAD = 65536
"""How many bytes of a file are enough to tell."""
IMPORTABLE = "bring it in with `mockserver import FILE --to NAME.cassette`"


def looks_like(head: bytes) -> str:
    """A few words about what starts with these bytes (``HEAD`` of them are enough)."""
    for signature, words in SIGNATURES:
        if head.startswith(signature):
            return words
    try:
        text = head.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        if len(head) < HEAD or error.start < len(head) - 4:  # else a character that the cut went through
            return "binary data of an unknown kind"
        text = head[: error.start].decode("utf-8")
    if any(ord(char) < 32 and char not in "\t\r\n\f" for char in text):
        return "binary data of an unknown kind"
    return _text(text)


def _text(text: str) -> str:
    start = text.lstrip()[:2_000]
    first = start.split("\n", 1)[0]
    if start.startswith("{"):
        if '"capture"' in first:
            return f"a capture in the neutral form: {IMPORTABLE}"
        if '"log"' in start and ('"entries"' in text or '"creator"' in start):
            return f"a HAR file: {IMPORTABLE}"
        lines = "\n" in text.strip() and _is_json(text.lstrip().split("\n", 1)[0])
        return f"JSON lines: if they are a session's events, {IMPORTABLE}" if lines else "JSON"
    if start.startswith("["):
        return "JSON"
    if any(f"\n{key}:" in f"\n{start}" for key in ("interactions", "ws_interactions", "websocket_sessions")):
        return f"a YAML cassette of another tool: if it holds websocket messages, {IMPORTABLE}"
    if start[:1] in "<>" and first[1:].split(" ")[0].isdigit():
        return f"a websocket log of google/test-server: {IMPORTABLE}"
    if FLOWS.match(start):
        return f"a flow file of mitmproxy: {IMPORTABLE}"
    if start.startswith("<"):
        return "HTML or XML"
    if start.startswith("---") or (":" in first and not first.startswith("#!")):
        return "YAML or other text"
    return "text" if start else "blank text"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
