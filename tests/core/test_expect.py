"""Assertions on a journal: each holds, and each fails with a message that explains itself."""

from __future__ import annotations

import json

import pytest

from mockserver.core.expect import in_order
from mockserver.core.frames import Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.paths import dig, matches
from mockserver.dialects.base import Dialect
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import ExpectationFailed, UsageError


@pytest.fixture
def journal() -> Journal:
    journal = Journal()
    log = journal.open(OPENAI)

    def add(at: int, sender: Sender, **body: object) -> None:
        journal.write(log, at, sender, Text(json.dumps(body)))

    add(0, Sender.SERVER, type="session.created")
    add(10_000, Sender.CLIENT, type="response.create", response={"metadata": {"topic": "weather"}})
    add(30_000, Sender.SERVER, type="response.created", response={"id": "resp_1", "metadata": None})
    add(40_000, Sender.CLIENT, type="response.cancel", response_id="resp_1")
    add(50_000, Sender.SERVER, type="response.done", response={"id": "resp_1"})
    return journal


def test_counting(journal: Journal) -> None:
    journal.sent_by_client("response.cancel").once()
    journal.sent_by_client("response.*").exactly(2)
    journal.sent_by_server("response.output_audio.delta").never()
    journal.sent_by_server("response.*").at_least(2).at_most(2)
    for wrong in (
        lambda: journal.sent_by_client("response.cancel").never(),
        lambda: journal.sent_by_client("response.*").once(),
        lambda: journal.sent_by_server("nothing").at_least(1),
        lambda: journal.sent_by_server("*").at_most(1),
    ):
        with pytest.raises(ExpectationFailed):
            wrong()


def test_fields_response_and_metadata_narrow_a_selection(journal: Journal) -> None:
    journal.sent_by_client(where={"response_id": "resp_1"}).once()
    journal.sent_by_client(metadata={"topic": "weather"}).once()
    journal.sent_by_client(metadata={"topic": "sport"}).never()
    journal.sent_by_server(response="resp_1").exactly(2)
    journal.sent_by_server("response.created", where={"response.metadata": ...}).once()
    journal.sent_by_server("response.done", where={"response.metadata": ...}).never()
    assert journal.sent_by_client("response.cancel").body["response_id"] == "resp_1"


def test_a_function_may_choose_and_anything_else_is_refused_at_once(journal: Journal) -> None:
    def about_weather(body: dict[str, object]) -> bool:
        return "weather" in json.dumps(body)

    chosen = journal.sent_by_client(where=about_weather).once()
    assert chosen.described == "* from the client with about_weather"
    journal.sent_by_client(where=about_weather, response="resp_1").never()
    journal.sent_by_client(where=lambda body: True).exactly(2)
    with pytest.raises(UsageError, match=r"where='x': expected paths and values such as .*, or a function of the body"):
        journal.sent_by_client(where="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["clientContent.turnComplete", "client_content.turn_complete"])
@pytest.mark.parametrize(
    "sent", [{"client_content": {"turn_complete": True}}, {"clientContent": {"turnComplete": True}}]
)
def test_a_path_is_written_as_the_provider_takes_it(sent: dict[str, object], path: str) -> None:
    def told(dialect: Dialect) -> Journal:
        journal = Journal()
        journal.write(journal.open(dialect), 0, Sender.CLIENT, Text(json.dumps(sent)))
        return journal

    gemini = told(GEMINI)
    assert gemini.sent_by_client("clientContent", where={path: True}).once().bodies == [sent]
    gemini.sent_by_client(where={path.partition(".")[0]: {"turnComplete": True}}).once()
    gemini.sent_by_client(where={path: False}).never()
    there = path.partition(".")[0] in sent
    told(OPENAI).sent_by_client(where={path: True}).exactly(int(there))  # the control: one spelling is the name


def test_a_field_is_no_argument(journal: Journal) -> None:
    told = r"unknown argument 'response_id': .* a field of the frame goes into where=\{\"response_id\": ...\}"
    with pytest.raises(UsageError, match=told):
        journal.sent_by_client("response.cancel", response_id="resp_1")  # type: ignore[call-arg]


def test_order_and_time(journal: Journal) -> None:
    create, created = (
        journal.sent_by_client("response.create"),
        journal.sent_by_server("response.created"),
    )
    create.before(created)
    created.after(create).within(ms=20, of=create)
    in_order(create, created, journal.sent_by_server("response.done"))
    with pytest.raises(ExpectationFailed, match=r"before response.create from the client"):
        created.before(create)
    with pytest.raises(ExpectationFailed, match=r"within 19 ms .* \(it took 20 ms\)"):
        created.within(ms=19, of=create)
    with pytest.raises(ExpectationFailed, match="found the other order"):
        in_order(created, create)
    with pytest.raises(UsageError, match="one of the two"):
        created.within(of=create)


def test_a_failure_says_what_was_expected_and_prints_the_timeline(journal: Journal) -> None:
    with pytest.raises(ExpectationFailed) as caught:
        journal.sent_by_client("response.cancel", where={"response_id": "resp_1"}).never()
    lines = str(caught.value).splitlines()
    assert lines[0] == ("expected response.cancel from the client with response_id='resp_1' never, found once")
    assert [line for line in lines[1:] if line.startswith(">")] == [
        line for line in lines[1:] if "response.cancel" in line
    ]
    assert len([line for line in lines[1:] if "response.created" in line]) == 1


def test_dotted_paths() -> None:
    body = {"item": {"content": [{"type": "text"}, {"type": "audio"}]}, "none": None}
    assert dig(body, "item.content.-1.type") == ("audio", True)
    assert dig(body, "none") == (None, True)
    assert dig(body, "item.content.2.type") == (None, False)
    for odd in ("-", "\u00b2", "9" * 5_000):  # no index, and no number that Python reads
        assert dig(body, f"item.content.{odd}") == (None, False)
    assert matches(body, {"none": None})
    assert not matches(body, {"missing": None})


def test_a_long_timeline_loses_its_middle_but_nothing_that_is_marked() -> None:
    journal = Journal()
    log = journal.open(OPENAI)
    for at in range(500):
        name = "error" if at == 250 else "session.updated"
        journal.write(log, at * 1_000, Sender.SERVER, Text(json.dumps({"type": name})))
    with pytest.raises(ExpectationFailed) as caught:
        journal.sent_by_server("error").never()
    lines = str(caught.value).splitlines()[1:]
    assert len(lines) == 60 + 3
    assert [line for line in lines if line.startswith(">")] == [line for line in lines if "error" in line]
    hidden = [int(line.split()[1]) for line in lines if line.startswith("  ... ")]
    assert len(hidden) == 2
    assert sum(hidden) + 60 + 1 == 501
    assert "0.499" in lines[-1]


def test_an_empty_selection_has_no_first_and_is_in_no_order(journal: Journal) -> None:
    nothing, created = journal.sent_by_server("nothing"), journal.sent_by_server("response.created")
    for wrong in (
        lambda: nothing.first,
        lambda: nothing.last,
        lambda: nothing.body,
        lambda: nothing.before(created),
        lambda: created.after(nothing),
        lambda: created.within(ms=1, of=nothing),
        lambda: in_order(created, nothing),
    ):
        with pytest.raises(ExpectationFailed, match="nothing from the server"):
            wrong()
    assert not nothing
    assert list(created) == list(created.entries)


@pytest.mark.parametrize("size", [10, 20_000])
def test_what_a_test_does_with_a_body_does_not_change_what_was_sent(size: int) -> None:
    journal = Journal()
    log = journal.open(OPENAI)
    for body in ({"type": "session.update", "event_id": "event_1", "pad": "x" * size}, {"type": "response.create"}):
        journal.write(log, 0, Sender.CLIENT, Text(json.dumps(body)))
    mine = journal.sent_by_client("session.update").body
    assert mine.pop("event_id") == "event_1"
    assert journal.sent_by_client("response.create").body == {"type": "response.create"}
    assert journal.sent_by_client("session.update").body["event_id"] == "event_1"
