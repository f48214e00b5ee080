"""The recorder: on disk before the session goes on, readable after any kill, in place only when whole and clean."""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import json
import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockserver.cassette import codec, store
from mockserver.cassette.model import Cassette, Connection, Exchange, Header, Record
from mockserver.cassette.redact import Redactor
from mockserver.cassette.search import Search
from mockserver.cassette.store import Recorder, load, save
from mockserver.cli import main
from mockserver.core.entry import SessionLog
from mockserver.core.frames import Answer, Close, Frame, Handshake, Note, Sender, Text
from mockserver.core.journal import Journal
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.replay.source import Replay
from mockserver.errors import CassetteError, CassetteExists, SecretFound, UsageError
from tests.cassette.make import audio_delta, event, noise

SHAKE = Handshake(
    "/v1/realtime",
    (("model", "m"),),
    (("Authorization", "Bearer sk-abcdefgh12"),),
    (),
    "/v1/realtime?model=m",
)


class Stage:
    """A journal with a recorder, and one session in it."""

    def __init__(self, path: Path, **more: Any) -> None:
        self.journal = Journal()
        self.recorder = Recorder(path, **{"dialect": OPENAI, "journal": self.journal, **more})
        self.journal.listen(self.recorder.sink)
        self.log = self.open()

    def open(self, began_us: int = 0) -> SessionLog:
        log = self.journal.open(OPENAI, began_us=began_us)
        self.journal.write(log, 0, Sender.CLIENT, SHAKE)
        self.journal.write(log, 10, Sender.SERVER, Answer(101, (), None))
        return log

    def say(
        self,
        frame: Frame,
        *,
        at: int = 100,
        sender: Sender = Sender.SERVER,
        log: SessionLog | None = None,
    ) -> None:
        self.journal.write(log or self.log, at, sender, frame)


def test_every_frame_is_on_disk_before_the_session_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.cassette")
    frames = [event(type="session.created"), audio_delta(noise(960)), Close(1000, "bye")]
    for number, frame in enumerate(frames):
        stage.say(frame)
        read = load(stage.recorder.partial)
        assert [one.frame for one in read.connections[0].records] == frames[: number + 1]
        assert read.header.ended == "killed"
    assert not (tmp_path / "x.cassette").exists()
    assert stage.recorder.close() == tmp_path / "x.cassette"
    assert load(tmp_path / "x.cassette").header.ended == "clean"
    assert [path.name for path in tmp_path.iterdir()] == ["x.cassette"]
    assert stage.recorder.close() == tmp_path / "x.cassette", "closing twice is no error"


def test_header_times_and_several_sessions(tmp_path: Path) -> None:
    stage = Stage(
        tmp_path / "deep" / "er" / "x.cassette",
        upstream="wss://u:p@host/v1?api_key=1",
        origin="a test",
        rules={"version": 1},
    )
    other = stage.open(began_us=5_000_000)
    stage.say(Text("a"), at=7)
    stage.say(Text("b"), at=8, log=other, sender=Sender.CLIENT)
    stage.say(Text("c"), at=9)
    stage.journal.note(stage.log, 9, Note("fault", "not for the cassette"))
    read = load(stage.recorder.close(ended="upstream lost") or "")
    assert read.header.upstream == "wss://host/v1?api_key=REDACTED-param-1"
    assert (read.header.dialect, read.header.ended, read.header.origin) == (
        "openai",
        "upstream lost",
        "a test",
    )
    assert read.header.rules == {"version": 1}
    assert len(read.header.recorded_on) == 10
    first, second = read.connections
    assert [(one.at, one.frame) for one in first.records] == [(7, Text("a")), (9, Text("c"))]
    assert [(one.at, one.sender, one.frame) for one in second.records] == [(8, Sender.CLIENT, Text("b"))]
    assert (first.opened_us, second.opened_us) == (0, 5_000_000)
    assert first.handshake.header("authorization") == "REDACTED-header-1"


def test_a_session_that_was_running_before_has_no_handshake(tmp_path: Path) -> None:
    journal = Journal()
    log = journal.open(OPENAI)
    recorder = Recorder(tmp_path / "x.cassette", dialect=OPENAI)
    journal.listen(recorder.sink)
    journal.write(log, 3, Sender.SERVER, Text("late"))
    assert load(recorder.close() or "").connections[0].records[0].frame == Text("late")


def test_nothing_recorded_saves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(b"the old one")
    assert Recorder(path, overwrite=True).close() is None
    assert path.read_bytes() == b"the old one"
    recorder = Recorder(path, overwrite=True)
    recorder.discard()
    assert [one.name for one in tmp_path.iterdir()] == ["x.cassette"]
    with pytest.raises(CassetteExists):
        Recorder(path)
    assert [one.name for one in tmp_path.iterdir()] == ["x.cassette"]


def test_secrets_are_in_no_file_at_any_time(tmp_path: Path) -> None:
    secret = "a-very-special-value"
    stage = Stage(tmp_path / "x.cassette", redactor=Redactor(env={"X_API_KEY": secret}, dialect=OPENAI))
    stage.say(event(text=secret), sender=Sender.CLIENT)
    stage.say(event(type="t", item_id="i", delta=f"the key is {secret[:12]}"))
    stage.say(event(type="t", item_id="i", delta=f"{secret[12:]}, keep it"))
    stage.say(Close(1008, secret))
    partial = stage.recorder.partial.read_bytes()
    path = stage.recorder.close()
    assert path is not None
    for data in (partial, path.read_bytes()):
        assert secret.encode() not in data
        assert b"sk-abcdefgh12" not in data
        assert secret[12:].encode() not in data
    assert secret[:12].encode() not in path.read_bytes()
    frames = [one.frame for one in load(path).connections[0].records]
    assert frames[1:3] == [event(type="t", item_id="i", delta="the key is REDACTED-split-2"),
                           event(type="t", item_id="i", delta="REDACTED-split-1, keep it")]  # fmt: skip


ENDING = r"\]\}"
"""A rule that matches nothing but punctuation of JSON: no token can stand there."""


def test_a_recording_that_was_kept_aside_is_scrubbed_into_a_cassette(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = Stage(tmp_path / "x.cassette", redactor=Redactor(rules=[ENDING]))
    stage.say(event(card=[1234567890123], name="Ada"))
    stage.say(event(item=[{"card": 1234567890123}]))
    with pytest.raises(SecretFound) as caught:
        stage.recorder.close()
    command = str(caught.value).rpartition("mockserver ")[2].replace("REGEX", "[0-9]{13}").split()
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, f"{tmp_path / 'x.cassette'}: taken out: 2 rule\n")
    told = [one.frame for one in load(tmp_path / "x.cassette").connections[0].records]
    assert told == [event(card=["REDACTED-rule-1"], name="Ada"), event(item=[{"card": "REDACTED-rule-1"}])]
    assert Replay(load(tmp_path / "x.cassette"))
    # The control: without the rule the number is there, and what a rule cannot take out is still no cassette.
    again = CliRunner().invoke(main, ["scrub", "--rule", ENDING, "x.cassette.unsafe", "--to", "y.cassette"])
    assert again.exit_code != 0
    assert not (tmp_path / "y.cassette").exists()
    assert load(tmp_path / "x.cassette.unsafe").connections[0].records[0].frame == event(
        card=[1234567890123], name="Ada"
    )


def test_known_values_are_looked_for_in_the_finished_file_by_a_search_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-made-up-0123456789"
    one = Connection(0, Handshake("/v1/realtime"), Answer(101), 0, (Record(0, Sender.SERVER, event(said=secret)),))
    cassette = Cassette(Header("openai"), (one,))
    assert (
        secret.encode()
        not in save(cassette, tmp_path / "fine.cassette", redactor=Redactor(values=[secret])).read_bytes()
    )
    monkeypatch.setattr(Search, "suspicious", lambda self, text: False)  # the walk sees nothing any more
    with pytest.raises(SecretFound, match=r"a secret \(env\) still stands after redaction in the finished file"):
        save(cassette, tmp_path / "x.cassette", redactor=Redactor(values=[secret]))
    assert not (tmp_path / "x.cassette").exists()
    save(cassette, tmp_path / "x.cassette", redactor=Redactor(values=["another-value-1"]))  # the control


def test_a_recording_whose_secret_cannot_be_taken_out_is_kept_aside_and_is_no_cassette(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    stage = Stage(path, redactor=Redactor(rules=[ENDING]))
    stage.say(event(card=[1234567890123]))
    stage.say(event(more=1))
    assert b"1234567890123" not in stage.recorder.partial.read_bytes()
    assert stage.recorder._entries.problem is not None
    with pytest.raises(SecretFound, match=r"connection 0, frame 0 \(server\)") as caught:
        stage.recorder.close()
    assert "1234567890123" not in str(caught.value)
    kept = tmp_path / "x.cassette.unsafe"
    assert f"mockserver scrub --rule REGEX {kept} --to {path}" in str(caught.value)
    assert sorted(one.name for one in tmp_path.iterdir()) == [".gitignore", kept.name]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (tmp_path / ".gitignore").read_text() == "*.unsafe\n"
    # All of it is there, what was withheld too.
    held = load(kept)
    assert [one.frame for one in held.connections[0].records] == [event(card=[1234567890123]), event(more=1)]
    with pytest.raises(UsageError, match="nothing replays it; make a cassette of it: mockserver scrub"):
        Replay(held)
    # Once nothing in it is a secret any more, or the user says that it is none, it becomes a cassette.
    with pytest.raises(SecretFound):
        save(held, path, redactor=Redactor(rules=[ENDING]))
    save(held, path, redactor=Redactor())
    assert load(path).header.unsafe == ""
    Replay(load(path))


def test_several_recordings_are_kept_aside_beside_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        stage = Stage(tmp_path / "x.cassette", redactor=Redactor(rules=[ENDING]))
        stage.say(event(card=[1234567890123]))
        with pytest.raises(SecretFound):
            stage.recorder.close()
    assert len(list(tmp_path.glob("*.unsafe"))) == 2
    assert (tmp_path / ".gitignore").read_text() == "*.unsafe\n"


def test_a_partial_file_that_is_removed_while_it_is_written_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    stage = Stage(path)
    stage.say(Text("before"))
    stage.recorder.partial.unlink()
    stage.say(Text("after"))
    assert stage.recorder.close() == path
    assert [one.frame for one in load(path).connections[0].records] == [Text("before"), Text("after")]
    assert stage.recorder.told == (
        f"{stage.recorder.partial} was removed while it was written; all that it held is in {path}"
    )
    again = Stage(path, overwrite=True)
    again.say(Text("x"))
    again.recorder.close()
    assert again.recorder.told == ""


def test_a_recording_that_is_left_is_finished_by_whoever_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(b"an older one")
    stage = Stage(path, overwrite=True)
    stage.say(event(type="response.output_text.delta", response_id="r", delta="sk-proj-abcdefghijkl"))
    stage.say(event(type="response.output_text.delta", response_id="r", delta="mnopqrstuvwx0123456789"))
    left = stage.recorder.leave(ended="stopped while 1 session was running", faults=["drop on x"])
    assert left == tmp_path / "x.cassette.stopped"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["x.cassette", "x.cassette.stopped"]
    made = load(path)
    assert [one.name for one in tmp_path.iterdir()] == ["x.cassette"]
    assert made.header.ended == "stopped while 1 session was running"
    assert made.header.faults == ("drop on x",)
    assert len(made.connections[0].records) == 2
    assert b"mnopqrstuvwx" not in path.read_bytes()  # it is redacted across frames like any other


def test_what_is_left_goes_before_nothing_newer(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    old = Stage(path)
    old.say(Text("old"))
    old.recorder.leave(ended="stopped", faults=[])
    with pytest.raises(CassetteExists):  # it is finished first, so there is a cassette
        Stage(path)
    again = Stage(path, overwrite=True)
    again.say(Text("old again"))
    again.recorder.leave(ended="stopped", faults=[])
    new = Stage(path, overwrite=True)
    new.say(Text("new"))
    new.recorder.close()
    assert [one.frame for one in load(path).connections[0].records] == [Text("new")]
    assert [one.name for one in tmp_path.iterdir()] == ["x.cassette"]


def test_a_disk_that_fills_up_leaves_what_was_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.cassette"
    stage = Stage(path)
    stage.say(Text("before"))
    real = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) > 4:
            return real(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(store.os, "write", half)
        with pytest.raises(
            CassetteError,
            match=r"cannot be written: No space left on device; .* complete up to frame 1",
        ):
            stage.say(Text("while"))
    with pytest.raises(CassetteError, match="No space left"):
        stage.say(Text("after"))
    assert [one.frame for one in load(stage.recorder.partial).connections[0].records] == [Text("before")]
    assert stage.recorder.close() == path
    read = load(path)
    assert [one.frame for one in read.connections[0].records] == [Text("before")]
    assert read.header.ended == "cannot be written: No space left on device"


def test_a_batch_that_does_not_fit_is_cut_at_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path / "x.cassette")
    frames = [Text(f"frame {number}") for number in range(10)]
    real, before = os.write, stage.recorder.written
    stage.journal._sinks = [stage.recorder.keep]
    for frame in frames:
        stage.say(frame)
    assert stage.recorder.written == before  # they go together
    one = len(codec.pack([17, 0, 100, frames[0].data]))
    room = [one * 3 + 5]

    def full(file: int, data: bytes) -> int:
        size = min(len(data), room[0])
        room[0] -= size
        if not size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data[:size])

    monkeypatch.setattr(store.os, "write", full)
    with pytest.raises(CassetteError, match=r"complete up to frame 3$"):
        stage.recorder.commit()
    assert [one.frame for one in load(stage.recorder.partial).connections[0].records] == frames[:3]
    with pytest.raises(CassetteError, match=r"complete up to frame 3$"):
        stage.say(Text("after"))
    with pytest.raises(CassetteError, match=r"complete up to frame 3$"):
        stage.recorder.commit()  # of what was to go with that batch nothing may leave
    stage.recorder.discard()


def test_a_connection_that_is_over_leaves_only_what_was_found_in_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.cassette")
    for number, log in enumerate((stage.log, stage.open(), stage.open())):
        for piece in ("words ", "sk-proj-abcdefghijkl", "mnopqrstuvwx0123456789", " more"):
            stage.say(event(type="response.output_text.delta", response_id=f"r{number}", delta=piece), log=log)
        if number < 2:
            stage.say(Close(1000), log=log)
    over, again, running = stage.recorder._entries._connections.values()
    assert [bool(one.spread._streams) for one in (over, again, running)] == [False, False, True]
    assert over.redactor is again.redactor is stage.recorder._redactor
    read = load(stage.recorder.close() or "")
    assert read.header.redaction == {"header": 3, "key": 3, "split": 6}
    for connection in read.connections:
        assert "mnopqrstuvwx" not in repr(list(connection.records))


@pytest.mark.parametrize("comes", [True, False])
def test_a_large_frame_that_was_looked_at_ahead_is_written_as_any_other(tmp_path: Path, comes: bool) -> None:
    key = "sk-proj-abcdefghijklmnopqrstuvwx0123456789"
    large = event(type="response.output_text.done", text="x " * 5_000 + key)
    stage = Stage(tmp_path / "x.cassette")
    look = stage.recorder.ahead(stage.log.number, Sender.SERVER, large)
    assert look is not None
    assert stage.recorder.ahead(stage.log.number, Sender.SERVER, Text("short")) is None
    written = stage.recorder.written
    look()
    assert stage.recorder.written == written
    assert stage.recorder.ahead(stage.log.number, Sender.SERVER, large) is None, "once is enough"
    if comes:
        stage.say(large)
    else:  # a fault took it away
        stage.say(Text("another"))
    assert key not in str(stage.recorder.partial.read_bytes())
    read = load(stage.recorder.close() or "")
    (record,) = read.connections[0].records
    expected = Text(large.data.replace(key, "REDACTED-key-1")) if comes else Text("another")
    assert record.frame == expected


def test_a_disk_that_is_full_at_the_end_leaves_the_partial_file_and_the_old_cassette(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(b"the old one")
    stage = Stage(path, overwrite=True)
    stage.say(Text("a"))

    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.os, "fsync", refuse)
    with pytest.raises(CassetteError, match="No space left"):
        stage.recorder.close()
    assert path.read_bytes() == b"the old one"
    assert load(stage.recorder.partial).connections[0].records[0].frame == Text("a")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["x.cassette", "x.cassette.partial"]


def test_what_others_left_is_never_written_to(tmp_path: Path) -> None:
    left = tmp_path / "x.cassette.partial"
    left.write_bytes(b"left by a killed one")
    one, two = Recorder(tmp_path / "x.cassette"), Recorder(tmp_path / "x.cassette")
    assert {one.partial.name, two.partial.name} == {"x.cassette.2.partial", "x.cassette.3.partial"}
    one.discard()
    two.discard()
    assert left.read_bytes() == b"left by a killed one"


@pytest.mark.parametrize("policy", ["silence", "digest"])
def test_the_audio_policy_holds_for_the_partial_file_too(tmp_path: Path, policy: Any) -> None:
    stage = Stage(tmp_path / "x.cassette", audio=policy)
    raw = noise(960)
    stage.say(audio_delta(raw))
    assert raw not in stage.recorder.partial.read_bytes()
    (record,) = load(stage.recorder.close() or "").connections[0].records
    assert record.frame == audio_delta(bytes(960))
    assert record.digests == ((hashlib.sha256(raw).hexdigest(),) if policy == "digest" else ())


CHILD = """
import sys
from pathlib import Path
from mockserver.cassette.store import Recorder
from mockserver.core.frames import Handshake, Sender, Text
from mockserver.core.journal import Journal
from mockserver.dialects.openai.lens import OPENAI
journal = Journal()
recorder = Recorder(Path(sys.argv[1]), dialect=OPENAI, journal=journal)
journal.listen(recorder.sink)
log = journal.open(OPENAI)
journal.write(log, 0, Sender.CLIENT, Handshake("/v1/realtime"))
number = 0
while True:
    journal.write(log, number, Sender.SERVER, Text('{"n":%d,"pad":"%s"}' % (number, "x" * (number * 37 % 3000))))
    journal.entries.clear()
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""


@pytest.mark.wire
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_moment_every_forwarded_frame_is_there(tmp_path: Path, seed: int) -> None:
    """The child says a number once its frame was recorded, as a server would send the frame then."""
    path = tmp_path / "x.cassette"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    wanted = random.Random(seed).randrange(1, 600)
    for _ in range(wanted):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    forwarded = wanted + sum(1 for line in child.stdout.read().split("\n")[:-1] if line)
    child.wait()
    child.stdout.close()
    read = load(f"{path}.partial")
    records = read.connections[0].records
    assert read.header.ended == "killed"
    assert forwarded <= len(records) <= forwarded + 1
    assert all(one.frame.data.startswith(f'{{"n":{n},') for n, one in enumerate(records))  # type: ignore[union-attr]
    assert not path.exists()


def delta(text: str) -> Frame:
    return event(type="response.output_text.delta", item_id="i", delta=text)


def test_what_may_be_a_secret_is_held_and_given_back(tmp_path: Path) -> None:
    """At any moment the unfinished file holds no part of the key, and afterwards all of what was none."""
    key = "sk-proj-Ab1cD2eF3gH4iJ5k"
    pieces = ["we use sk-", "learn and", " my key is sk-pro", "j-Ab1cD2eF3", "gH4iJ5k", ", ok. sk-ab"]
    stage = Stage(tmp_path / "x.cassette")
    for number, piece in enumerate(pieces):
        stage.say(delta(piece), at=100 + number)
        written = load(stage.recorder.partial)
        assert [one.at for one in written.connections[0].records] == [100 + n for n in range(number + 1)]
        spoken = "".join(json.loads(one.frame.data)["delta"] for one in written.connections[0].records)  # type: ignore[union-attr]
        assert not any(key[n : n + 8] in spoken for n in range(len(key) - 7))
        assert key[:6] not in spoken
    assert load(stage.recorder.partial).connections[0].records[1].frame == delta(pieces[1])
    saved = load(stage.recorder.close() or "")
    told = [json.loads(one.frame.data)["delta"] for one in saved.connections[0].records]  # type: ignore[union-attr]
    assert told[0] == pieces[0]
    assert told[1] == pieces[1]
    assert told[2].startswith(" my key is REDACTED-split-")
    assert told[5] == pieces[5], "the end shows that it was none"
    assert saved.header.ended == "clean"


def test_a_credential_that_crossed_is_known_from_then_on(tmp_path: Path) -> None:
    secret = "Zq7lamp9Wd4kTu2xPo"
    shakes = (
        Handshake("/v1/realtime", (), (("Authorization", f"Bearer {secret}"),), (), "/v1/realtime"),
        Handshake("/v1/realtime", (("token", secret),), (), (), f"/v1/realtime?token={secret}"),
        Handshake("/v1/realtime", (), (), ("realtime", "token", secret), "/v1/realtime"),
        Handshake("/v1/realtime", (), (), ("bearer", secret), "/v1/realtime"),
    )
    for number, shake in enumerate(shakes):
        stage = Stage(tmp_path / f"{number}.cassette")
        other = stage.journal.open(OPENAI, began_us=1)
        stage.journal.write(other, 0, Sender.CLIENT, shake)
        encoded = base64.b64encode(b"x" + secret.encode() + b"yz").decode()
        for text in (f"it was {secret} again", f"{secret[:9]}", f'"{secret}"', encoded, secret.encode().hex()):
            stage.say(event(text=text), log=other)
        stage.say(Close(1008, f"bad {secret}"), log=other)
        before = stage.recorder.partial.read_bytes()
        path = stage.recorder.close()
        assert path is not None
        for data in (before, path.read_bytes()):
            for form in (secret, secret.encode().hex(), encoded):
                assert form.encode() not in data


def test_a_reply_that_hands_out_a_key_makes_it_known(tmp_path: Path) -> None:
    secret = "Zq7lamp9Wd4kTu2xPo"
    stage = Stage(tmp_path / "x.cassette")
    reply = json.dumps({"value": secret, "expires_at": 1}).encode()
    for body in (reply, gzip.compress(reply, mtime=0)):
        stage.recorder.exchange(Exchange("POST", "/v1/realtime/client_secrets", b"{}", 200, (), body))
    stage.say(event(text=f"it was {secret}"))
    assert secret.encode() not in stage.recorder.partial.read_bytes()
    made = load(stage.recorder.close() or "")
    assert secret.encode() not in gzip.decompress(made.exchanges[1].body)
    assert "REDACTED-seen-1" in repr(made.connections[0].records[0])
