"""Rules of the protocol, checked on the wire: metadata comes back, a cancel ends a response, one response at a time.

They hold for the real service. A server that breaks one (a fault, a misbehaviour switch of the simulator) makes them
fail, which is how a test of a client knows that it tests anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mockserver.assertions.said import bodies
from mockserver.core.entry import Entry
from mockserver.core.expect import Selection, timeline
from mockserver.core.frames import Sender
from mockserver.core.journal import Journal
from mockserver.core.paths import dig
from mockserver.errors import ExpectationFailed


def assert_metadata_echoed(journal: Journal, *, session: int | None = None) -> None:
    """Every ``response.create`` with metadata was answered by a ``response.created`` with the same metadata.

    There must be one at all. A request that was refused with an error counts as answered.
    """
    asked = journal.sent_by_client("response.create", session=session)
    with_metadata = [body for body in bodies(asked) if dig(body, "response.metadata")[0]]
    if not with_metadata:
        raise ExpectationFailed(
            f"nothing to check: no response.create of the client carries metadata\n{timeline(journal)}"
        )
    created = [
        dig(body, "response.metadata")[0]
        for body in bodies(journal.sent_by_server("response.created", session=session))
    ]
    refused = {dig(body, "error.event_id")[0] for body in bodies(journal.sent_by_server("error", session=session))}
    lost = []
    for body in with_metadata:
        metadata = body["response"]["metadata"]
        if metadata in created:
            created.remove(metadata)
        elif body.get("event_id") is None or body["event_id"] not in refused:
            lost.append(metadata)
    if lost:
        raise ExpectationFailed(
            f"expected a response.created with metadata {lost[0]}"
            f"{f' (and {len(lost) - 1} more)' if len(lost) > 1 else ''}, "
            f"found {created or 'none that is left over'}\n{timeline(journal, _marks(asked))}"
        )


def assert_cancelled(journal: Journal, response: str, *, reason: str | None = "client_cancelled") -> None:
    """Response ``response`` was cancelled: nothing of its content came after the client's cancel, and it ended so.

    ``reason``: "client_cancelled", "turn_detected", or None for either. With "client_cancelled" there was a
    ``response.cancel`` while it was open: by its id, or without an id.
    """
    created = journal.sent_by_server("response.created", response=response).once()
    done = journal.sent_by_server("response.done", response=response).once()
    status = dig(done.body, "response.status")[0]
    details = dig(done.body, "response.status_details.reason")[0]
    if status != "cancelled" or reason not in (None, details):
        raise ExpectationFailed(
            f"expected {response} to end as cancelled ({reason or 'for any reason'}), it ended as {status}"
            f"{f' ({details})' if details else ''}\n{timeline(journal, _marks(done))}"
        )
    if details != "client_cancelled":
        return
    cancel = _cancel_of(journal, response, created.first, done.first)
    if cancel is None:
        raise ExpectationFailed(
            f"expected a response.cancel from the client while {response} was open, found none\n"
            f"{timeline(journal, _marks(created, done))}"
        )
    late = [
        entry for entry in journal.sent_by_server("response.*delta", response=response) if entry.index > cancel.index
    ]
    if late:
        marked = {entry.index for entry in late} | {cancel.index}
        raise ExpectationFailed(
            f"expected nothing of {response} after the client cancelled it, found {len(late)} more deltas\n"
            f"{timeline(journal, marked)}"
        )


def assert_one_at_a_time(journal: Journal, *, session: int | None = None) -> None:
    """No two responses of a conversation were active at once. Out-of-band responses do not count (openai.md#129)."""
    open_now: dict[tuple[int, Any], tuple[str, int]] = {}
    for entry, body in _lives(journal, session):
        conversation, there = dig(body, "response.conversation_id")
        if there and conversation is None:
            continue
        place = (entry.session, conversation)
        response = dig(body, "response.id")[0]
        if body["type"] == "response.done":
            if open_now.get(place, ("", 0))[0] == response:
                del open_now[place]
        elif place in open_now:
            other, index = open_now[place]
            raise ExpectationFailed(
                f"expected one active response at a time, found {response} created while {other} was active\n"
                f"{timeline(journal, {index, entry.index})}"
            )
        else:
            open_now[place] = (response, entry.index)


def _lives(journal: Journal, session: int | None) -> Iterator[tuple[Entry, dict[str, Any]]]:
    for entry in journal.frames(Sender.SERVER, session=session):
        view = journal.view(entry)
        if view is not None and view.name in ("response.created", "response.done"):
            yield entry, view.body


def _cancel_of(journal: Journal, response: str, created: Entry, done: Entry) -> Entry | None:
    for entry in journal.sent_by_client("response.cancel", session=created.session):
        view = journal.view(entry)
        named = dig(view.body if view is not None else None, "response_id")[0]
        if created.index < entry.index < done.index and named in (None, response):
            return entry
    return None


def _marks(*selections: Selection) -> set[int]:
    return {entry.index for selection in selections for entry in selection}
