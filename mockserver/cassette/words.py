"""Whether a text is made of words or is drawn at random: what tells ``sk-learnability`` from a key.

There is no dictionary. A word has few pairs of letters that words do not have, is not too long, and has no run of many
consonants. A text is made of words if each of its parts is one, or is a short number.
"""

from __future__ import annotations

import re
from functools import lru_cache

_AFTER = {
    "a": "bcdfghiklmnprstuvwxyz",
    "b": "abeijlorstuy",
    "c": "acehiklorstuy",
    "d": "adegilmnorsuvwy",
    "e": "abcdefghiklmnopqrstuvwxyz",
    "f": "aefilorstuy",
    "g": "aeghilmnorstuy",
    "h": "aeilmnorstuwy",
    "i": "abcdefgklmnopqrstuvxz",
    "j": "aeious",
    "k": "aeilnosuwy",
    "l": "abcdefgiklmoprstuvy",
    "m": "abeilmnopsuy",
    "n": "acdefghijklmnopqrstuvxyz",
    "o": "abcdefghiklmnoprstuvwxy",
    "p": "aehilnoprstuwy",
    "q": "u",
    "r": "abcdefghiklmnopqrstuvwy",
    "s": "abcdefhiklmnopqrstuvwy",
    "t": "abcefhilmnoprstuwy",
    "u": "abcdefgiklmnoprstvxyz",
    "v": "aeioruy",
    "w": "aehiklnors",
    "x": "aceioptuxy",
    "y": "abcdegilmnoprstuwz",
    "z": "aeilouyz",
}
"""Letters that follow a letter in English words and in the names of software."""
_PAIRS = frozenset(first + second for first, more in _AFTER.items() for second in more)
_SPLIT = re.compile(r"[^A-Za-z0-9]+")
_CASES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}")
_VOWELS = frozenset("aeiouy")
_NUMBER = re.compile(r"\d{1,2}|(?:19|20)\d\d|100|256|512|360|365")
_DIGIT, _LETTER, _SPACE = re.compile(r"\d"), re.compile(r"[^\W\d_]"), re.compile(r"\s")
LONGEST_WORD = 22
LONGEST_TEXT = 256
"""A text that is longer is not asked about."""


@lru_cache(maxsize=8192)
def is_word(text: str) -> bool:
    """Whether a run of ASCII letters of one case (or with a capital first) could be a word or an abbreviation."""
    word = text.lower()
    if len(word) > LONGEST_WORD or _CONSONANTS.search(word):
        return False
    if len(word) <= 4:
        return True
    if not _VOWELS.intersection(word):
        return False
    odd = sum(word[at : at + 2] not in _PAIRS for at in range(len(word) - 1))
    return odd <= 2 and odd * 4 <= len(word) - 1


def wordlike(text: str) -> bool:
    """Whether a text is made of words: ``elasticsearch-cluster``, ``required``, ``oauth2``, ``same origin``,
    ``getUser``.
    """
    if len(text) > LONGEST_TEXT:
        return False
    if not text.isascii():
        return any(char.isalpha() for char in text)  # another language: no credential has such letters
    parts = [part for part in _SPLIT.split(text) if part]
    return sum(not (part.isalpha() or part.isdigit()) for part in parts) <= 1 and all(map(_part, parts))


def _part(part: str) -> bool:
    """A stretch of letters and digits: words, or words with a short number at an end."""
    pieces = _CASES.findall(part)
    if len(pieces) > max(3, len(part) // 4):
        return False  # cases and digits that change all the time
    numbers = 0
    for piece in pieces:
        if piece[0].isdigit():
            numbers += 1
            if numbers > 1 or _NUMBER.fullmatch(piece) is None:
                return False
        elif not is_word(piece):
            return False
    return True


def varied(text: str) -> bool:
    """Whether a text has digits beside letters, as a random one of some length has."""
    return _DIGIT.search(text) is not None and _LETTER.search(text) is not None


_NO_KEY = re.compile(
    r"(?:~|\.{0,2})?/|[A-Za-z]:[\\/]|\w{2,12}://|\d{4}-\d\d(?!\d)|[\d.:,x%+-]+[A-Za-z]{0,3}\Z|[A-Z0-9-]{0,20}SHA-?\d{1,3}\Z"
)
LONGEST_WITHOUT_DIGITS = 20
"""What is no word and longer than this needs no digits to be no word of anyone's."""


def drawn(text: str, least: int) -> bool:
    """Whether a text looks drawn at random: long enough, digits beside letters, no words, no path, date or amount."""
    if len(text) < least or status(text) or _NO_KEY.match(text):
        return False
    return (varied(text) or len(text) > LONGEST_WITHOUT_DIGITS) and not wordlike(text) and not spaced(text)


def spaced(text: str) -> bool:
    """Whether there is white space in a text."""
    return _SPACE.search(text) is not None


STATUS = frozenset(
    (
        *(
            "required",
            "optional",
            "none",
            "null",
            "nil",
            "true",
            "false",
            "yes",
            "no",
            "on",
            "off",
            "missing",
            "invalid",
        ),
        *("unset", "undefined", "empty", "hidden", "redacted", "removed", "masked", "string", "text", "any", "unknown"),
        *("n/a", "default", "enabled", "disabled", "expired", "incorrect", "weak", "ok", "valid", "changed", "given"),
        *("object", "array", "number", "boolean", "integer", "forbidden", "denied", "unauthorized", "not set"),
    )
)
"""What is said about a secret, and is none."""


def status(value: str) -> bool:
    """Whether a value says that there is a secret, or none, or stands in the place of one (``****``, ``<your
    key>``).
    """
    plain = value.strip(" \t\r\n.!\"'").lower()
    if plain in STATUS or not plain.strip("*\0\ue000") or (len(plain) >= 3 and not plain.strip("*x.•-_ ")):
        return True
    if plain.startswith(("your", "insert", "replace", "enter your")) and wordlike(plain):
        return True  # your-api-key-here
    return (plain[:1], plain[-1:]) in (("<", ">"), ("{", "}"), ("[", "]")) or plain.startswith(("${", "$(", "%("))
