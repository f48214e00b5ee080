"""The public API as a user types it. mypy reads this file (``make types``); nothing runs it."""

from __future__ import annotations

from mockserver import (
    Cassette,
    Journal,
    MockServer,
    Recall,
    Rules,
    Scripted,
    assertions,
    errors,
    faults,
    relay,
    replay,
    script,
    simulator,
    speech,
)


async def simulated() -> str:
    source = simulator("openai", replier=Recall(), pace="instant", misbehave=("oob_leaks",))
    async with MockServer(source, faults=["delay 11s on response.created"], seed=4) as server:
        number: int = server.add_fault(faults.close("response.created", code=1011, reason="gone"))
        server.remove_fault(number)
        environment: dict[str, str] = server.env()
        journal: Journal = server.journal
        journal.sent_by_client("response.cancel", where={"response_id": "resp_1"}).once()
        created = journal.sent_by_server("response.created", session=0)
        created.within(seconds=1, of=journal.sent_by_client("response.create")).before(
            journal.sent_by_server("response.done")
        )
        assertions.assert_isolated("a secret", server.sessions[0])
        return server.base_url + server.ws_url + environment["OPENAI_BASE_URL"] + journal.timeline()


def replayed(cassette: str | Cassette) -> int:
    with MockServer(replay(cassette, pacing="<=250ms", allow_unplayed=True), tls=True).in_thread() as server:
        found: list[errors.ExpectationFailed] = server.problems()
        return server.port + len(found)


def scripted() -> MockServer:
    return MockServer(
        script(
            script.send({"type": "session.created"}),
            script.expect("response.create"),
            script.wait(ms=200),
            script.close(1000),
        )
    )


def relayed() -> MockServer:
    return MockServer(relay("openai", key_env="OPENAI_API_KEY"), port=4000)


def said() -> str:
    audio: bytes = speech.encode("hello there", 24_000)
    words: list[speech.Word] = speech.heard([audio[:100], audio[100:]])
    assertions.assert_spoken("hello there", audio, only=True)
    return words[0].text + speech.heard_until(audio, 500)


SOURCES = [
    simulator("openai", replier=Rules({"weather": "It snows."})),
    simulator("openai", replier=Scripted(["one", "two"])),
    simulator("openai", replier=lambda context: f"you said {context.user}"),
]
