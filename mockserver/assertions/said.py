"""What was said: words in texts, transcripts and audio, as the journal holds them."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import Any
from unicodedata import category

from mockserver import speech
from mockserver.assertions.words import life_of
from mockserver.core.entry import Entry
from mockserver.core.expect import Selection
from mockserver.core.frames import Binary, Sender
from mockserver.core.journal import Journal
from mockserver.errors import UsageError

Surfaced = str | bytes
"""Something that a client gave its user: a text, or PCM16 audio."""
TEXTS = ("transcript", "text", "arguments", "output", "instructions", "name")
"""The fields of an item, in any depth, whose words a person or a model would read."""
PUNCTUATION = ".,;:!?\"'()[]…«»¿¡\u201c\u201d\u201e\u2018\u2019\u201a"


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
    """What a response said on the wire: its texts, its transcripts, the words in its audio. Empty ones left out."""
    streams: dict[tuple[Any, ...], str] = {}
    for entry in journal.sent_by_server(response=response):
        view = journal.view(entry)
        if view is None or life_of(journal, entry.session).stream(view.name) in (None, "audio"):
            continue
        said = journal.sessions[entry.session].lens.spoken(view)
        if said is not None:
            stream = (view.name, view.item_id, said.stream, view.body.get("content_index"))
            streams[stream] = streams.get(stream, "") + said.text
    spoken = speech.decode(audio_of(journal, response=response, rate=rate), rate)
    return [text for text in dict.fromkeys([*streams.values(), spoken]) if text.strip()]


def bodies(selection: Selection) -> list[dict[str, Any]]:
    """The JSON objects among what was selected."""
    return [body for body in selection.bodies if isinstance(body, dict)]


def texts(value: Any) -> list[str]:
    """The words in an item, in any depth."""
    if isinstance(value, dict):
        own = [value[key] for key in TEXTS if isinstance(value.get(key), str)]
        return own + [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in texts(inner)]
    return []


def strings(value: Any) -> Iterator[str]:
    """Every string in a body, in any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def as_text(piece: Surfaced, rate: int) -> str:
    """What a person would read or hear."""
    return piece if isinstance(piece, str) else speech.decode(piece, rate)


def plain(text: str) -> list[str]:
    """The words without case and without the punctuation around them."""
    stripped = (part.strip(PUNCTUATION).casefold() for part in speech.words(text))
    return [word for word in stripped if word]


def within(words: str, text: str) -> bool:
    """Whether the words stand in the text side by side and in order. UsageError where there are none to look for."""
    wanted, there = plain(words), plain(text)
    if not wanted:
        raise UsageError("no words given: an empty text is in everything")
    if any(map(_unspaced, words)):
        return _joined(words) in _joined(text)
    return any(there[at : at + len(wanted)] == wanted for at in range(len(there) - len(wanted) + 1))


def _unspaced(char: str) -> bool:
    """A letter of a script that puts no spaces between words (Thai, Chinese, Japanese ...), or not between all."""
    return char >= "\u0e00" and category(char) == "Lo"


def _joined(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _payload(entry: Entry, body: Any, path: tuple[str | int, ...]) -> bytes:
    if isinstance(entry.what, Binary):
        return entry.what.data
    value = body
    for step in path:
        value = value[step]
    try:
        return b64decode(value, validate=True)
    except (Base64Error, TypeError, ValueError):  # damaged by a fault: it cannot be heard
        return b""
