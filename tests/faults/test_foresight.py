"""Whether a fault can fire is told from an ordinary run, and is what happens then; later connections can be named."""

from __future__ import annotations

import json

import aiohttp
import pytest
from click.testing import CliRunner

from mockserver import MockServer, faults, simulator
from mockserver.cli import main
from mockserver.dialects.openai.lens import OPENAI
from mockserver.dialects.registry import DIALECTS, dialect_named
from mockserver.errors import UsageError
from mockserver.faults import catalogue, foresee, parse
from mockserver.faults.listing import strangers

KEY = {"Authorization": "Bearer any"}


async def talk(server: MockServer, turns: int = 1) -> list[str]:
    """One connection with so many turns; the names that came, and how it ended."""
    names: list[str] = []
    async with aiohttp.ClientSession() as http:
        try:
            socket = await http.ws_connect(f"{server.ws_url}?model=gpt-realtime", headers=KEY)
        except aiohttp.WSServerHandshakeError as error:
            return [str(error.status)]
        for _ in range(turns):
            await socket.send_json({"type": "response.create", "response": {"output_modalities": ["text"]}})
            while not names or names[-1] != "response.done":
                message = await socket.receive(timeout=5)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return [*names, f"ended {message.data}"]
                names.append(json.loads(message.data)["type"])
            names.append("turn")
        await socket.close()
    return names


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("drop on response.done", ""),
        ("drop on 2nd response.done", ""),
        ("drop on 3rd response.done", "not number 3"),
        ("close 1011 on response.done in 1st response", ""),
        ("bad base64 on response.created", "nothing in it to act on"),
        ("cancel not active", "sent no response.cancel"),
        ("refuse 401", ""),
        ("refuse 401 in 2nd connection", "1 connections were attempted"),
        ("drop on response.done after reconnect", "2 of a connection that is not meant"),
        ("delay 1s on response.create", ""),
    ],
)
async def test_what_is_foreseen_is_what_happens(spec: str, why: str) -> None:
    async with MockServer(simulator("openai")) as server:
        assert (await talk(server, 2))[-1] == "turn"
    told = foresee(parse(spec), server.journal, OPENAI)
    assert told.fires is not bool(why)
    assert why in told.why
    second = MockServer(simulator("openai"), faults=[spec + " optional"])
    async with second:
        if not why and "drop" not in spec:
            await talk(second, 2)
            assert next(iter(second.faults.values())).fired
        elif why:
            await talk(second, 2)
            assert not next(iter(second.faults.values())).fired


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        ("refuse 401 in 2nd connection", [False, True, False]),
        ("refuse 401 after reconnect", [False, True, True]),
        ("refuse 401 for first 2 attempts", [True, True, False]),
        ("refuse 401 in connection 3", [False, False, True]),
    ],
)
async def test_a_later_connection_can_be_named(spec: str, refused: list[bool]) -> None:
    async with MockServer(simulator("openai"), faults=[spec]) as server:
        assert [(await talk(server))[0] == "401" for _ in range(3)] == refused


async def test_an_event_of_a_later_connection() -> None:
    async with MockServer(simulator("openai"), faults=["close 1011 on response.created in 2nd connection"]) as server:
        assert [(await talk(server))[-1] for _ in range(3)] == ["turn", "ended 1011", "turn"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("drop on a in the connection", "which connection: 2nd"),
        ("drop on a after reconnect in 1st connection", "the first connection is none"),
        ("drop on a in 0th connection", "connection: expected 1 or more"),
    ],
)
def test_what_names_no_connection(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(spec)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_list_says_where_each_applies_and_what_to_try(name: str) -> None:
    dialect = dialect_named(name)
    for entry in catalogue(dialect):
        assert (entry.blame == "provider") == bool(entry.fact)
        assert entry.senders
        if entry.group in faults.listing.GROUPS and not entry.missing:
            for words in entry.tries:
                where = " on x" if entry.aims != "handshake" else ""
                assert parse(words.replace("{field}", "item_id") + where).action.words


def test_every_fact_that_a_dialect_cites_is_of_a_fault_that_exists() -> None:
    known = {entry.name for entry in catalogue()}
    cited = {name for dialect in DIALECTS.values() for name in dialect.does}
    assert cited
    assert cited <= known
    for dialect in DIALECTS.values():
        assert not dialect.does.keys() & strangers(dialect).keys(), dialect.name


def test_the_list_for_a_program() -> None:
    run = CliRunner().invoke(main, ["faults", "--json", "delay"])
    assert run.exit_code == 0, run.output
    (entry,) = json.loads(run.output)["faults"]
    assert entry["senders"] == ["server", "client"]
    assert entry["values"][0] == {
        "name": "amount",
        "expected": "a duration such as 300ms or 11s",
        "choices": [],
        "required": True,
    }
    assert entry["tries"] == ["delay 2s", "delay 40s"]
    assert CliRunner().invoke(main, ["faults", "--json", "delya"]).exit_code == 2
