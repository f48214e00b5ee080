"""What nobody outside the provider knows is a setting, and each of its values is seen here to change what happens.

Of Ultravox, Phonic, PersonaPlex and Nova Sonic, of which no recording is public. The table is complete: a test fails
where ``docs/fidelity.md`` or a comment in a provider's options calls a setting unknown that has no row.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from mockserver import Rules, Scripted, simulator, speech
from mockserver.core.frames import Abort, Accept, Close, Peer, Received, Refuse
from mockserver.dialects.nova_sonic import INTERRUPTED
from mockserver.engines.simulator import ToolCall
from mockserver.engines.simulator.options import SimulatorOptions
from mockserver.engines.simulator.providers import provider_named
from mockserver.replies import Rule
from tests.engines.simulator.nova_sonic.talk import Stream, spec
from tests.engines.simulator.personaplex import talk as plex
from tests.engines.simulator.personaplex.talk import Talk as Plex
from tests.engines.simulator.phonic.talk import BASE
from tests.engines.simulator.phonic.talk import Talk as Phonic
from tests.engines.simulator.test_fidelity import rows
from tests.engines.simulator.ultravox.talk import MEDIUM, made, rest
from tests.engines.simulator.ultravox.talk import Talk as Ultravox

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"
PREFIXES = {"uv": "ultravox", "ph": "phonic", "pp": "personaplex", "ns": "nova_sonic"}
Settings = dict[str, Any]


def says(provider: str, *replies: Any, **settings: Any) -> Any:
    return simulator(provider, replier=Scripted(replies), **settings)  # type: ignore[call-overload]


def calls(provider: str, **settings: Any) -> Any:
    call = ToolCall("weather", {"city": "Oslo"})
    rules = Rules([Rule("it is foggy", output="fog"), Rule("nothing", output=""), Rule(["wait", call], tool="weather")])
    return simulator(provider, replier=rules, **settings)  # type: ignore[call-overload]


# --- Ultravox ---


def call(*replies: Any, **settings: Any) -> Ultravox:
    return Ultravox(says("ultravox", *replies, **{"first_speaker": "user", **settings}))


def cut_call(**settings: Any) -> Ultravox:
    """Into a long answer somebody begins to speak, and is still at it."""
    talk = call(LONG, "yes", **settings)
    talk.write("go on")
    talk.wait(2_000)
    talk.speak("wait a moment", silence_ms=0)
    return talk


def first_speaker(**settings: Any) -> str:
    talk = call("hi", **settings)
    talk.wait(5_000)
    return talk.heard()


def frame_bytes(**settings: Any) -> int:
    talk = call("hello there", **settings)
    talk.write("hi")
    talk.wait(5_000)
    return len(talk.pcm[0][1])


def user_turns(**settings: Any) -> list[str]:
    talk = call("yes", **settings)
    talk.speak("good morning", silence_ms=800)
    talk.wait(500)
    return talk.finals("user")


def joined_twice(**settings: Any) -> tuple[Any, Any]:
    """What the second client gets, and what becomes of the first."""
    one = says("ultravox", "hi", **settings)
    body = made(one)
    first, second = Ultravox(one, call=body), Ultravox(one, call=body)
    first.wait(500)
    return type(second.effects[0]), first.closed


def hung_up(**settings: Any) -> Any:
    talk = call(**settings)
    talk.put({"type": "hang_up"})
    return talk.closed


def written(**settings: Any) -> list[str]:
    talk = call("yes", **settings)
    talk.write("hello")
    talk.wait(5_000)
    return talk.finals("user")


def urgent_and_empty(**settings: Any) -> int:
    talk = call(LONG, "yes", **settings)
    talk.write("go on")
    talk.wait(2_000)
    talk.write("", urgency="immediate")
    talk.wait(5_000)
    return len(talk.finals("agent"))


def unknown_message(**settings: Any) -> bool:
    talk = call(**settings)
    talk.put({"type": "what"})
    return talk.closed is None


def lasts(seconds: float) -> Callable[..., bool]:
    def seen(**settings: Any) -> bool:
        talk = call(**settings)
        talk.wait(1_000 * seconds)
        return talk.closed is None

    return seen


def rest_status(**settings: Any) -> int:
    return rest(says("ultravox", **settings), "POST", "/api/calls", {"medium": MEDIUM}).status


# --- Phonic ---


def talk_to(*replies: Any, config: Settings | None = None, **settings: Any) -> Phonic:
    return Phonic(says("phonic", *replies, **settings), config=config or {})


def asked(*replies: Any, config: Settings | None = None, **settings: Any) -> Phonic:
    """It is asked for a reply, which is said whole."""
    talk = talk_to(*replies, config=config, **settings)
    talk.put({"type": "generate_reply"})
    talk.wait(30_000)
    return talk


def cut_talk(**settings: Any) -> Phonic:
    talk = talk_to(LONG, "yes", **settings)
    talk.put({"type": "generate_reply"})
    talk.wait(2_000)
    talk.speak("oh yes", silence_ms=700)
    return talk


def order(talk: Any, one: str, other: str) -> bool:
    """Whether the first event of one name comes before that of the other."""
    names: list[str] = talk.names()
    return names.index(one) < names.index(other)


def spoken_to(pcm: bytes = b"", silence_ms: int = 800, **settings: Any) -> Phonic:
    talk = talk_to("yes", **settings)
    talk.audio(pcm)
    talk.speak("good morning", silence_ms=silence_ms)
    talk.wait(1_000)
    return talk


def heard_ms(**settings: Any) -> int:
    """How much more audio is part of a turn than with 200 ms before the voice."""
    taken = [
        spoken_to(SILENCE, **{**settings, **more}).values["contexts"][0].items[0].audio_ms
        for more in ({"prefix_ms": 200}, {})
    ]
    return int(taken[1] - taken[0])


def noisy(**settings: Any) -> int:
    talk = talk_to(**settings)
    talk.audio(NOISE)
    talk.wait(2_000)
    return len(talk.of("input_cancelled"))


def tool_round(**settings: Any) -> Phonic:
    function = {"name": "weather", "description": "", "parameters": {}, "strict": True}
    tool = {"type": "custom_websocket", "tool_schema": {"type": "function", "function": function}}
    talk = Phonic(calls("phonic", **settings), config={"tools": [tool]})
    talk.put({"type": "generate_reply"})
    talk.wait(5_000)
    return talk


def duration(**settings: Any) -> bool:
    """Whether a turn that is sent ahead of its time is told to be finished as soon as it is sent."""
    talk = asked(LONG, config={"stream_ahead_of_real_time": True}, **settings)
    lasted = talk.time_of("assistant_finished_speaking") - talk.time_of("assistant_started_speaking")
    return lasted < len(talk.pcm()) / 48 / 2


def say_then_ask(**settings: Any) -> int:
    talk = talk_to("yes", **settings)
    talk.put({"type": "say", "text": LONG})
    talk.wait(1_000)
    talk.put({"type": "generate_reply"})
    talk.wait(20_000)
    return len(talk.of("interrupted_response"))


def reply_kept(**settings: Any) -> list[str]:
    talk = talk_to("yes", **settings)
    talk.put({"type": "generate_reply", "user_message": "hello"})
    talk.wait(5_000)
    return talk.said("user")


def reset(**settings: Any) -> Phonic:
    talk = talk_to(**settings)
    talk.put({"type": "reset", "config": {**BASE, "welcome_message": "hello"}})
    talk.wait(5_000)
    return talk


def wrong(**settings: Any) -> Phonic:
    talk = talk_to(**settings)
    talk.put({"type": "what"})
    return talk


def undated(**settings: Any) -> bool:
    talk = talk_to(**settings)
    talk.audio(bytes(640))
    return bool(talk.of("error"))


def timed_out(**settings: Any) -> Any:
    """The server speaks, the client does not, for longer than the client's timeout."""
    talk = talk_to(config={"websocket_timeout_sec": 2}, **settings)
    talk.put({"type": "say", "text": LONG})
    talk.wait(3_000)
    return talk.closed


def back(*, late_s: float = 0.0, lost: tuple[int, str] | None = None, **settings: Any) -> Any:
    """A conversation is lost and taken up again."""
    one = says("phonic", **settings)
    talk = Phonic(one)
    (kept,) = one.talks.values()
    if lost is None:
        talk.leave()
    else:
        talk.feed(Received(Peer.CLIENT, Close(*lost)))
    kept.lost_at = None if kept.lost_at is None else kept.lost_at - round(late_s * 1e6)
    return Phonic(one, config=None, query=(("reconnect_conv_id", kept.id),)).closed


# --- PersonaPlex ---


def chat(*replies: Any, query: Any = plex.QUERY, shaken: bool = True, **settings: Any) -> Plex:
    return Plex(says("personaplex", *replies, **settings), query=query, shaken=shaken)


def broken(*, query: Any, **settings: Any) -> bool:
    return any(isinstance(effect, Abort) for effect in chat(query=query, shaken=False, **settings).effects)


def shaken_after(ms: int) -> Callable[..., bool]:
    def seen(**settings: Any) -> bool:
        talk = chat(shaken=False, **settings)
        talk.wait(ms)
        return bool(talk.frames)

    return seen


def plex_heard(**settings: Any) -> str:
    talk = chat("good day", **settings)
    talk.listen(1_800)
    return talk.heard()


def plex_turns(**settings: Any) -> list[str]:
    talk = chat("yes", **settings)
    talk.speak("hello", silence_ms=1_000)
    return talk.said("user")


def plex_cut(**settings: Any) -> bool:
    talk = chat(LONG, "yes", turn_silence_ms=1_500, **settings)
    talk.speak("go on", silence_ms=2_800)
    talk.speak("wait", silence_ms=0)
    return bool(talk.said("assistant"))


def no_opus(**settings: Any) -> Any:
    talk = chat(**settings)
    talk.binary(b"\x01" + b"no page of any stream" * 9)
    return talk.closed


def plex_waits(**settings: Any) -> bool:
    """Whether the answer to a turn begins within 160 ms of it."""
    talk = chat("yes", **settings)
    talk.speak("hello", silence_ms=600)
    return bool(talk.pieces())


def plex_lasts(**settings: Any) -> bool:
    talk = chat(**settings)
    talk.wait(5_500)
    return talk.closed is None


# --- Nova Sonic ---


def stream(*replies: Any, **settings: Any) -> Stream:
    more = {name: settings.pop(name) for name in ("history", "audio", "model", "prompt") if name in settings}
    if "order" in settings:  # the setting of this name
        settings["history"] = settings.pop("order")
    return Stream(says("nova_sonic", *replies, **settings), **more)


def cut_stream(**settings: Any) -> Stream:
    talk = stream(LONG, "yes", pace="realtime", **settings)
    talk.speak("go on")
    talk.audio(bytes(32 * 1_500))
    talk.speak("stop please")
    return talk


def silent_for(seconds: float) -> Callable[..., bool]:
    def seen(**settings: Any) -> bool:
        talk = stream(**{"silence_timeout_s": 10_000, **settings})
        talk.wait(1_000 * seconds)
        return talk.failure is None

    return seen


def streams_at_once(**settings: Any) -> int:
    one = says("nova_sonic", **settings)
    return sum(isinstance(Stream(one, begin=False).effects[0], Accept) for _ in range(22))


def paused(ms: int, **settings: Any) -> list[str]:
    talk = stream("yes", **settings)
    talk.audio(speech.encode("good morning", 16_000) + bytes(32 * ms))
    talk.wait(300)
    return talk.words("USER")


def final_text_waits(**settings: Any) -> bool:
    talk = stream("this is a sentence of some length", audio=False, **settings)
    talk.write("hello", interactive=True)
    talk.wait(20_000)
    (audio,) = [at for at, body in talk.timed if body["event"].get("contentEnd", {}).get("type") == "AUDIO"]
    return bool(talk.timed[-1][0] > audio)


def tool_stream(**settings: Any) -> Stream:
    talk = Stream(calls("nova_sonic", **settings), prompt={"toolConfiguration": {"tools": [spec("weather")]}})
    talk.speak("what is the weather")
    talk.wait(5_000)
    return talk


def bad_result(**settings: Any) -> Any:
    talk = tool_stream(**settings)
    talk.answer(talk.all("toolUse")[0]["toolUseId"], "foggy")
    return talk.closed


def prompt_ended(**settings: Any) -> bool:
    talk = stream(LONG, **settings)
    talk.speak("go on")
    talk.wait(800)
    talk.on("audio", "contentEnd")
    talk.say("promptEnd", promptName="p")
    talk.wait(20_000)
    return talk.heard() == LONG


def ended_at_once(*names: str) -> Callable[..., bool]:
    """Whether a stream takes these events where its audio is open."""

    def seen(**settings: Any) -> bool:
        talk = stream(**settings)
        for name in names:
            talk.say(name, promptName="p")
        return talk.failure is None

    return seen


def late(**settings: Any) -> bool:
    talk = stream(**settings)
    talk.write("it is late")
    return talk.failure is None


TWICE = (("USER", "hi"), ("USER", "there"))
THREE = (("USER", "hi"), ("ASSISTANT", "hello"), ("USER", "well"))
SILENCE = bytes(32 * 1_000)
NOISE = b"\x10\x27\xf0\xd8" * 8_000 + bytes(32_000)
GONE = (1_000, "")
V1 = "amazon.nova-sonic-v1:0"

TABLE: dict[str, dict[str, tuple[Callable[..., Any], list[tuple[Any, Any]]]]] = {
    "ultravox": {
        "first_speaker": (first_speaker, [("agent", "hi"), ("user", "")]),
        "frame_ms": (frame_bytes, [(20, 960), (100, 4_800)]),
        "turn_silence_ms": (user_turns, [(384, ["good morning"]), (2_000, [])]),
        "interruption_ms": (
            lambda **s: bool(cut_call(**s).of("playback_clear_buffer")),
            [(90, True), (60_000, False)],
        ),
        "second_join": (joined_twice, [("refused", (Refuse, None)), ("replaces", (Accept, GONE))]),
        "refused_join": (lambda **s: joined_twice(**s)[0], [("not_found", Refuse), ("closed", Accept)]),
        "close_code": (hung_up, [(1_000, GONE), (4_000, (4_000, ""))]),
        "user_text_transcript": (written, [(True, ["hello"]), (False, [])]),
        "urgent_empty_text": (urgent_and_empty, [("answered", 2), ("interrupts", 1)]),
        "unknown_message": (unknown_message, [("ignore", True), ("close", False)]),
        "max_session_s": (lasts(6), [(3_600, True), (5, False)]),
        "vad_full_scale": (user_turns, [(0.02, ["good morning"]), (5.0, [])]),
        "require_key": (rest_status, [(True, 201), ("good.key", 403)]),
    },
    "phonic": {
        "created": (
            lambda **s: Phonic(says("phonic", **s), config=None).names(),
            [("on_config", []), ("on_connect", ["conversation_created"])],
        ),
        "chunk_ms": (
            lambda **s: len(asked("hello there", **s).of("audio_chunk")[0]["audio"]),
            [(40, 2_560), (100, 6_400)],
        ),
        "turn_silence_ms": (lambda **s: len(spoken_to(**s).of("input_text")), [(500, 1), (3_000, 0)]),
        "speech_ms": (lambda **s: len(spoken_to(**s).of("user_started_speaking")), [(90, 1), (60_000, 0)]),
        "prefix_ms": (heard_ms, [(200, 0), (900, 700)]),
        "min_words": (lambda **s: len(cut_talk(**s).of("interrupted_response")), [(0, 1), (3, 0)]),
        "interrupted_first": (
            lambda **s: order(cut_talk(**s), "interrupted_response", "user_started_speaking"),
            [(False, False), (True, True)],
        ),
        "input_text_first": (
            lambda **s: order(spoken_to(**s), "input_text", "user_finished_speaking"),
            [(False, False), (True, True)],
        ),
        "tool_call_after": (
            lambda **s: order(tool_round(**s), "assistant_finished_speaking", "tool_call"),
            [(False, False), (True, True)],
        ),
        "finished_after_interruption": (
            lambda **s: len(cut_talk(**s).of("assistant_finished_speaking")),
            [(False, 0), (True, 1)],
        ),
        "finished": (duration, [("sent", True), ("played", False)]),
        "pace": (duration, [("natural", True), ("realtime", False)]),
        "noise": (noisy, [("input_cancelled", 1), ("nothing", 0)]),
        "request_while_speaking": (say_then_ask, [("interrupt", 1), ("queue", 0)]),
        "reply_messages_kept": (reply_kept, [(True, ["hello"]), (False, [])]),
        "reset_ready": (lambda **s: len(reset(**s).of("ready_to_start_conversation")), [(False, 1), (True, 2)]),
        "reset_welcomes": (lambda **s: reset(**s).heard(), [(False, ""), (True, "hello")]),
        "error_code": (
            lambda **s: wrong(**s).of("error")[0]["error"]["code"],
            [(None, None), ("bad_request", "bad_request")],
        ),
        "after_error": (lambda **s: wrong(**s).closed, [("stay", None), ("close", GONE)]),
        "unknown_message_error": (lambda **s: len(wrong(**s).of("error")), [(True, 1), (False, 0)]),
        "iso_date_time": (undated, [("optional", False), ("required", True)]),
        "tool_timeout_ms": (
            lambda **s: len(tool_round(**s).of("tool_call_output_processed")),
            [(15_000, 0), (2_000, 1)],
        ),
        "timeout_counts": (timed_out, [("client", GONE), ("both", None)]),
        "close_code": (timed_out, [(1_000, GONE), (4_000, (4_000, ""))]),
        "max_session_s": (lambda **s: asked("yes", **s).closed, [(3_600, None), (5, GONE)]),
        "grace_s": (lambda **s: back(late_s=10, **s), [(30.0, None), (5.0, (4_800, ""))]),
        "reconnect_code": (lambda **s: back(lost=GONE, **s), [(4_800, (4_800, "")), (4_801, (4_801, ""))]),
    },
    "personaplex": {
        "prompts_ms": (shaken_after(1_500), [(1_000, True), (3_000, False)]),
        "voices": (lambda **s: broken(query=plex.QUERY, **s), [(None, False), (("mine.pt",), True)]),
        "seed": (lambda **s: broken(query=(*plex.QUERY, ("seed", "7")), **s), [("read", False), ("raises", True)]),
        "bad_opus": (no_opus, [("close", GONE), ("ignore", None)]),
        "first_speaker": (plex_heard, [("user", ""), ("agent", "good day")]),
        "turn_silence_ms": (plex_turns, [(500, ["hello"]), (3_000, [])]),
        "yields": (plex_cut, [(True, True), (False, False)]),
        "pace": (plex_waits, [("natural", False), ("instant", True)]),
        "max_session_s": (plex_lasts, [(365 * 86_400, True), (5, False)]),
    },
    "nova_sonic": {
        "max_session_s": (silent_for(100), [(480, True), (60, False)]),
        "silence_timeout_s": (silent_for(100), [(55, False), (295, True)]),
        "most_streams": (streams_at_once, [(20, 20), (2, 2), (None, 22)]),
        "sensitivity": (
            lambda **s: (paused(1_600, **s), paused(1_850, **s)),
            [
                ("HIGH", (["good morning"], ["good morning"])),
                ("MEDIUM", ([], ["good morning"])),
                ("LOW", ([], [])),
            ],
        ),
        "completion_start": (lambda **s: len(stream(**s).events), [("first_answer", 0), ("prompt", 1)]),
        "final_text": (final_text_waits, [("played", True), ("sent", False)]),
        "pace": (final_text_waits, [("natural", True), ("realtime", False)]),
        "cut_audio": (
            lambda **s: next(one for one in cut_stream(**s).shape() if "AUDIO" in one).rpartition(" ")[2],
            [("END_TURN", "END_TURN"), ("PARTIAL_TURN", "PARTIAL_TURN")],
        ),
        "cut_text": (
            lambda **s: cut_stream(**s).words("ASSISTANT").index(INTERRUPTED),
            [("spoken", 1), ("nothing", 0)],
        ),
        "arguments_encoded": (
            lambda **s: type(json.loads(tool_stream(**s).all("toolUse")[0]["content"])),
            [("once", dict), ("twice", str)],
        ),
        "tool_error": (bad_result, [("ends", GONE), ("goes_on", None)]),
        "prompt_end": (prompt_ended, [("cuts", False), ("finishes", True)]),
        "session_end": (ended_at_once("sessionEnd"), [("after_prompt", False), ("any_time", True)]),
        "open_block": (ended_at_once("promptEnd", "sessionEnd"), [("refused", False), ("closed", True)]),
        "missing_configuration": (lambda **s: stream(**s).failure is None, [("taken", True), ("refused", False)]),
        "history": (
            lambda history: Stream(says("nova_sonic", history=history), history=TWICE).failure is None,
            [("alternating", False), ("any", True)],
        ),
        "most_history": (lambda **s: stream(history=THREE, **s).failure is None, [(None, True), (2, False)]),
        "late_text": (late, [("seen", True), ("refused", False)]),
        "require_key": (streams_at_once, [(True, 20), ("AKIDOTHER", 0)]),
        "models": (
            lambda **s: type(Stream(says("nova_sonic", **s), begin=False, model=V1).effects[0]),
            [(None, Accept), (("mine",), Refuse)],
        ),
    },
}
CASES = [
    pytest.param(name, observe, values, id=f"{provider}-{name}")
    for provider, found in TABLE.items()
    for name, (observe, values) in found.items()
]


@pytest.mark.parametrize(("name", "observe", "values"), CASES)
def test_each_value_of_a_setting_changes_what_happens(
    name: str, observe: Callable[..., Any], values: list[tuple[Any, Any]]
) -> None:
    seen = [(value, observe(**{name: value})) for value, _ in values]
    assert seen == values
    assert all(one[1] != other[1] for place, one in enumerate(seen) for other in seen[:place])


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_table_has_every_setting_that_the_page_or_a_comment_calls_unknown(prefix: str) -> None:
    provider = PREFIXES[prefix]
    mine = [(source, setting) for name, _, source, setting in rows() if name.startswith(f"{prefix}-")]
    paged = {one for source, setting in mine if "unknown" in source for one in re.findall(r"`(\w+)`", setting)}
    options = provider_named(provider).options
    own = {one.name for one in fields(options)} - {one.name for one in fields(SimulatorOptions)}
    assert paged
    assert paged - set(TABLE[provider]) == set()
    assert own - set(TABLE[provider]) == set(), "a setting of the provider's own, unknown or not"
    assert commented(inspect.getsource(options)) - paged == set(), "unknown in the code, and not so on the page"


def commented(source: str) -> set[str]:
    """The settings under a comment that begins with ``Unknown``, to the next comment."""
    found: set[str] = set()
    unknown = fresh = False
    for line in source.partition("SWITCHES")[2].splitlines():
        if line.startswith("    #"):
            unknown = line.startswith("    # Unknown") or (unknown and not fresh)
            fresh = False
        elif setting := re.match(r"    (\w+): ", line):
            fresh = True
            found |= {setting[1]} if unknown else set()
    return found


def test_a_comment_counts_to_the_next_one() -> None:
    """The control of what the test before reads."""
    lines = (
        "SWITCHES",
        "# Unknown: a",
        "# and b.",
        "one: int",
        "two: int",
        "# Known.",
        "three: int",
        "# Unknown",
        "four: int",
    )
    text = "\n    ".join(lines)
    assert commented(text) == {"one", "two", "four"}
