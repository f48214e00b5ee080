"""A session that a server gives up is gone at once: a process that serves for long all but never collects."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mockserver.core.frames import Close, Peer, Received
from mockserver.engines.simulator import Scripted, simulator
from mockserver.engines.simulator.ultravox import source as ultravox_source
from tests.engines.simulator.elevenlabs.talk import Talk as ElevenLabs
from tests.engines.simulator.gemini.stage import Stage as Gemini
from tests.engines.simulator.gpt_live.talk import Talk as GptLive
from tests.engines.simulator.gpt_live.talk import handshake
from tests.engines.simulator.nova_sonic.talk import Stream as NovaSonic
from tests.engines.simulator.personaplex.talk import Talk as PersonaPlex
from tests.engines.simulator.phonic.talk import Talk as Phonic
from tests.engines.simulator.stage import Stage as OpenAI
from tests.engines.simulator.ultravox.talk import Talk as Ultravox
from tests.engines.simulator.ultravox.talk import made, rest


def gemini(**settings: Any) -> Any:
    talk = Gemini(**settings)
    talk.put({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}})
    return talk


def openai(**settings: Any) -> Any:
    stage = OpenAI(**settings)
    stage.talk("hello there")
    return stage


def spoken(kind: Callable[..., Any]) -> Callable[..., Any]:
    def begun(**settings: Any) -> Any:
        talk = kind(**settings)
        talk.speak("hello there")
        return talk

    return begun


PROVIDERS = {
    "elevenlabs": spoken(ElevenLabs),
    "gemini": gemini,
    "gpt-live": spoken(GptLive),
    "nova-sonic": spoken(NovaSonic),
    "openai": openai,
    "personaplex": spoken(PersonaPlex),
    "phonic": spoken(Phonic),
    "ultravox": spoken(Ultravox),
}


LONG = " ".join(f"word{number}" for number in range(300))


def left(begun: Callable[..., Any], *, let_go: bool, ended: bool, pace: str = "natural") -> Counter[str]:
    """What of this project stays of a session, which ends while the model speaks, until a collector comes.

    Not ``gc.garbage``: to collect a generator that has begun breaks the circle in which it stands.
    """
    gc.freeze()  # what was there before is not looked at
    enabled = gc.isenabled()
    gc.disable()
    try:
        talk = begun(replier=Scripted([LONG]), pace=pace)
        talk.wait(30 if pace == "instant" else 700)
        if ended:
            talk.feed(Received(Peer.CLIENT, Close(1000)))
        if let_go:
            talk.engine.let_go()
        del talk
        kinds = [type(one) for one in gc.get_objects()]
        return Counter(kind.__qualname__ for kind in kinds if kind.__module__.startswith("mockserver.engines"))
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


@pytest.mark.parametrize("name", PROVIDERS)
def test_nothing_is_left_for_the_collector(name: str) -> None:
    begun = PROVIDERS[name]
    assert left(begun, let_go=False, ended=False)["Context"], "the control; what is made once is there afterwards"
    for pace in ("natural", "instant"):
        assert not left(begun, let_go=True, ended=True, pace=pace)
        assert not left(begun, let_go=True, ended=False, pace=pace), "its engine has not heard of the end"


def test_whoever_found_a_live_session_may_look_at_it_still() -> None:
    """A sideband is told of the end that came before its session was given up, and a fork begins from it."""
    source = simulator("gpt_live", replier=lambda context: " then ".join(item.text for item in context.items))
    talk = GptLive(source, start={"store": True, "instructions": ""})
    ident = talk.of("session.started")[0]["session"]["id"]
    talk.speak("good day", silence_ms=3_000)
    below = f"/v1/live/sessions/{ident}"
    sideband = GptLive(source, hands=handshake(f"{below}/attach"), start=None, number=2)
    fork = GptLive(source, hands=handshake(f"{below}/fork"), start=None, number=1)
    talk.leave()
    talk.engine.let_go()
    sideband.wait(100)
    assert sideband.of("session.closed")[0]["reason"] == "connection_lost"
    fork.put({"type": "session.start", "session": {}})
    fork.speak("and now", silence_ms=4_000)
    assert fork.said() == "good day then good day then and now"
    late = GptLive(source, hands=handshake(f"{below}/fork"), start=None, number=3)
    assert late.error()["code"] == "session_id_not_found"


def test_of_an_ultravox_call_the_record_stays() -> None:
    source = simulator("ultravox")
    call = made(source)
    talk = Ultravox(source, call=call)
    talk.put({"type": "hang_up"})
    talk.leave()
    path, on = f"/api/calls/{call['callId']}", [("priorCallId", call["callId"])]
    shown = json.loads(rest(source, "GET", path).body)
    assert made(source, query=on)["callId"] != call["callId"], "the control"
    talk.engine.let_go()
    assert json.loads(rest(source, "GET", path).body) == shown
    reply = rest(source, "POST", "/api/calls", {}, query=on)
    problem = f"what was said in call {call['callId']} is not kept any more"
    assert (reply.status, json.loads(reply.body)) == (400, {"priorCallId": [problem]})


def test_the_calls_that_ended_make_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ultravox_source, "MOST_CALLS", 2)
    source: Any = simulator("ultravox")
    waits, ended = made(source), made(source)
    Ultravox(source, call=ended).leave()
    later = made(source)
    assert [*source.calls] == [waits["callId"], later["callId"]]
    Ultravox(source, call=later)
    made(source)
    assert next(iter(source.calls)) == later["callId"], "where none has ended it is the oldest"


def test_calls_that_are_large_make_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ultravox_source, "MOST_BYTES", 2_900)
    source: Any = simulator("ultravox")
    calls = [made(source, systemPrompt="x" * 900)["callId"] for _ in range(3)]
    assert [*source.calls] == calls[1:]
    assert len(made(source, systemPrompt="x" * 9_000)["callId"]) > 0
    assert len(source.calls) == 1, "the newest stays though it alone is too much"


def test_a_gemini_session_that_was_given_up_is_in_no_context_of_others() -> None:
    source: Any = simulator("gemini")
    talks = [Gemini(source, number=number) for number in range(2)]
    for talk, text in zip(talks, ("one", "two"), strict=True):
        talk.put({"clientContent": {"turns": [{"role": "user", "parts": [{"text": text}]}], "turnComplete": False}})
    assert [item.seen.text for item in source.shelf.others(1)] == ["one"], "the control"
    talks[0].engine.let_go()
    assert not [*source.shelf.others(1)]
    assert [item.seen.text for item in source.shelf.others(0)] == ["two"]


def test_a_phonic_conversation_that_is_over_keeps_no_words() -> None:
    source: Any = simulator("phonic")
    talks = [Phonic(source) for _ in range(2)]
    for talk in talks:
        talk.speak("hello there")
    over, lost = (talk.engine.talk for talk in talks)
    talks[0].feed(Received(Peer.CLIENT, Close(1000)))
    talks[1].leave()
    for talk in talks:
        talk.engine.let_go()
    assert not over.items
    assert lost.items[0].text == "hello there", "it may be taken up again"


def test_a_personaplex_session_that_is_over_holds_no_coder() -> None:
    """A quarter of a megabyte each, and a server keeps the last sessions."""
    talk = PersonaPlex()
    talk.speak("hello there")
    assert talk.engine._out._writer is not None, "the control"
    talk.leave()
    assert (talk.engine._in._reader, talk.engine._out._writer) == (None, None)
    talk.listen(200)
