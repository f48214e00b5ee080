"""Each ready-made assertion holds where it should, and fails where it should with a message that explains itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mockserver import script, simulator, speech
from mockserver.assertions import (
    assert_cancelled,
    assert_interrupted,
    assert_isolated,
    assert_metadata_echoed,
    assert_one_at_a_time,
    assert_orphan_discarded,
    assert_spoken,
    audio_of,
    said_in,
)
from mockserver.assertions.said import within
from mockserver.core.frames import Sender
from mockserver.core.journal import Journal
from mockserver.dialects.registry import dialect_named
from mockserver.errors import ExpectationFailed, UsageError
from tests import typed_assertions
from tests.talk import Talk

SECRET = "blue elephants"
ASIDE = {"conversation": "none", "input": [], "instructions": SECRET}


def talk(*faults: str, misbehave: str = "", **settings: object) -> Talk:
    switches = [misbehave] if misbehave else []
    return Talk(simulator("openai", misbehave=switches, **settings), faults=faults)


# --- words and audio ---


def test_spoken_returns_what_was_heard() -> None:
    audio = speech.encode("Hello there, my friend.")
    assert assert_spoken("hello THERE", audio) == "Hello there, my friend."
    assert assert_spoken("there my friend", [audio[:1001], audio[1001:]])
    assert assert_spoken("hello there my friend", audio, only=True)


@pytest.mark.parametrize(
    ("words", "only", "told"),
    [
        ("good bye", False, "expected to hear 'good bye', heard 'Hello there, my friend.'"),
        ("there hello", False, "expected to hear 'there hello'"),
        ("hello", True, "expected to hear only 'hello', heard 'Hello there, my friend.'"),
    ],
)
def test_spoken_fails_with_what_was_heard(words: str, only: bool, told: str) -> None:
    with pytest.raises(ExpectationFailed) as failed:
        assert_spoken(words, speech.encode("Hello there, my friend."), only=only)
    assert told in str(failed.value)


def test_spoken_is_not_satisfied_by_silence_and_asks_for_words() -> None:
    with pytest.raises(ExpectationFailed, match="expected to hear 'hello', heard ''"):
        assert_spoken("hello", bytes(48_000))
    with pytest.raises(UsageError, match="no words given"):
        assert_spoken(" ", speech.encode("hello"))


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("table is", "Your table is ready", True),
        ("TABLE", "„Table“ … ready", True),
        ("le is", "your table is ready", False),
        ("C", "C++ is a language", False),
        ("naïve CAFÉ", "a naïve café.", True),
        ("好了", "您的桌子好了。", True),
        ("桌子 好了", "您的桌子，好了。", True),
        ("不好", "您的桌子好了。", False),
        ("โต๊ะ", "โต๊ะของคุณพร้อมแล้ว", True),
    ],
)
def test_where_words_are_found(words: str, text: str, found: bool) -> None:
    assert within(words, text) is found


def test_what_a_response_said() -> None:
    client = talk()
    response = client.ask("hello there")
    assert said_in(client.journal, response) == ["hello there"]
    assert speech.decode(audio_of(client.journal, response=response)) == "hello there"
    text_only = client.ask(output_modalities=["text"], instructions="a note")
    assert said_in(client.journal, text_only) == ["a note | hello there"]
    assert audio_of(client.journal, response=text_only) == b""
    with pytest.raises(UsageError, match="rate=0"):
        audio_of(client.journal, rate=0)


def test_damaged_audio_is_not_heard() -> None:
    client = talk("bad base64 on response.output_audio.delta")
    response = client.ask("hello there")
    assert audio_of(client.journal, response=response) == b""
    assert said_in(client.journal, response) == ["hello there"]  # of the transcript


# --- orphans ---


def orphan(client: Talk) -> str:
    """A response that is created, cancelled by id, and ends."""
    client.say("an orphan that goes on and on")
    client.send("response.create")
    client.wait(500)
    response: str = client.created[-1]["response"]["id"]
    client.send("response.cancel", response_id=response)
    client.wait(1_000)
    return response


def test_an_orphan_that_was_discarded() -> None:
    client = talk()
    response = orphan(client)
    other = client.ask("another turn")
    assert_orphan_discarded(client.journal, response, surfaced=["something else", speech.encode("other words")])
    assert said_in(client.journal, other)


def test_no_orphan_no_proof() -> None:
    client = talk()
    with pytest.raises(ExpectationFailed, match=r"response.created from the server with response resp_x once"):
        assert_orphan_discarded(client.journal, "resp_x")


def test_an_orphan_that_nobody_cancelled() -> None:
    client = talk()
    response = client.ask("an orphan")
    client.send("response.cancel")
    with pytest.raises(ExpectationFailed) as failed:
        assert_orphan_discarded(client.journal, response)
    told = str(failed.value)
    assert f"response.cancel from the client with response_id='{response}' once, found never" in told
    assert "<--  response.created" in told  # the timeline


def test_an_orphan_whose_item_the_client_goes_on_with() -> None:
    client = talk()
    response = orphan(client)
    item = client.journal.sent_by_server("response.output_item.added").body["item"]["id"]
    # To delete it, and to place something behind it, is no use of it.
    client.send("conversation.item.delete", item_id=item)
    client.send("conversation.item.create", previous_item_id=item, item={"type": "message"})
    assert_orphan_discarded(client.journal, response)
    client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=0)
    with pytest.raises(ExpectationFailed) as failed:
        assert_orphan_discarded(client.journal, response)
    assert f"no client frame to use orphan {response} or its items, found 1" in str(failed.value)
    assert ">" in str(failed.value)


@pytest.mark.parametrize("as_audio", [False, True])
def test_an_orphan_that_surfaced(as_audio: bool) -> None:
    client = talk()
    response = orphan(client)
    given = "and then: an orphan that"
    with pytest.raises(ExpectationFailed) as failed:
        assert_orphan_discarded(client.journal, response, surfaced=[speech.encode(given) if as_audio else given])
    assert f"orphan {response} surfaced" in str(failed.value)
    assert "holds the orphan's 'an orphan that'" in str(failed.value)


# --- isolation ---


def test_what_was_said_aside_stays_aside() -> None:
    client = talk()
    client.ask("hello")
    client.ask(**ASIDE)
    client.ask("and now?")
    assert_isolated(SECRET, client.handle, surfaced=["hello", "and now?"])


def test_nothing_said_aside_proves_nothing() -> None:
    client = talk()
    client.ask("hello")
    with pytest.raises(ExpectationFailed) as failed:
        assert_isolated(SECRET, client.handle)
    assert f"nothing to isolate: no out-of-band response said '{SECRET}'" in str(failed.value)
    # Said in the conversation is not said out of band.
    client.ask(instructions=SECRET)
    with pytest.raises(ExpectationFailed, match="nothing to isolate"):
        assert_isolated(SECRET, client.handle)


def leak(client: Talk) -> str:
    with pytest.raises(ExpectationFailed) as failed:
        assert_isolated(SECRET, client.handle)
    told = str(failed.value)
    assert f"expected '{SECRET}' to stay out of the conversation, found it in:" in told
    return told


def test_a_leak_on_the_server_is_found_in_the_conversation_the_context_and_the_reply() -> None:
    client = talk(misbehave="oob_leaks")
    client.ask(**ASIDE)
    assert "of the server's conversation" in leak(client)
    client.ask("and now?")
    told = leak(client)
    assert "the context of response resp_" in told
    assert "the reply resp_" in told


def test_a_leak_by_the_client_is_found() -> None:
    client = talk()
    client.ask(**ASIDE)
    client.say(f"you said {SECRET} before")
    assert "an item that the client created: 'you said blue elephants before'" in leak(client)


def test_a_leak_into_the_clients_own_context_is_found() -> None:
    client = talk()
    client.ask(**ASIDE)
    with pytest.raises(ExpectationFailed, match="the client's own conversation: 'Blue elephants!'"):
        assert_isolated(SECRET, client.handle, surfaced=["hello", "Blue elephants!"])


def test_one_thing_that_surfaced_is_not_its_letters() -> None:
    client = talk()
    client.ask(**ASIDE)
    with pytest.raises(ExpectationFailed, match="the client's own conversation: 'Blue elephants!'"):
        assert_isolated(SECRET, client.handle, surfaced="Blue elephants!")
    with pytest.raises(ExpectationFailed, match="the client's own conversation: 'blue elephants'"):
        assert_isolated(SECRET, client.handle, surfaced=speech.encode("blue elephants"))
    assert_isolated(SECRET, client.handle, surfaced="hello")
    client = talk()
    response = orphan(client)
    with pytest.raises(ExpectationFailed, match=f"orphan {response} surfaced"):
        assert_orphan_discarded(client.journal, response, surfaced="and then: an orphan that")


def test_isolation_needs_a_simulator() -> None:
    client = Talk(script(script.send({"type": "session.created"})))
    client.hand(Sender.SERVER, "response.created", response={"id": "resp_1", "conversation_id": None})
    client.hand(Sender.SERVER, "response.output_text.delta", response_id="resp_1", delta=SECRET)
    with pytest.raises(UsageError, match="it needs a simulator behind it"):
        assert_isolated(SECRET, client.handle)


# --- interruptions ---


def interrupted(client: Talk, at_ms: int) -> None:
    client.ask("one two three four five six")
    item = client.journal.sent_by_server("response.output_item.added").body["item"]["id"]
    client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=at_ms)


def test_an_interruption_keeps_what_was_heard() -> None:
    client = talk()
    interrupted(client, 700)
    heard = assert_interrupted(client.handle, 700)
    assert heard == "one two"
    assert assert_interrupted(client.handle, 690, tolerance_ms=10) == heard


def test_an_interruption_at_another_time() -> None:
    client = talk()
    interrupted(client, 700)
    with pytest.raises(ExpectationFailed) as failed:
        assert_interrupted(client.handle, 600, tolerance_ms=50)
    assert "expected an interruption at 600 ms (give or take 50), the client truncated at 700" in str(failed.value)


def test_no_interruption() -> None:
    client = talk()
    client.ask("one two three")
    with pytest.raises(
        ExpectationFailed,
        match=r"conversation.item.truncate from the client with session 0 once, found never",
    ):
        assert_interrupted(client.handle, 600)


def test_a_truncation_that_the_server_refused() -> None:
    client = talk()
    interrupted(client, 60_000)
    with pytest.raises(ExpectationFailed, match=r"conversation.item.truncated from the server .* once, found never"):
        assert_interrupted(client.handle, 60_000)


def test_a_server_that_ignores_the_truncation() -> None:
    client = talk(misbehave="truncate_ignored")
    interrupted(client, 700)
    with pytest.raises(ExpectationFailed) as failed:
        assert_interrupted(client.handle, 700)
    assert "by 700 ms the user had heard 'one two', the server's conversation keeps 'one two three" in str(failed.value)


def test_a_server_that_keeps_no_transcript() -> None:
    client = talk(truncated_transcript="deleted")
    interrupted(client, 700)
    assert assert_interrupted(client.handle, 700) == "one two"


# --- rules of the protocol ---


def test_metadata_comes_back() -> None:
    client = talk()
    client.ask("hello", metadata={"topic": "a"})
    client.ask("hello again", metadata={"topic": "b"})
    client.ask("and without")
    assert_metadata_echoed(client.journal)
    assert_metadata_echoed(client.journal, session=0)


def test_a_refused_request_owes_no_metadata() -> None:
    client = talk()
    client.send("response.create", response={"metadata": {"topic": "a"}})
    client.send("response.create", event_id="second", response={"metadata": {"topic": "b"}})
    client.wait(5_000)
    client.journal.sent_by_server("error", where={"error.event_id": "second"}).once()
    assert_metadata_echoed(client.journal)


def test_metadata_that_is_lost() -> None:
    for client in (
        talk(misbehave="metadata_dropped"),
        talk("strip response.metadata on response.created"),
    ):
        client.ask("hello", metadata={"topic": "a"})
        with pytest.raises(ExpectationFailed) as failed:
            assert_metadata_echoed(client.journal)
        assert "expected a response.created with metadata {'topic': 'a'}, found [None]" in str(failed.value)


def test_without_metadata_there_is_nothing_to_check() -> None:
    client = talk()
    client.ask("hello")
    with pytest.raises(
        ExpectationFailed,
        match=r"nothing to check: no response.create of the client carries metadata",
    ):
        assert_metadata_echoed(client.journal)


def test_a_cancel_ends_a_response() -> None:
    client = talk()
    assert_cancelled(client.journal, orphan(client))


def test_a_bare_cancel_counts_for_the_open_response() -> None:
    client = talk()
    client.say("one two three four five six seven eight")
    client.send("response.create")
    client.wait(450)
    client.send("response.cancel")
    client.wait(1_000)
    response = client.created[-1]["response"]["id"]
    assert client.journal.sent_by_server("response.*delta", response=response)
    assert_cancelled(client.journal, response)
    with pytest.raises(ExpectationFailed, match=r"\(turn_detected\), it ended as cancelled \(client_cancelled\)"):
        assert_cancelled(client.journal, response, reason="turn_detected")
    assert_cancelled(client.journal, response, reason=None)


def test_a_response_that_completed_was_not_cancelled() -> None:
    client = talk(misbehave="cancel_ignored")
    response = orphan(client)
    with pytest.raises(ExpectationFailed) as failed:
        assert_cancelled(client.journal, response)
    assert f"expected {response} to end as cancelled (client_cancelled), it ended as completed" in str(failed.value)


def test_what_the_user_interrupted_was_cancelled_without_a_word_of_the_client() -> None:
    client = talk("cancel midway because turn_detected on 3rd response.output_audio_transcript.delta")
    response = client.ask("one two three four five six")
    assert_cancelled(client.journal, response, reason="turn_detected")


def test_deltas_after_a_cancel() -> None:
    client = talk()
    response = client.ask("hello")
    client.hand(Sender.SERVER, "response.created", response={"id": "resp_x"})
    client.hand(Sender.CLIENT, "response.cancel", response_id="resp_x")
    client.hand(Sender.SERVER, "response.output_text.delta", response_id="resp_x", delta="more")
    details = {"type": "cancelled", "reason": "client_cancelled"}
    body = {"id": "resp_x", "status": "cancelled", "status_details": details}
    client.hand(Sender.SERVER, "response.done", response=body)
    with pytest.raises(
        ExpectationFailed,
        match="nothing of resp_x after the client cancelled it, found 1 more deltas",
    ):
        assert_cancelled(client.journal, "resp_x")
    client.hand(Sender.SERVER, "response.created", response={"id": "resp_y"})
    client.hand(Sender.SERVER, "response.done", response=body | {"id": "resp_y"})
    with pytest.raises(
        ExpectationFailed,
        match=r"response.cancel from the client while resp_y was open, found none",
    ):
        assert_cancelled(client.journal, "resp_y")
    assert response


def test_one_response_at_a_time() -> None:
    client = talk()
    client.say("hello")
    client.send("response.create")
    client.send("response.create", response=ASIDE)  # out of band: beside the other, which is allowed
    client.send("response.create")  # refused
    client.wait(5_000)
    client.ask("again")
    assert len(client.created) == 3
    assert_one_at_a_time(client.journal)


def test_without_a_response_there_is_nothing_to_be_one_at_a_time() -> None:
    client = talk()
    client.say("hello")
    client.wait(5_000)
    with pytest.raises(ExpectationFailed, match="nothing to check: no response began"):
        assert_one_at_a_time(client.journal)
    client.send("response.create")
    client.wait(5_000)
    assert_one_at_a_time(client.journal)
    with pytest.raises(UsageError, match="nothing to check: no client has connected"):
        assert_one_at_a_time(Journal())


def test_two_active_responses() -> None:
    client = talk(misbehave="two_active")
    client.say("hello")
    client.send("response.create")
    client.send("response.create")
    client.wait(5_000)
    first, second = (body["response"]["id"] for body in client.created)
    with pytest.raises(ExpectationFailed) as failed:
        assert_one_at_a_time(client.journal)
    assert f"one active response at a time, found {second} created while {first} was active" in str(failed.value)


def test_all_of_it_as_a_user_types_it() -> None:
    assert 90 < asyncio.run(typed_assertions.main()) < 95


# --- providers whose wire has no ids of replies ---


class Anyone:
    """A session of which nothing is known."""

    number = 0

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def inspect(self) -> None:
        raise AssertionError("nothing may be looked into before the wire is known to tell")


READ: dict[str, Callable[[Journal], object]] = {
    "orphan": lambda journal: assert_orphan_discarded(journal, "resp_1"),
    "isolated": lambda journal: assert_isolated("hello", Anyone(journal)),
    "interrupted": lambda journal: assert_interrupted(Anyone(journal), 100),
    "metadata": assert_metadata_echoed,
    "cancelled": lambda journal: assert_cancelled(journal, "resp_1"),
    "one at a time": assert_one_at_a_time,
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("provider", ["gemini", "gpt_live", "elevenlabs"])
def test_what_a_wire_cannot_tell_is_said_with_what_to_look_at(provider: str, name: str) -> None:
    dialect = dialect_named(provider)
    journal = Journal()
    journal.open(dialect)
    with pytest.raises(UsageError) as told:
        READ[name](journal)
    assert f"{dialect.title} has no event for that: {dialect.life.instead}" in str(told.value)
    assert "cannot be told; look at" in str(told.value)


@pytest.mark.parametrize("name", READ)
def test_where_the_wire_can_tell_that_is_not_said(name: str) -> None:
    """The control."""
    journal = Journal()
    journal.open(dialect_named("openai"))
    try:
        READ[name](journal)
    except (ExpectationFailed, UsageError, AssertionError) as told:
        assert "no event for that" not in str(told)  # noqa: PT017 - one of them holds where nothing has happened
