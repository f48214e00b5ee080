"""Files of replies: what a simulated model says, as YAML, and the sounds that such a file names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LARGEST_SOUND = 16 << 20
"""Bytes of a WAV file that a file of replies names."""
REPLIES, SOUND = "YAML with replies", "a WAV file of 16 bit PCM"
"""What the files should be."""


def replier_of(file: Path | None) -> dict[str, Any]:
    """The replier of a file of replies, as a keyword of ``simulator``."""
    if file is None:
        return {}
    from mockserver.engines.simulator import Rules
    from mockserver.server.text_files import bytes_of, text_of

    def sound(name: str) -> bytes:
        return bytes_of(file.parent / name, named=name, expected=SOUND, largest=LARGEST_SOUND)

    text = text_of(file, named=str(file), expected=REPLIES)
    return {"replier": Rules.from_yaml(text, source=str(file), sound=sound)}
