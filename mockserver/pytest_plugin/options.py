"""What the plugin's modules read of pytest's configuration, and where they note which cassettes were used."""

from __future__ import annotations

from typing import Any

import pytest

NOTES: pytest.StashKey[dict[str, set[str]]] = pytest.StashKey()


def ini_or_option(config: pytest.Config, name: str) -> Any:
    """An option, or the ini setting of the same name where the option is not given."""
    value = config.getoption(name)
    return value if value is not None else config.getini(name) or None
