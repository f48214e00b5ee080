"""Ready-made assertions for what this project is for: orphans, isolation, spoken words, interruptions.

Each checks content, never mere arrival, and explains itself: what was expected, what was found and where, the timeline.
They read the journal (what crossed the client's wire), the simulator's own state, and the audio itself
(``mockserver.speech``). ``surfaced`` is what the client gave its user - texts, or PCM16 audio as bytes: the wire alone
cannot show it, so pass whatever your client's API returned.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from mockserver import speech
from mockserver.core.expect import Selection, timeline
from mockserver.core.frames import Binary, Sender, Text
from mockserver.core.journal import Entry, Journal
from mockserver.core.paths import dig
from mockserver.core.view import Kind
from mockserver.errors import ExpectationFailed, UsageError

Surfaced = str | bytes
TEXTS = ("transcript", "text", "arguments", "output", "instructions", "name")
"""The fields of an item, in any depth, whose words a person or a model would read."""


class Inspected(Protocol):
    """A session of the server (``server.sessions[i]``)."""

    @property
    def number(self) -> int: ...

    @property
    def journal(self) -> Journal: ...

    def inspect(self) -> Any: ...


def assert_spoken(
    words: str, audio: bytes | Iterable[bytes], *, rate: int = 24_000, only: bool = False
) -> str:
    """These words can be heard in this audio (PCM16 mono), side by side and in order. Returns all that was heard.

    ``only``: nothing else can be heard. Case and the punctuation around a word do not count.
    """
    said: str = speech.decode(audio, rate)
    if not _within(words, said) or (only and _plain(said) != _plain(words)):
        wanted = "to hear only" if only else "to hear"
        raise ExpectationFailed(f"expected {wanted} {words!r}, heard {said!r}")
    return said


def assert_orphan_discarded(
    journal: Journal, response: str, *, surfaced: Iterable[Surfaced] = (), rate: int = 24_000
) -> None:
    """The client recognised response ``response`` as an orphan and threw it away.

    It was created on the wire (or there was no orphan to discard); the client cancelled it by id, once, afterwards; no
    later client frame speaks of the response, its items or its calls; nothing of it is among what the client surfaced.
    """
    created = journal.sent_by_server("response.created", response=response).once()
    cancel = journal.sent_by_client("response.cancel", where={"response_id": response}).once()
    cancel.after(created)
    owned = {response} | _owned(journal, response)
    used = [
        entry
        for entry in journal.frames(Sender.CLIENT, session=created.first.session)
        if entry.index > created.first.index
        and entry.index != cancel.first.index
        and owned & set(_strings(_body(journal, entry)))
    ]
    _none(journal, used, f"no client frame after the cancel to use orphan {response} or its items")
    words = said_in(journal, response, rate=rate)
    for piece in surfaced:
        text = _as_text(piece, rate)
        for said in words:
            if _within(said, text):
                raise ExpectationFailed(
                    f"orphan {response} surfaced: the client gave its user {text!r}, which holds the orphan's "
                    f"{said!r}\n{timeline(journal, {created.first.index})}"
                )


def assert_isolated(
    words: str, session: Inspected, *, surfaced: Iterable[Surfaced] = (), rate: int = 24_000
) -> None:
    """What was said out of band stayed out of band.

    ``words`` are in no item of the server's conversation, in no context that the replier saw for a response of the
    conversation, in no item that the client put into the conversation, and in no later reply of the conversation -
    neither in its text nor in its audio. ``surfaced``: the client's own idea of the conversation (its chat context).
    The words must have been said on this session at all, out of band: otherwise the assertion proves nothing and fails.
    """
    journal, number = session.journal, session.number
    spoken = [id_ for id_ in _responses(journal, number) if _outside(journal, id_)]
    if not any(_within(words, said) for id_ in spoken for said in said_in(journal, id_, rate=rate)):
        heard = {id_: said_in(journal, id_, rate=rate) for id_ in spoken}
        raise ExpectationFailed(
            f"nothing to isolate: no out-of-band response said {words!r}; said out of band: {heard or 'nothing'}\n"
            f"{timeline(journal)}"
        )
    leaks = list(_leaks(words, session, rate))
    leaks += [
        f"the client's own conversation: {text!r}"
        for text in (_as_text(piece, rate) for piece in surfaced)
        if _within(words, text)
    ]
    if leaks:
        raise ExpectationFailed(
            f"expected {words!r} to stay out of the conversation, found it in:\n"
            + "\n".join(f"  - {leak}" for leak in leaks)
            + f"\n{timeline(journal)}"
        )


def assert_interrupted(
    session: Inspected,
    at_ms: int,
    *,
    tolerance_ms: int = 0,
    item: str | None = None,
    rate: int = 24_000,
) -> str:
    """The client truncated an assistant's audio at ``at_ms`` and the server kept exactly what had been heard by then.

    Checked: one ``conversation.item.truncate`` (of ``item`` where given) within the tolerance; the server's answer
    with the same ``audio_end_ms``; the words that the server keeps for the item are those that can be heard in its
    audio up to that point. Returns those words.
    """
    journal, number = session.journal, session.number
    cut = journal.sent_by_client("conversation.item.truncate", session=number, item=item).once()
    asked = cut.body["audio_end_ms"]
    if abs(asked - at_ms) > tolerance_ms:
        raise ExpectationFailed(
            f"expected an interruption at {at_ms} ms (give or take {tolerance_ms}), the client truncated at {asked}\n"
            f"{timeline(journal, {cut.first.index})}"
        )
    item_id = cut.body["item_id"]
    journal.sent_by_server(
        "conversation.item.truncated", session=number, item=item_id, where={"audio_end_ms": asked}
    ).once().after(cut)
    heard: str = speech.heard_until(
        audio_of(journal, item=item_id, session=number, rate=rate), asked, rate
    )
    kept = next(
        (" ".join(_texts(body)) for body in _items(session) if body.get("id") == item_id), None
    )
    if kept is None or _plain(kept) != _plain(heard):
        raise ExpectationFailed(
            f"by {asked} ms the user had heard {heard!r}, the server's conversation keeps {kept!r} for {item_id}\n"
            f"{timeline(journal, {cut.first.index})}"
        )
    return heard


# --- what was said -------------------------------------------------------------------------------------------------


def audio_of(
    journal: Journal,
    *,
    response: str | None = None,
    item: str | None = None,
    session: int | None = None,
    rate: int = 24_000,
) -> bytes:
    """The audio that the client was sent, joined: of one response or item, or all of a session."""
    if rate <= 0:
        raise UsageError(f"rate={rate}: expected a sample rate in Hz")
    pieces = []
    for entry in journal.frames(Sender.SERVER, session=session):
        view = journal.view(entry)
        if view is None or view.audio is None:
            continue
        if response in (None, view.response_id) and item in (None, view.item_id):
            pieces.append(_payload(entry, view.body, view.audio.path))
    return b"".join(pieces)


def said_in(journal: Journal, response: str, *, rate: int = 24_000) -> list[str]:
    """What a response said on the wire: its texts, its transcripts, and the words in its audio. Empty ones left out."""
    streams: dict[tuple[Any, ...], str] = {}
    for body in _bodies(journal.sent_by_server("response.*delta", response=response)):
        if isinstance(body.get("delta"), str) and not body["type"].endswith("audio.delta"):
            stream = (body["type"], body.get("item_id"), body.get("content_index"))
            streams[stream] = streams.get(stream, "") + body["delta"]
    spoken = speech.decode(audio_of(journal, response=response), rate)
    return [text for text in dict.fromkeys([*streams.values(), spoken]) if text.strip()]


# --- inside --------------------------------------------------------------------------------------------------------


def _leaks(words: str, session: Inspected, rate: int) -> Iterator[str]:
    journal, number = session.journal, session.number
    for body in _items(session):
        if _within(words, " ".join(_texts(body))):
            yield f"item {body.get('id')} of the server's conversation: {' '.join(_texts(body))!r}"
    for context in session.inspect().values.get("contexts", ()):
        text = " ".join(_texts(context.get("items", ())))
        if not context.get("out_of_band") and _within(words, text):
            yield f"the context of response {context.get('response_id')}: {text!r}"
    for body in _bodies(journal.sent_by_client("conversation.item.create", session=number)):
        text = " ".join(_texts(body.get("item")))
        if _within(words, text):
            yield f"an item that the client created: {text!r}"
    for response in _responses(journal, number):
        if not _outside(journal, response):
            for said in said_in(journal, response, rate=rate):
                if _within(words, said):
                    yield f"the reply {response}: {said!r}"


def _items(session: Inspected) -> Sequence[dict[str, Any]]:
    values = session.inspect().values
    if "items" not in values:
        raise UsageError(
            "this assertion reads the server's conversation: it needs a simulator behind the session"
        )
    found: Sequence[dict[str, Any]] = values["items"]
    return found


def _responses(journal: Journal, session: int) -> list[str]:
    bodies = _bodies(journal.sent_by_server("response.created", session=session))
    return [body["response"]["id"] for body in bodies if dig(body, "response.id")[1]]


def _outside(journal: Journal, response: str) -> bool:
    """Out of band: its conversation_id is there and null (FACTS 25)."""
    return any(
        dig(body, "response.conversation_id") == (None, True)
        for body in _bodies(journal.sent_by_server("response.created", response=response))
    )


def _owned(journal: Journal, response: str) -> set[str]:
    """The ids of a response's items and calls."""
    found: set[str] = set()
    for body in _bodies(journal.sent_by_server("response.*", response=response)):
        for path in ("item_id", "item.id", "item.call_id", "call_id"):
            value, there = dig(body, path)
            if there and isinstance(value, str):
                found.add(value)
    return found


def _payload(entry: Entry, body: Any, path: tuple[str | int, ...]) -> bytes:
    if isinstance(entry.what, Binary):
        return entry.what.data
    value = body
    for step in path:
        value = value[step]
    try:
        return b64decode(value, validate=True)
    except (Base64Error, TypeError):  # a fault damaged it: what cannot be decoded cannot be heard
        return b""


def _bodies(selection: Selection) -> list[dict[str, Any]]:
    return [body for body in selection.bodies if isinstance(body, dict)]


def _body(journal: Journal, entry: Entry) -> Any:
    view = journal.view(entry)
    return (
        view.body
        if view is not None and view.kind is Kind.EVENT and isinstance(entry.what, Text)
        else None
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value[key] for key in TEXTS if isinstance(value.get(key), str)]
        return own + [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in _texts(inner)]
    return []


def _as_text(piece: Surfaced, rate: int) -> str:
    return piece if isinstance(piece, str) else speech.decode(piece, rate)


def _plain(text: str) -> list[str]:
    return [
        word
        for word in (part.strip(".,;:!?\"'()").casefold() for part in speech.words(text))
        if word
    ]


def _within(words: str, text: str) -> bool:
    wanted, there = _plain(words), _plain(text)
    if not wanted:
        raise UsageError("no words given: an empty text is in everything")
    return any(there[at : at + len(wanted)] == wanted for at in range(len(there) - len(wanted) + 1))


def _none(journal: Journal, entries: Sequence[Entry], expected: str) -> None:
    if entries:
        raise ExpectationFailed(
            f"expected {expected}\n{timeline(journal, {entry.index for entry in entries})}"
        )
