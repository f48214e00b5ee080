# test_controls.py
"""Negative controls: each assertion fails where the server, or the client, does what it must not do.

Run with -s to see the table.
"""

import asyncio

from sdk_client import voice
from test_say import say_as_input, say_as_instructions

from mockserver import MockServer, simulator, virtual_time
from mockserver.assertions import (
    assert_cancelled,
    assert_interrupted,
    assert_isolated,
    assert_metadata_echoed,
    assert_one_at_a_time,
    assert_spoken,
)
from mockserver.engines.simulator import Misbehaviour
from mockserver.errors import ExpectationFailed

WORDS = "your table is ready"
COUNT = "one two three four five six seven eight nine ten"


async def isolation(server, client):
    await say_as_instructions(client, WORDS)
    await (await client.ask(instructions="anything else")).done.wait()
    assert_isolated(WORDS, server.sessions[0])


async def metadata(server, client):
    try:
        await client.ask(instructions="hello")
    except TimeoutError:
        pass  # it cannot know its own reply; the assertion says why
    assert_metadata_echoed(server.journal)


async def cancelling(server, client):
    reply = await client.ask(instructions=COUNT)
    await asyncio.sleep(0.4)
    await client.connection.response.cancel()
    await reply.done.wait()
    assert_cancelled(server.journal, reply.response_id)


async def truncation(server, client):
    reply = await client.ask(instructions=COUNT)
    await reply.done.wait()
    await client.connection.conversation.item.truncate(item_id=reply.item_id, content_index=0, audio_end_ms=900)
    await asyncio.sleep(1)
    assert_interrupted(server.sessions[0], 900)


async def one_at_a_time(server, client):
    first = await client.ask(instructions=COUNT)
    await client.connection.response.create()
    await first.done.wait()
    assert_one_at_a_time(server.journal)


CONTROLS = {
    Misbehaviour.OOB_LEAKS: (isolation, "assert_isolated"),
    Misbehaviour.METADATA_DROPPED: (metadata, "assert_metadata_echoed"),
    Misbehaviour.CANCEL_IGNORED: (cancelling, "assert_cancelled"),
    Misbehaviour.TRUNCATE_IGNORED: (truncation, "assert_interrupted"),
    Misbehaviour.TWO_ACTIVE: (one_at_a_time, "assert_one_at_a_time"),
}


async def outcome(scenario, *misbehave):
    """What the assertion says: "holds", or "fails" and the first line of why."""
    with virtual_time():
        async with (
            MockServer(simulator("openai", misbehave=misbehave)) as server,
            voice(server) as client,
        ):
            try:
                await scenario(server, client)
            except ExpectationFailed as failed:
                noted = any(server.journal.notes("misbehaviour"))
                return f"fails: {str(failed).splitlines()[0]}", noted
    return "holds", False


async def test_with_each_switch_on_the_matching_assertion_fails(capsys):
    table = [("the server", "assertion", "as it should", "with the switch on")]
    for switch in Misbehaviour:
        scenario, name = CONTROLS[switch]
        good, _ = await outcome(scenario)
        bad, noted = await outcome(scenario, switch)
        assert good == "holds", switch
        assert bad.startswith("fails"), switch
        assert noted, f"{switch} must be loud in the journal"
        table.append((switch.value, name, good, bad))
    with capsys.disabled():
        print("\n" + "\n".join(f"{a:17} {b:23} {c:13} {d:.90}" for a, b, c, d in table))


async def test_the_trial_of_say(capsys):
    async def trial(say):
        async def scenario(server, client):
            assert_spoken(WORDS, (await say(client, WORDS)).audio, only=True)

        return (await outcome(scenario))[0]

    wrong, right = await trial(say_as_input), await trial(say_as_instructions)
    assert right == "holds"
    assert wrong == f"fails: expected to hear only '{WORDS}', heard 'That is said already.'"
    with capsys.disabled():
        print(f"\nsay() with an assistant message as input: assert_spoken {wrong}")
        print(f"say() with the words as instructions:     assert_spoken {right}")


def test_every_switch_has_its_control():
    assert set(CONTROLS) == set(Misbehaviour)
