"""What the plugin's modules read of pytest's configuration, and where they note which cassettes were used."""

from __future__ import annotations

from typing import Any

import pytest

NOTES: pytest.StashKey[dict[str, set[str]]] = pytest.StashKey()


def ini_or_option(config: pytest.Config, name: str) -> Any:
    """An option, or the ini setting of the same name where the option is not given."""
    value = config.getoption(name)
    return value if value is not None else config.getini(name) or None


OTHERS_MODES = {"none": "none", "once": "once", "new": "new", "new_episodes": "new", "all": "all", "rewrite": "all"}
"""A mode of vcrpy and of what is built on it, and ours that does the same."""


def others_record_mode(config: pytest.Config) -> str:
    """What to add to an error about a missing recording, for who has asked another plugin to record."""
    asked = config.getoption("record_mode", None)
    if not isinstance(asked, str) or asked == "none":
        return ""
    return f" (--record-mode={asked} is of another plugin)"


def right_option(arguments: list[str]) -> str | None:
    """What to say to who gives ``--record-mode`` where no plugin has it; None where nobody does."""
    for place, word in enumerate(arguments):
        name, _, value = word.partition("=")
        if name == "--record-mode":
            asked = value or (arguments[place + 1] if place + 1 < len(arguments) else "")
            mode = OTHERS_MODES.get(asked, "none|once|new|all|verify")
            return (
                "--record-mode is an option of pytest-recording, which is not installed here; "
                f"realtime_mock records with --realtime-mock-record={mode}"
            )
    return None
