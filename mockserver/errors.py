"""What can go wrong, as one tree. Every message is one line: what, where, what was expected, what to do.

MockServerError
├── UsageError (ValueError)         an argument, option or setting is wrong; raised at construction
│   └── SpecError                   a fault spec or a settings file is wrong; says at which column
├── CassetteError
│   ├── CassetteMissing             there is no file; the message names the command that records it
│   ├── CassetteDamaged             it was a cassette, but a part of it cannot be read
│   ├── CassetteForeign             it never was a cassette (the message says what it looks like)
│   ├── CassetteTooNew              written by a newer version of this package
│   ├── CassetteExists              saving would overwrite a file that nobody asked to overwrite
│   └── SecretFound                 a secret still stands after redaction: nothing was saved
├── ServerError                     the server cannot run here (port taken, no certificate ...)
├── UpstreamError                   the real server refused, hung or does not speak websocket
└── ExpectationFailed (AssertionError)   the client did not do what the test or the cassette says
    ├── ReplayMismatch              a live client frame matches no recorded one
    ├── ReplayStalled               replay waits for a client frame that does not come
    ├── ReplayUnfinished            the cassette holds frames that were never played
    ├── FaultNeverFired             a fault was set but nothing met it, so the test proves nothing
    └── WaitsForNothing             virtual time cannot go on: nothing is pending and nothing is under way
"""

from __future__ import annotations


class MockServerError(Exception):
    """The root of everything this package raises on purpose."""


class UsageError(MockServerError, ValueError):
    """An argument, option or setting is wrong."""


class SpecError(UsageError):
    """A fault spec, a replies file or a settings file is wrong.

    ``source`` is the text as given; ``column`` is where it goes wrong, counted from 0, or None.
    """

    def __init__(self, message: str, *, source: str = "", column: int | None = None) -> None:
        super().__init__(message)
        self.source = source
        self.column = column


class CassetteError(MockServerError):
    """Something about a cassette file."""


class CassetteMissing(CassetteError):
    """There is no such cassette."""


class CassetteDamaged(CassetteError):
    """A cassette that cannot be read whole."""


class CassetteForeign(CassetteError):
    """A file that is not a cassette."""


class CassetteTooNew(CassetteError):
    """A cassette whose format version this package does not know yet."""


class CassetteExists(CassetteError):
    """A cassette stands where one would be written, and overwriting was not asked for."""


class SecretFound(CassetteError):
    """A secret would have reached a file. The message says where, never what."""


class ServerError(MockServerError):
    """The server cannot run as asked."""


class UpstreamError(MockServerError):
    """The real server could not be used."""


class ExpectationFailed(MockServerError, AssertionError):
    """The client did something else than the test or the cassette says. The message holds the report."""


class ReplayMismatch(ExpectationFailed):
    """A live client frame matches no recorded one."""


class ReplayStalled(ExpectationFailed):
    """Replay waits for a client frame that does not come."""


class ReplayUnfinished(ExpectationFailed):
    """Recorded frames were never played."""


class FaultNeverFired(ExpectationFailed):
    """A fault was set, but nothing met it."""


class WaitsForNothing(ExpectationFailed):
    """In virtual time every task waits, and no timer, byte or thread can end that. The message says who waits where."""
