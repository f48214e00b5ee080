"""What a file of scenarios may say, as models: pydantic checks it, ``reading`` says in one line what is wrong.

Imported only when such a file is read, because pydantic is slow to import.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
"""A scenario's name: it is a part of an address as it is."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed)]
"""A text, or a list of texts."""


class AnyScenario(BaseModel):
    """What every scenario may say. Unknown fields are errors: a misspelt one must not be ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)

    faults: Texts = []
    seed: int | None = None


class CassetteScenario(AnyScenario):
    """Answered from a cassette, or from several of one provider; again and again."""

    cassette: Annotated[Texts, Field(min_length=1)]
    pacing: Any = "recorded"
    rules: dict[str, Any] = {}
    allow_unplayed: Any = False
    stall_after: float = 5.0
    on_stall: str = "note"
    patience: float = 5.0


class SimulatorScenario(AnyScenario):
    """Answered by a model of the provider's server."""

    simulate: Annotated[str, Field(min_length=1)]
    replies: Annotated[str, Field(min_length=1)] | None = None
    set: dict[str, Any] = {}


class ScriptScenario(AnyScenario):
    """Answered as a script in a Python file says: ``FILE.py:NAME``."""

    script: Annotated[str, Field(min_length=1)]


class ScenarioFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scenarios: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    default: str | None = None
    folder: Annotated[str, Field(min_length=1)] = "."


KINDS: dict[str, type[AnyScenario]] = {
    "cassette": CassetteScenario,
    "simulate": SimulatorScenario,
    "script": ScriptScenario,
}
"""The key that says what answers, and the model of such a scenario."""
