"""Rules of the protocol, checked on the wire: metadata comes back, a cancel ends a response, one response at a time.

They hold for the real service. A server that breaks one (a fault, a misbehaviour switch of the simulator) makes them
fail, which is how a test of a client knows that it tests anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mockserver.assertions import words
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
    path = words.metadata(journal, session)
    asked = journal.sent_by_client(words.request(journal, session), session=session)
    with_metadata = [body for body in bodies(asked) if dig(body, path)[0]]
    if not with_metadata:
        raise ExpectationFailed(
            f"nothing to check: no {words.request(journal, session)} of the client carries metadata\n"
            f"{timeline(journal)}"
        )
    created = [
        dig(body, path)[0] for body in bodies(journal.sent_by_server(words.begin(journal, session), session=session))
    ]
    refused = {dig(body, "error.event_id")[0] for body in bodies(journal.sent_by_server("error", session=session))}
    lost = []
    for body in with_metadata:
        metadata = dig(body, path)[0]
        if metadata in created:
            created.remove(metadata)
        elif body.get("event_id") is None or body["event_id"] not in refused:
            lost.append(metadata)
    if lost:
        raise ExpectationFailed(
            f"expected a {words.begin(journal, session)} with metadata {lost[0]}"
            f"{f' (and {len(lost) - 1} more)' if len(lost) > 1 else ''}, "
            f"found {created or 'none that is left over'}\n{timeline(journal, _marks(asked))}"
        )


def assert_cancelled(journal: Journal, response: str, *, reason: str | None = "client_cancelled") -> None:
    """Response ``response`` was cancelled: nothing of its content came after the client's cancel, and it ended so.

    ``reason``: "client_cancelled", "turn_detected", or None for either. With "client_cancelled" there was a
    ``response.cancel`` while it was open: by its id, or without an id.
    """
    created = journal.sent_by_server(words.begin(journal), response=response).once()
    done = journal.sent_by_server(words.end(journal), response=response).once()
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
            f"expected a {words.cancel(journal)} from the client while {response} was open, found none\n"
            f"{timeline(journal, _marks(created, done))}"
        )
    life = words.life_of(journal, created.first.session)
    late = [
        entry
        for entry in journal.sent_by_server(response=response)
        if entry.index > cancel.index and (view := journal.view(entry)) is not None and life.is_delta(view.name)
    ]
    if late:
        marked = {entry.index for entry in late} | {cancel.index}
        raise ExpectationFailed(
            f"expected nothing of {response} after the client cancelled it, found {len(late)} more deltas\n"
            f"{timeline(journal, marked)}"
        )


def assert_one_at_a_time(journal: Journal, *, session: int | None = None) -> None:
    """No two responses of a conversation were active at once. Out-of-band responses do not count (openai.md#129).

    There must be a response at all.
    """
    open_now: dict[tuple[int, Any], tuple[str, int]] = {}
    begun = False
    for entry, body, entry_ends in _lives(journal, session):
        begun = begun or not entry_ends
        conversation, there = dig(body, "response.conversation_id")
        if there and conversation is None:
            continue
        place = (entry.session, conversation)
        response = dig(body, "response.id")[0]
        if entry_ends:
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
    if not begun:
        raise ExpectationFailed(f"nothing to check: no response began\n{timeline(journal)}")


def _lives(journal: Journal, session: int | None) -> Iterator[tuple[Entry, dict[str, Any], bool]]:
    """The frames that begin or end a reply, and whether it ends."""
    begin, end = words.begin(journal, session), words.end(journal, session)
    for entry in journal.frames(Sender.SERVER, session=session):
        view = journal.view(entry)
        if view is not None and view.name in (begin, end):
            yield entry, view.body, view.name == end


def _cancel_of(journal: Journal, response: str, created: Entry, done: Entry) -> Entry | None:
    for entry in journal.sent_by_client(words.cancel(journal, created.session), session=created.session):
        view = journal.view(entry)
        named = dig(view.body if view is not None else None, "response_id")[0]
        if created.index < entry.index < done.index and named in (None, response):
            return entry
    return None


def _marks(*selections: Selection) -> set[int]:
    return {entry.index for selection in selections for entry in selection}
