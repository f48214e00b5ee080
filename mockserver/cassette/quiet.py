"""Frames that are like one before in which there was nothing: they need not be searched again.

Nearly all frames of a session differ from the one before in an event id and in what they carry: base64 that is noise,
or a
few words. What is around that has been looked at once. Known values and rules are looked for in every frame all the
same.
"""

from __future__ import annotations

import re
from binascii import a2b_base64

from mockserver.cassette import shapes
from mockserver.cassette.decode import texty

LEAF = re.compile(
    r'"(delta|text|transcript|arguments|partial|thinking|content|token)"(\s*:\s*)("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL
)
"""Fields in which providers send text piece by piece (deltas, text parts and transcriptions, words with
probabilities).
"""
_EVENT_ID = '"event_id":"'
_DELTA = '"delta":"'
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_Stencil = tuple[str, int, str, int, str]
"""Before the event id's last part and where that ends; between it and the payload, where that begins; behind it."""


class Quiet:
    """Remembers the last frame that carried noise and in which there was nothing else."""

    def __init__(self) -> None:
        self._stencil: _Stencil | None = None

    def same(self, text: str) -> bool:
        """Whether a text differs from the one that is remembered in the event id and the noise alone."""
        if self._stencil is None:
            return False
        head, past, middle, begin, tail = self._stencil
        if not (text.startswith(head) and text.startswith(middle, past) and text.endswith(tail)):
            return False
        event_id = text[len(head) : past]
        return (
            (event_id.isalnum() or not middle)
            and not (len(event_id) > 15 and shapes.marked_word(event_id))
            and noise(text[begin : len(text) - len(tail)])
        )

    def remember(self, text: str) -> None:
        """There was nothing in this text. Only one that says no words is remembered: those belong to a stream."""
        middle = len(text) // 2
        begin, end = text.rfind('"', 0, middle) + 1, text.find('"', middle)
        if not begin or not noise(text[begin:end]):
            return
        if any(match[3] != '""' for match in LEAF.finditer(text[:begin] + text[end:])):
            return
        found = text.find(_EVENT_ID, 0, begin)
        if found < 0:
            self._stencil = (text[:begin], begin, "", begin, text[end:])
            return
        past = text.find('"', found + len(_EVENT_ID), begin)
        at = max(text.rfind("_", 0, past), text.rfind('"', 0, past)) + 1
        self._stencil = (text[:at], past, text[past:begin], begin, text[end:])


def outline(text: str) -> tuple[str, str]:
    """A frame without its event id and without the words that it carries, which alone differ from one to the next;
    and the
    words. (A NUL stands for words: JSON has none.)

    The outline is "" for any other frame, and where the event id or the words may hold a secret by themselves. What is
    found in a text is found inside a string or across several, never across an end of just one of these.
    """
    begin = text.rfind(_DELTA) + len(_DELTA)
    if begin < len(_DELTA):
        return "", ""
    end = text.find('"', begin)
    words = text[begin:end]
    if not words or len(words) > 64 or "\\" in words or "%" in words or "//" in words or "&" in words or "=" in words:
        return "", ""
    found = text.find(_EVENT_ID, 0, begin)
    if found < 0:
        return ("", "") if shapes.marked(words) else (f"{text[:begin]}\0{text[end:]}", words)
    found += len(_EVENT_ID)
    past = text.find('"', found, begin)
    event_id = text[found:past]
    if not event_id.replace("_", "").isalnum() or shapes.marked(f'{event_id}"{words}'):
        return "", ""
    return f"{text[:found]}{text[past:begin]}\0{text[end:]}", words


def noise(payload: str) -> bool:
    """Whether this is padded base64 of some length, and its bytes are no text."""
    if len(payload) < 64 or len(payload) % 4 or not payload.isascii():
        return False
    if payload[-1] == "=":
        payload = payload[:-2] if payload[-2] == "=" else payload[:-1]
    return not payload.encode().translate(None, _BASE64) and not texty(
        a2b_base64(payload[:88] + "=" * (-len(payload[:88]) % 4))
    )
