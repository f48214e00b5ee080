"""Each cassette of ``cassettes`` says where it is from, and plays to the client that it was recorded with."""

from __future__ import annotations

import warnings
from contextlib import suppress

import pytest

from mockserver import MockServer, replay
from mockserver.cassette.store import load
from mockserver.engines.simulator.providers import DIALECTS
from mockserver.errors import ReplayMismatch
from mockserver.server.virtual import virtual_time
from tests.docs import TOP
from tests.recordings import UNRECORDED, talks
from tests.recordings.talks import SAID, TALKS, TLS

FOLDER = TOP / "cassettes"


def test_every_provider_that_is_simulated_has_one() -> None:
    simulated = {name for name, dialect in DIALECTS.items() if dialect.simulator}
    assert set(TALKS) == simulated
    assert {path.stem for path in FOLDER.glob("*.cassette")} == {*TALKS, "demo"}


@pytest.mark.parametrize("name", TALKS)
def test_its_header_says_where_it_is_from(name: str) -> None:
    header = load(FOLDER / f"{name}.cassette").header
    recorded = DIALECTS[name].transport == "websocket"
    assert header.origin.startswith("mockserver record --upstream http://127.0.0.1:" if recorded else UNRECORDED)
    assert (header.dialect, header.ended, header.faults) == (name, "clean", ())


@pytest.mark.parametrize("name", TALKS)
async def test_it_plays_to_its_client(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with virtual_time(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the clients' own dependencies say as they are imported
        async with MockServer(replay(FOLDER / f"{name}.cassette"), tls=name in TLS) as server:
            if name in TLS:
                monkeypatch.setenv("SSL_CERT_FILE", server.env()["SSL_CERT_FILE"])
            assert await TALKS[name](server.env()) == SAID
        server.verify()
    assert len(server.sessions) == 1


async def test_it_does_not_play_to_a_client_that_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "ASKED", "good night")
    server = MockServer(replay(FOLDER / "xai.cassette"))
    with virtual_time(), suppress(AssertionError):  # the client is told, too
        await server.start()
        await TALKS["xai"](server.env())
    await server.close()
    with pytest.raises(ReplayMismatch, match="good night"):
        server.verify()
