"""Cassettes in files: read, written, moved into place.

Whatever happens, the cassette that stood there before stays whole: everything is written beside it and moved into place
when it is complete and holds no secret. What goes wrong is one line that says what to do.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from mockserver.cassette import audio, codec
from mockserver.cassette.clean import cleaned, kept_error, verify
from mockserver.cassette.entries import EntryWriter
from mockserver.cassette.files.leftovers import (
    STOPPED,
    claimed,
    keep_unsafe,
    read_back,
    remove,
    stopped,
    temporary,
    whole,
)
from mockserver.cassette.files.places import synced, told_of_disk
from mockserver.cassette.model import Cassette, Exchange, Header
from mockserver.cassette.names import PARTIAL, SUFFIX, steps
from mockserver.cassette.pace import DiskPace
from mockserver.cassette.reader import decode
from mockserver.cassette.redact import Redactor
from mockserver.cassette.spread import Spread
from mockserver.core.entry import Entry
from mockserver.core.frames import Frame, Micros, Sender
from mockserver.core.journal import Journal
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.registry import dialect_named
from mockserver.errors import CassetteError, CassetteExists, SecretFound, UsageError
from mockserver.version import __version__

LARGE = 8 << 20
"""Bytes from which on a thread is worth its start: check sums are made in it, which need no interpreter."""


# --- reading --------------------------------------------------------------------------------------------------------


def load(path: str | os.PathLike[str], *, partial: bool = False) -> Cassette:
    """The cassette in a file.

    An unfinished recording (``NAME.cassette.partial``, left by a killed recorder) reads up to where it stops, and
    its header says ``ended == "killed"``. ``partial`` reads a damaged cassette up to the damage (``ended == "cut"``).
    Raises CassetteMissing, CassetteDamaged, CassetteForeign, CassetteTooNew, or CassetteError for anything else that
    keeps the file from being read.
    """
    file = Path(path)
    _finish(file)
    data = whole(file)
    if len(data) < LARGE:
        return replace(decode(data, str(file), partial=partial), path=str(file))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, thread_name_prefix="mockserver-load") as pool:
        made = decode(data, str(file), partial=partial, aside=lambda act: pool.submit(act).result)
    return replace(made, path=str(file))


def _finish(file: Path) -> None:
    """Finish what a recorder that was asked to stop has left: it takes the cassette's place."""
    for left in stopped(file):
        raw = decode(whole(left), str(left))
        try:
            _save(replace(raw, path=""), file, True, None, _policy(raw), None)
        except SecretFound as found:
            kept = keep_unsafe(raw, file, {})
            remove([left])
            raise (found if kept is None else kept_error(found, file, kept)) from None
        remove([left])


def _policy(cassette: Cassette) -> audio.Policy:
    return next((one for one in audio.POLICIES if one == cassette.header.audio), "keep")


def locate(folder: str | os.PathLike[str], name: str) -> Path:
    """Where the cassette of this name is or would be. UsageError for a name that leaves ``folder``, by a link too."""
    top = Path(folder)
    place = top.joinpath(*steps(name))
    inside, real = os.path.realpath(top), os.path.realpath(place)
    if os.path.commonpath((inside, real)) != inside:
        raise UsageError(f"cassette name {name!r:.120}: a link leads out of {top}; expected a file inside it")
    return place


# --- writing --------------------------------------------------------------------------------------------------------


def redactor_for(
    dialect: Dialect | None = None,
    *,
    rules: str | Sequence[str] = (),
    values: str | Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Redactor:
    """The default redactor: everything it knows, and the values of the keys in this process's environment."""
    rules, values = ((one,) if isinstance(one, str) else one for one in (rules, values))
    return Redactor(env=os.environ if env is None else env, rules=rules, values=values, dialect=dialect)


def save(
    cassette: Cassette,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    redactor: Redactor | None = None,
    audio: audio.Policy = "keep",
) -> Path:
    """Redact, write beside, check what was written, move into place. Returns the path.

    Raises CassetteExists where a file stands there and ``overwrite`` is not set, SecretFound where a secret cannot be
    taken out (then nothing is saved), CassetteError where the disk refuses.
    """
    return _save(cassette, Path(path), overwrite, redactor, audio, None)


def _save(
    cassette: Cassette,
    file: Path,
    overwrite: bool,
    redactor: Redactor | None,
    policy: audio.Policy,
    spreads: Mapping[int, Spread] | None,
) -> Path:
    check_place(file, overwrite)
    dialect = _dialect(cassette.header.dialect)
    redactor = redactor or redactor_for(dialect)
    clean = cleaned(cassette, redactor, lens=dialect, policy=policy, spreads=spreads)
    made = temporary(file)
    try:
        with told_of_disk(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        with told_of_disk(file), made.open("xb", buffering=1 << 20) as stream:
            writer = codec.Writer(cast("Callable[[bytes], None]", stream.write))
            codec.write(clean, writer, lambda: _counts(cassette, redactor))
            stream.flush()
            os.fsync(stream.fileno())
        with told_of_disk(file):
            data = made.read_bytes()
        verify(decode(data, str(file)), redactor, name=str(file), data=data)
        with told_of_disk(file):
            older = stopped(file)
            _into_place(made, file, overwrite)
            remove(older)
    finally:
        with contextlib.suppress(OSError):
            made.unlink(missing_ok=True)
    return file


def _counts(cassette: Cassette, redactor: Redactor) -> dict[str, int]:
    """What was taken out, this time and in the cassette's past."""
    return dict(sorted((redactor.counts + Counter(cassette.header.redaction)).items()))


def check_place(file: Path, overwrite: bool) -> None:
    """Raises CassetteExists or CassetteError where no cassette can be written to this place."""
    if file.is_dir():
        raise CassetteError(f"{file}: is a directory; expected the name of a cassette file (NAME{SUFFIX})")
    if file.exists() and not file.is_file():
        raise CassetteError(f"{file}: is not a regular file; expected the name of a cassette file (NAME{SUFFIX})")
    if overwrite and file.is_symlink():  # the link would be replaced, and what it leads to would stay as it was
        raise CassetteError(f"{file}: is a link to {file.readlink()}; name that file, or remove the link")
    if not overwrite:
        _finish(file)
    if not overwrite and os.path.lexists(file):
        raise CassetteExists(f"{file}: exists already; overwrite it with `--force` (in Python: overwrite=True)")


def _into_place(made: Path, file: Path, overwrite: bool) -> None:
    if overwrite:
        made.replace(file)
        return
    try:
        os.link(made, file)  # fails where a file appeared meanwhile; a rename would overwrite it
    except FileExistsError:
        check_place(file, overwrite)
        raise
    except OSError:  # a file system without hard links
        check_place(file, overwrite)
        made.replace(file)


def _dialect(name: str) -> Dialect:
    """The dialect of this name, or the generic one: a cassette may name one that this version does not have."""
    try:
        return dialect_named(name)
    except UsageError:
        return GENERIC


class Recorder:
    """A server's tap that writes each entry to ``NAME.cassette.partial`` before the session goes on.

    Written straight to the operating system (no buffer of ours), so a killed process loses nothing; not synced to the
    disk for every frame, so a power cut may. Several sessions go into one cassette, numbered in the order they came.
    Secrets are taken out before anything is written. ``close`` finishes the work.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        dialect: Dialect = GENERIC,
        upstream: str = "",
        origin: str = "",
        audio: audio.Policy = "keep",
        overwrite: bool = False,
        redactor: Redactor | None = None,
        journal: Journal | None = None,
        rules: Mapping[str, object] | None = None,
        faults: Sequence[str] = (),
    ) -> None:
        self.path = Path(path)
        self.exchanges = self._lost = 0
        self.told = ""  # what a user should know of how it was saved
        self._redactor = redactor or redactor_for(dialect)
        self._policy, self._overwrite, self._journal = audio, overwrite, journal
        check_place(self.path, overwrite)
        self._header = Header(
            dialect.name,
            self._redactor.url(upstream),
            datetime.now(UTC).date().isoformat(),
            f"realtime-mockserver {__version__}",
            audio,
            codec.RECORDING,
            self._redactor.text(origin),
            rules=dict(rules or {}),
            faults=tuple(self._redactor.text(fault) for fault in faults),
        )
        with told_of_disk(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            made = claimed(self.path, PARTIAL, os.O_RDWR | os.O_APPEND, 0o644)
        if made is None:
            many = f"99 unfinished recordings lie beside it; remove the {PARTIAL} files you do not need"
            raise CassetteError(f"{self.path}: {many}")
        self.partial, self._file = made
        self._pace = DiskPace(partial(synced, self._file))
        self.written = 0
        self._failed, self._saved = "", False
        self._writer = codec.Writer(self._write)
        self._entries = EntryWriter(
            self._writer, self._redactor, dialect, audio, name=self.path, began=self._session_began
        )
        try:
            self._writer.header(self._header)
        except BaseException:
            self.discard()
            raise

    @property
    def frames(self) -> int:
        """How many frames are recorded."""
        return self._entries.frames - self._lost

    def sink(self, entry: Entry) -> None:
        """Write one journal entry. Raises CassetteError where the disk refuses; what is written stays readable."""
        self.keep(entry)
        self.commit()

    def keep(self, entry: Entry) -> None:
        """The same for the next ``commit``: what goes together leaves together."""
        self._go_on()
        self._entries.write(entry)

    def keep_texts(self, session: int, at: Micros, texts: Sequence[str]) -> None:
        """The same for texts of a session's server that came together."""
        self._go_on()
        self._entries.texts(session, at, texts)

    def commit(self) -> None:
        """Every entry so far is in the file. To be called before a frame is passed on."""
        self._go_on()
        self._writer.commit()

    def ahead(self, session: int, sender: Sender, frame: Frame) -> Callable[[], None] | None:
        """What a thread can do for a long frame that is to come next (``EntryWriter.ahead``, ``DiskPace.after``)."""
        return self._pace.after(self._entries.ahead(session, sender, frame))

    def exchange(self, one: Exchange) -> None:
        """Write one HTTP request with its reply."""
        self.put_exchange(self.cleaned(one))

    def cleaned(self, one: Exchange) -> Exchange:
        """An exchange without secrets, for ``put_exchange``. A thread may do this."""
        return self._entries.cleaned(one)

    def put_exchange(self, one: Exchange) -> None:
        """Write an exchange that is clean."""
        self._entries.exchange(one)
        self.exchanges += 1

    def close(self, *, ended: str = "clean", faults: Sequence[str] | None = None) -> Path | None:
        """Redact across frames, check, move into place. Returns the cassette's path, or None where nobody came.

        ``ended`` and ``faults`` (those that fired; None: all that were set) go into the header. Raises SecretFound
        where a secret still stands: the recording is kept aside then (``cassette.files.leftovers``), and the error says
        how to go on. On any other error the partial file stays, and so does the cassette that was there before.
        """
        if self._file < 0:
            return self.path if self._saved else None
        with contextlib.suppress(CassetteError):
            self.commit()
            self._entries.give_all()
        raw, gone = read_back(self._file, self.partial)
        os.close(self._file)
        self._file = -1
        if not (self._entries.connections or self.exchanges):
            self.partial.unlink(missing_ok=True)
            return None
        fired = raw.header.faults if faults is None else tuple(faults)
        raw = replace(raw, header=replace(raw.header, ended=self._failed or ended, faults=fired), path="")
        try:
            if self._entries.problem is not None:
                raise self._entries.problem
            _save(raw, self.path, self._overwrite, self._redactor, self._policy, self._entries.spreads())
        except SecretFound as found:
            kept = keep_unsafe(raw, self.path, self._entries.withheld)
            self.partial.unlink(missing_ok=True)
            raise (found if kept is None else kept_error(found, self.path, kept)) from None
        self._saved = True
        if gone:
            self.told = f"{self.partial} was removed while it was written; all that it held is in {self.path}"
        else:
            self.partial.unlink(missing_ok=True)
        return self.path

    def leave(self, *, ended: str, faults: Sequence[str]) -> Path | None:
        """Stop at once: what is recorded stays beside the cassette's place, and whoever opens that finishes it.

        Returns the file, or None where there was nothing to be kept.
        """
        if self._file < 0 or self._entries.problem is not None or not (self._entries.connections or self.exchanges):
            return None
        if not self._failed:
            self.commit()
            self._entries.give_all()
            self._writer.stopped(ended, faults)
        made = claimed(self.path, STOPPED, os.O_WRONLY, 0o644)
        if made is None or not self.partial.exists():
            return None
        place, descriptor = made
        os.close(descriptor)
        os.close(self._file)
        self._file = -1
        self.partial.replace(place)
        return place

    def discard(self) -> None:
        """End without a cassette; the partial file is removed."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self.partial.unlink(missing_ok=True)

    def _session_began(self, session: int) -> Micros:
        return self._journal.sessions[session].began_us if self._journal is not None else 0

    def _write(self, data: bytes) -> None:
        """All of these objects or, as far as anyone who reads the file can see, those that are whole."""
        self._go_on()
        done = 0
        try:
            while done < len(data):
                done += os.write(self._file, data[done:] if done else data)
        except OSError as error:
            self._failed = f"cannot be written: {error.strerror or error}"
            kept, lost = codec.whole(self._writer.writing, done)
            self.written += kept
            self._lost += lost
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.written)
            raise self._refused() from error
        self.written += len(data)
        self._pace.wrote(len(data))

    def _go_on(self) -> None:
        if self._failed:
            raise self._refused()

    def _refused(self) -> CassetteError:
        return CassetteError(f"{self.partial}: {self._failed}; the recording is complete up to frame {self.frames}")
