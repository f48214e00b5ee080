"""The shapes of the control API, as models: what it takes is checked by them, and ``GET schema`` is made of them.

Imported only when the control API is used, because pydantic is slow to import.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Unknown fields are errors: a misspelled one must not be ignored."""

    model_config = ConfigDict(extra="forbid")


class NewFault(Model):
    """What ``POST faults`` takes."""

    spec: str = Field(min_length=1, max_length=4_000, description='A fault, e.g. "reset after 3s".')


class FaultState(Model):
    """A fault that is set. ``fired`` counts how often it has done something."""

    id: int
    spec: str
    optional: bool
    fired: int


class FaultList(Model):
    """What ``GET faults`` and ``DELETE faults`` give."""

    faults: list[FaultState]


class SessionState(Model):
    """One client connection. ``values`` is what its engine shows of itself. ``worker``: its process, of several."""

    number: int
    scenario: str
    path: str
    query: list[tuple[str, str]]
    began_us: int
    over: bool
    engine: str
    values: dict[str, Any]
    entries: int
    worker: int | None = None


class State(Model):
    """What ``GET state`` gives. Where several processes share a port: ``worker`` answered, ``workers`` are told of, and
    those that did not answer are ``missing``.
    """

    version: str
    dialect: str
    source: str
    seed: int | str
    base_url: str
    ws_url: str
    elapsed_us: int
    entries: int
    sessions: list[SessionState]
    faults: list[FaultState]
    problems: list[str]
    worker: int | None = None
    workers: list[int] | None = None
    missing: list[int] | None = None


class EntryState(Model):
    """One journal entry. ``at_us`` is in microseconds since its session began.

    ``text`` of a text frame or a note, ``base64`` of a binary frame, ``code`` and ``reason`` of a close or a lost
    connection; ``data`` has the fields of a handshake, an answer or a note.
    """

    index: int
    session: int
    at_us: int
    sender: Literal["client", "server"] | None
    kind: Literal["handshake", "answer", "text", "binary", "close", "lost", "note"]
    name: str
    text: str | None = None
    base64: str | None = None
    code: int | None = None
    reason: str | None = None
    data: dict[str, Any] | None = None


class JournalPage(Model):
    """What ``GET journal`` gives. ``next``: the value of ``since`` that goes on from here."""

    entries: list[EntryState]
    next: int


class Problems(Model):
    """What ``GET problems`` gives: what a test should fail for, as it stands now."""

    problems: list[str]


class ErrorBody(Model):
    """What every refusal gives."""

    class Detail(Model):
        """``column``: where a fault spec goes wrong, from 0."""

        message: str
        column: int | None = None

    error: Detail


def schema() -> dict[str, Any]:
    """The JSON schema of every shape, by name."""
    models = (NewFault, FaultState, FaultList, SessionState, State, EntryState, JournalPage, Problems, ErrorBody)
    return {model.__name__: model.model_json_schema() for model in models}
