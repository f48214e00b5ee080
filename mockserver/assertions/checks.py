"""Orphans, isolation, spoken words and interruptions: what a client under test must get right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from mockserver import speech
from mockserver.assertions import words as words_of
from mockserver.assertions.said import Surfaced, as_text, audio_of, bodies, plain, said_in, strings, texts, within
from mockserver.assertions.words import life_of
from mockserver.core.entry import Entry
from mockserver.core.expect import timeline
from mockserver.core.frames import Sender
from mockserver.core.journal import Journal
from mockserver.core.paths import dig
from mockserver.core.view import Kind
from mockserver.errors import ExpectationFailed, UsageError

FIRST_WORDS = 3
"""A reply that began to surface did so with its first words; fewer of them stand in many replies."""


class Inspected(Protocol):
    """A session of the server (``server.sessions[i]``)."""

    @property
    def number(self) -> int: ...

    @property
    def journal(self) -> Journal: ...

    def inspect(self) -> Any: ...


def assert_spoken(words: str, audio: bytes | Iterable[bytes], *, rate: int = 24_000, only: bool = False) -> str:
    """These words can be heard in this audio (PCM16 mono), side by side and in order. Returns all that was heard.

    ``only``: nothing else can be heard. Case and the punctuation around a word do not count.
    """
    said: str = speech.decode(audio, rate)
    if not within(words, said) or (only and plain(said) != plain(words)):
        wanted = "to hear only" if only else "to hear"
        raise ExpectationFailed(f"expected {wanted} {words!r}, heard {said!r}")
    return said


def assert_orphan_discarded(
    journal: Journal, response: str, *, surfaced: Surfaced | Iterable[Surfaced] = (), rate: int = 24_000
) -> None:
    """The client recognised response ``response`` as an orphan and threw it away.

    It was created on the wire (or there was no orphan to discard); the client cancelled it by id, once, afterwards; no
    other client frame speaks of the response, its items or its calls (deleting its items is right, and an item may be
    placed behind one); nothing of it is among what the client surfaced, not even its first three words.
    """
    created = journal.sent_by_server(words_of.begin(journal), response=response).once()
    cancel = journal.sent_by_client(words_of.cancel(journal), where={"response_id": response}).once()
    cancel.after(created)
    owned = {response} | _owned(journal, response)
    used = [
        entry
        for entry in journal.frames(Sender.CLIENT, session=created.first.session)
        if entry.index > created.first.index
        and entry.index != cancel.first.index
        and owned & set(_used(journal, entry))
    ]
    if used:
        raise ExpectationFailed(
            f"expected no client frame to use orphan {response} or its items, found {len(used)}\n"
            f"{timeline(journal, {entry.index for entry in used})}"
        )
    heads = [" ".join(plain(said)[:FIRST_WORDS]) for said in said_in(journal, response, rate=rate)]
    for piece in _pieces(surfaced):
        text = as_text(piece, rate)
        for head in heads:
            if head and within(head, text):
                raise ExpectationFailed(
                    f"orphan {response} surfaced: the client gave its user {text!r}, which holds the orphan's "
                    f"{head!r}\n{timeline(journal, {created.first.index})}"
                )


def assert_isolated(
    words: str, session: Inspected, *, surfaced: Surfaced | Iterable[Surfaced] = (), rate: int = 24_000
) -> None:
    """What was said out of band stayed out of band.

    ``words`` are in no item of the server's conversation, in no context that the replier saw for a response of the
    conversation, in no item that the client put into the conversation, and in no later reply of the conversation -
    neither in its text nor in its audio. ``surfaced``: the client's own idea of the conversation (its chat context).
    The words must have been said on this session at all, out of band: otherwise the assertion proves nothing and fails.
    Take words that nobody says for another reason. UsageError where no simulator stands behind the session.
    """
    journal, number = session.journal, session.number
    spoken = [id_ for id_ in _responses(journal, number) if _outside(journal, id_)]
    if not any(within(words, said) for id_ in spoken for said in said_in(journal, id_, rate=rate)):
        heard = {id_: said_in(journal, id_, rate=rate) for id_ in spoken}
        raise ExpectationFailed(
            f"nothing to isolate: no out-of-band response said {words!r}; said out of band: {heard or 'nothing'}\n"
            f"{timeline(journal)}"
        )
    leaks = list(_leaks(words, session, rate))
    leaks += [
        f"the client's own conversation: {text!r}"
        for text in (as_text(piece, rate) for piece in _pieces(surfaced))
        if within(words, text)
    ]
    if leaks:
        raise ExpectationFailed(
            f"expected {words!r} to stay out of the conversation, found it in:\n"
            + "\n".join(f"  - {leak}" for leak in leaks)
            + f"\n{timeline(journal)}"
        )


def assert_interrupted(
    session: Inspected, at_ms: float, *, tolerance_ms: float = 0, item: str | None = None, rate: int = 24_000
) -> str:
    """The client truncated an assistant's audio at ``at_ms`` and the server kept exactly what had been heard by then.

    Checked: one ``conversation.item.truncate`` (of ``item`` where given) within the tolerance; the server's answer
    with the same ``audio_end_ms``; the words that the server keeps for the item are those that can be heard in its
    audio up to that point. (A simulator with ``truncated_transcript="deleted"`` keeps none.) Returns those words.
    """
    journal, number = session.journal, session.number
    truncate = words_of.word(journal, lambda life: life.truncates_item, "that an item is cut", number)
    cut = journal.sent_by_client(truncate, session=number, item=item).once()
    asked = cut.body["audio_end_ms"]
    if abs(asked - at_ms) > tolerance_ms:
        raise ExpectationFailed(
            f"expected an interruption at {at_ms} ms (give or take {tolerance_ms}), the client truncated at {asked}\n"
            f"{timeline(journal, {cut.first.index})}"
        )
    item_id = cut.body["item_id"]
    truncated = words_of.word(journal, lambda life: life.truncated_item, "that an item was cut", number)
    journal.sent_by_server(truncated, session=number, item=item_id, where={"audio_end_ms": asked}).once().after(cut)
    heard: str = speech.heard_until(audio_of(journal, item=item_id, session=number, rate=rate), asked, rate)
    item_kept = next((body for body in _items(session) if body.get("id") == item_id), None)
    kept = None if item_kept is None else " ".join(texts(item_kept))
    deleted = dig(item_kept, "content.0.transcript") == (None, True)
    if kept is None or (plain(kept) != plain(heard) and not deleted):
        raise ExpectationFailed(
            f"by {asked} ms the user had heard {heard!r}, the server's conversation keeps {kept!r} for {item_id}\n"
            f"{timeline(journal, {cut.first.index})}"
        )
    return heard


# --- inside --------------------------------------------------------------------------------------------------------


def _leaks(words: str, session: Inspected, rate: int) -> Iterator[str]:
    journal, number = session.journal, session.number
    for body in _items(session):
        if within(words, " ".join(texts(body))):
            yield f"item {body.get('id')} of the server's conversation: {' '.join(texts(body))!r}"
    for context in session.inspect().values["contexts"]:
        if not context.out_of_band and within(words, context.words()):
            yield f"the context of response {context.response_id}: {context.words()!r}"
    creates = words_of.word(journal, lambda life: life.creates_item, "items that a client creates", number)
    for body in bodies(journal.sent_by_client(creates, session=number)):
        text = " ".join(texts(body.get("item")))
        if within(words, text):
            yield f"an item that the client created: {text!r}"
    for response in _responses(journal, number):
        if not _outside(journal, response):
            for said in said_in(journal, response, rate=rate):
                if within(words, said):
                    yield f"the reply {response}: {said!r}"


def _pieces(surfaced: Surfaced | Iterable[Surfaced]) -> Iterable[Surfaced]:
    """One text or one piece of audio is one, and not its letters or bytes."""
    return (surfaced,) if isinstance(surfaced, str | bytes) else surfaced


def _items(session: Inspected) -> Sequence[dict[str, Any]]:
    values = session.inspect().values
    if "conversation" not in values:
        raise UsageError(
            f"this assertion reads the server's conversation, and session {session.number} has none: "
            "it needs a simulator behind it"
        )
    found: Sequence[dict[str, Any]] = values["conversation"]
    return found


def _responses(journal: Journal, session: int) -> list[str]:
    created = journal.sent_by_server(words_of.begin(journal, session), session=session)
    return [view.response_id for view in created.views if view.response_id is not None]


def _outside(journal: Journal, response: str) -> bool:
    """Out of band: its conversation_id is there and null (openai.md#129)."""
    return any(
        dig(body, "response.conversation_id") == (None, True)
        for body in bodies(journal.sent_by_server(words_of.begin(journal), response=response))
    )


def _owned(journal: Journal, response: str) -> set[str]:
    """The ids of a response's items and calls."""
    found: set[str] = set()
    for body in bodies(journal.sent_by_server(response=response)):
        for path in ("item_id", "item.id", "item.call_id", "call_id"):
            value, there = dig(body, path)
            if there and isinstance(value, str):
                found.add(value)
    return found


def _used(journal: Journal, entry: Entry) -> Iterator[str]:
    """The strings of a client frame that says more of an item than where another one stands, or that it is to go."""
    view = journal.view(entry)
    if view is None or view.kind is not Kind.EVENT or view.name in life_of(journal, entry.session).deletes_item:
        return
    if isinstance(view.body, dict):
        yield from strings({key: view.body[key] for key in view.body if key != "previous_item_id"})
