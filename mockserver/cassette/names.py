"""Names of cassette files that stay in their folder, on every system. Links are ``store.locate``'s to look at."""

from __future__ import annotations

import re

from mockserver.errors import UsageError

SUFFIX = ".cassette"
PARTIAL = ".partial"
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?")
_BAD_CHARS = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
LONGEST = 200


def steps(name: str) -> tuple[str, ...]:
    """The folders and the file (with its suffix) of a cassette's name such as ``weather`` or ``demo/weather.cassette``.

    UsageError for a name that leaves its folder or that some system could not store: absolute, ``..``, NUL and other
    control characters, backslashes, drive letters, Windows' device names, an end in a dot or a space, over 200 bytes.
    """
    if not name or not name.strip():
        raise UsageError("a cassette needs a name: expected something like 'weather' or 'demo/weather'")
    parts = tuple((name if name.endswith(SUFFIX) else name + SUFFIX).split("/"))
    problem = ""
    if _BAD_CHARS.search(name):
        problem = "it holds a character that a file name cannot have everywhere"
    elif name.startswith(("/", "~")) or "" in parts:
        problem = "it is absolute or has an empty part"
    elif any(part in (".", "..") for part in parts):
        problem = "it leaves its folder"
    elif any(_RESERVED.fullmatch(part) or part.endswith((" ", ".")) for part in (*parts, parts[-1][: -len(SUFFIX)])):
        problem = "a part of it is reserved on Windows, or ends in a dot or space"
    elif any(len(part.encode("utf-8", "surrogatepass")) > LONGEST for part in parts):
        problem = f"a part of it is longer than {LONGEST} bytes"
    if problem:
        raise UsageError(f"cassette name {name!r:.120}: {problem}; expected something like 'weather' or 'demo/weather'")
    return parts


def from_test(name: str) -> str:
    """A test's name (``test_x[a/b-1]``) as a cassette's name."""
    safe = re.sub(r"[^\w.\[\]=+,@-]+", "_", name).strip(". ") or "test"
    if _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    while len(safe.encode()) > LONGEST - len(SUFFIX):
        safe = safe[:-1]
    return safe
