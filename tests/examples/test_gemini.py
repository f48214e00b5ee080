"""Gemini Live: an interruption without ids of replies, and a session that outlives its connection."""

from contextlib import asynccontextmanager

import pytest
from google import genai

from mockserver import MockServer, Rules, simulator
from mockserver.assertions import assert_spoken
from mockserver.engines.simulator import Pace
from mockserver.errors import ExpectationFailed

COUNT = "one two three four five six seven eight nine ten"
MODEL = "gemini-2.5-flash-native-audio-preview-12-2025"
# All audio is sent at once, and the turn stays open until it could have been heard.
AHEAD = Pace(audio_speed=1_000.0)


class Phone:
    """Plays what comes. ``careful`` False goes on playing what had come before an interruption."""

    def __init__(self, live, *, careful=True):
        self.live = live
        self.careful = careful
        self.handle = None
        self.heard = b""
        self._queue = b""

    async def ask(self, words):
        """The user types; that interrupts."""
        await self.live.send_client_content(turns={"role": "user", "parts": [{"text": words}]})

    async def listen(self, end="turn_complete"):
        """Take what comes, up to the message that says so."""
        async for message in self.live.receive():
            content = message.server_content
            if content and content.interrupted and self.careful:
                self._queue = b""
            self._queue += message.data or b""
            if content and getattr(content, end):
                return

    def play(self, ms=None):
        """So much of what has come is heard; None: all of it."""
        size = len(self._queue) if ms is None else 48 * ms
        self.heard += self._queue[:size]
        self._queue = self._queue[size:]


@asynccontextmanager
async def call(server, monkeypatch, *, careful=True, **config):
    """A phone that is connected. The Python client speaks TLS only, so the server does, and is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", server.env()["SSL_CERT_FILE"])
    client = genai.Client(api_key="any", http_options={"base_url": server.base_url})
    config = {"response_modalities": ["AUDIO"], **config}
    async with client.aio.live.connect(model=MODEL, config=config) as live:
        yield Phone(live, careful=careful)


async def interrupt(phone):
    """The model counts; the user says "stop" when 1.3 s have been played, and hears the answer."""
    await phone.ask("count for me")
    await phone.listen("generation_complete")
    phone.play(1_300)
    await phone.ask("stop")
    await phone.listen("turn_complete")
    await phone.listen("generation_complete")
    phone.play()


def counting(**settings):
    return simulator("gemini", replier=Rules({"count": COUNT, "stop": "As you like."}), pace=AHEAD, **settings)


async def test_what_was_not_played_is_dropped(monkeypatch):
    async with MockServer(counting(), tls=True) as server, call(server, monkeypatch) as phone:
        await interrupt(phone)
        assert_spoken("one two three four As you like.", phone.heard, only=True)
        cut = server.journal.sent_by_server("serverContent.interrupted").once()
        server.journal.sent_by_server("serverContent.turnComplete").once().after(cut)
        context = server.sessions[0].inspect().values["contexts"][1]
    # There is no truncation: the model believes that all of it was heard.
    assert COUNT in context.words()


async def test_a_client_that_goes_on_playing(monkeypatch):
    async with MockServer(counting(), tls=True) as server, call(server, monkeypatch, careful=False) as phone:
        await interrupt(phone)
    with pytest.raises(ExpectationFailed, match="expected to hear only 'one two three four As you like"):
        assert_spoken("one two three four As you like.", phone.heard, only=True)
    assert_spoken(f"{COUNT} As you like.", phone.heard, only=True)


async def test_a_server_that_goes_on_counting(monkeypatch):
    deaf = counting(misbehave="interrupt_ignored")
    async with MockServer(deaf, tls=True) as server, call(server, monkeypatch) as phone:
        await interrupt(phone)
        with pytest.raises(ExpectationFailed):
            server.journal.sent_by_server("serverContent.interrupted").once()


async def until_the_connection_ends(phone):
    """Listens on, and keeps the newest handle. Returns how much time ``goAway`` gave, and the close code."""
    warned = None
    try:
        while True:
            async for message in phone.live.receive():
                update = message.session_resumption_update
                phone.handle = update.new_handle if update and update.new_handle else phone.handle
                warned = message.go_away.time_left if message.go_away else warned
    except genai.errors.APIError as error:
        return warned, error.code


@pytest.mark.parametrize(("misbehave", "remembered"), [((), True), (("resumption_forgets",), False)])
async def test_a_session_goes_on_after_go_away(monkeypatch, misbehave, remembered):
    short = simulator("gemini", pace="instant", max_connection_s=1, go_away_s=0.5, misbehave=misbehave)
    async with MockServer(short, tls=True) as server:
        async with call(server, monkeypatch, session_resumption={}) as phone:
            await phone.ask("my name is Alice")
            assert await until_the_connection_ends(phone) == ("0.500s", 1011)
        async with call(server, monkeypatch, session_resumption={"handle": phone.handle}) as again:
            await again.ask("who am I")
            await again.listen()
            again.play()
    expected = "my name is Alice | who am I" if remembered else "who am I"
    assert_spoken(expected, again.heard, only=True)
