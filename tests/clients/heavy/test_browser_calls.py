"""@openai/agents-realtime as browsers run it: over WebRTC, in a real Chromium, against the simulated service."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mockserver import MockServer, Scripted, simulator
from mockserver.engines.simulator import Rule, Rules, ToolCall
from tests.browser.calling import Phone, phone
from tests.browser.chromium import program

BUNDLE = Path(
    os.environ.get("MOCKSERVER_CLIENTS", "build/clients"),
    "node/node_modules/@openai/agents-realtime/dist/bundle/openai-realtime-agents.umd.js",
)
LONG = " ".join(["one two three four five six seven eight nine ten eleven"] * 3 + ["twelve"])
PAGE = """<!doctype html><script src=agents.js></script><script src=call.js></script><script>
window.connect = async (base) => {
  const { RealtimeAgent, RealtimeSession, OpenAIRealtimeWebRTC, tool } = OpenAIAgentsRealtime;
  // A browser is given a key of its own, which opens sessions and no more.
  const reply = await fetch(`${base}/realtime/client_secrets`, {
    method: "POST",
    headers: { Authorization: "Bearer any", "Content-Type": "application/json" },
    body: JSON.stringify({ session: { type: "realtime", model: "gpt-realtime" } }),
  });
  const { value } = await reply.json();
  const audioElement = document.createElement("audio");
  const weather = tool({
    name: "get_weather",
    description: "The weather in a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
    execute: async ({ city }) => `sunny in ${city}`,
  });
  const agent = new RealtimeAgent({ name: "A", instructions: "Be brief.", tools: [weather] });
  const transport = new OpenAIRealtimeWebRTC({ mediaStream: microphone, audioElement });
  const session = (window.session = new RealtimeSession(agent, { transport, model: "gpt-realtime" }));
  window.errors = [];
  window.states = [];
  session.on("error", (error) => errors.push(String(error.error?.message ?? JSON.stringify(error))));
  transport.on("connection_change", (state) => states.push(state));
  transport.on("*", (event) => events.push(event));
  await session.connect({ apiKey: value, url: `${base}/realtime/calls` });
  window.peer = transport.connectionState.peerConnection;
  listen(audioElement.srcObject);
  await settled(peer);
};
</script>"""

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(program() is None, reason="there is no Chromium: install Debian's package chromium"),
    pytest.mark.skipif(not BUNDLE.exists(), reason="@openai/agents-realtime is not installed: make test-clients"),
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node"),
]


def page() -> dict[str, str | Path]:
    return {"/": PAGE, "/agents.js": BUNDLE}


async def connected(caller: Phone, server: MockServer) -> None:
    await caller.page.run(f"connect('{server.base_url}')")


async def played(caller: Phone) -> int:
    """How many answers have been played, once nothing is."""
    count = "events.filter((one) => one.type === 'output_audio_buffer.%s').length"
    began, ended, cut = (count % what for what in ("started", "stopped", "cleared"))
    await caller.page.until(f"{began} === {ended} + {cut}")
    return int(await caller.page.run(began))


async def test_a_turn_a_tool_an_interruption_and_a_hang_up() -> None:
    replier = Rules(
        [
            Rule("It is sunny.", output="sunny in Oslo"),
            Rule(ToolCall("get_weather", {"city": "Oslo"}), user="Weather"),
            Rule(LONG, user="Count"),
            Rule("Yes?"),
        ]
    )
    async with MockServer(simulator("openai", replier=replier)) as server, phone(page()) as caller:
        await connected(caller, server)
        journal = server.sessions[0]
        assert journal.sent_by_server("session.updated").bodies[-1]["session"]["tools"][0]["name"] == "get_weather"

        # A question that is spoken, a tool that the page runs, an answer that is heard.
        await caller.answered("Weather?", "It is sunny.")
        so_far = await played(caller)
        contexts = journal.inspect().values["contexts"]
        assert "Weather?" in [one.user for one in contexts]
        assert "sunny in Oslo" in [one.items[-1].output for one in contexts]

        # The user speaks into the answer.
        await caller.page.run("session.sendMessage('Count.')")
        await caller.event("output_audio_buffer.started", so_far + 1)
        await caller.page.run("new Promise((done) => setTimeout(done, 1500))")
        await caller.answered("Stop.", "Yes?")
        assert "twelve" not in await caller.heard()
        assert len(await caller.events("output_audio_buffer.cleared")) == 1
        so_far = await played(caller)
        (cut,) = journal.sent_by_server("conversation.item.truncated").bodies
        assert 500 < cut["audio_end_ms"] < 6_000

        # The page itself cuts it: it cancels, and clears what is played.
        await caller.page.run("session.sendMessage('Count again.')")
        await caller.event("output_audio_buffer.started", so_far + 1)
        await caller.page.run("session.interrupt()")
        await caller.event("output_audio_buffer.cleared", 2)
        assert len(journal.sent_by_client("output_audio_buffer.clear").bodies) == 1

        await caller.page.run("session.close()")
        await caller.page.until("states.at(-1) === 'disconnected'")
        assert await caller.page.run("errors") == []
    assert journal.over


async def test_three_faults_and_what_the_page_makes_of_them() -> None:
    faults = [
        "silent audio on response.created in 1st connection",
        "no data channel in 2nd connection",
        "half open on 1st output_audio_buffer.started in 3rd connection",
    ]
    source = simulator("openai", replier=Scripted(["It is sunny."] * 6))
    async with MockServer(source, faults=faults) as server, phone(page()) as caller:
        # Silence: every event says that something is said, and nothing is heard.
        await connected(caller, server)
        await caller.say("Weather?")
        await caller.event("output_audio_buffer.stopped")
        (told,) = await caller.events("response.output_audio_transcript.done")
        assert told["transcript"] == "It is sunny."
        await caller.page.run("new Promise((done) => setTimeout(done, 500))")
        assert await caller.heard() == ""
        await caller.page.run("session.close()")

        # A channel that never opens: the page is not told, and waits.
        await caller.page.run(f"(window.pending = connect('{server.base_url}')).catch(() => {{}}) && null")
        await caller.page.until("session.transport.connectionState.peerConnection?.connectionState === 'connected'")
        await caller.page.run("new Promise((done) => setTimeout(done, 1500))")
        assert await caller.page.run("states") == ["connecting"]
        await caller.page.run("session.close()")

        # Frozen media: the page notices by itself, after a while.
        await caller.page.run("events = []")
        await connected(caller, server)
        await caller.say("Weather?")
        await caller.page.until("states.at(-1) === 'disconnected'")
        assert not await caller.events("response.done")

        # The control: the same page, without a fault.
        await caller.page.run("events = []")
        await connected(caller, server)
        await caller.answered("Weather?", "It is sunny.")
        await caller.page.run("session.close()")
