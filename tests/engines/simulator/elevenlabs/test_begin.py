"""How a conversation begins: the address, the initiation, overrides, variables, the queue, and what ends it at once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mockserver.core.frames import Accept
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.elevenlabs.agent import MOST_FILLED
from mockserver.engines.simulator.elevenlabs.options import OVERRIDABLE, PERMITTED
from mockserver.errors import UsageError
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.elevenlabs.talk import Talk, handshake
from tests.engines.simulator.fidelity import keeps

KEY = (("xi-api-key", "sk_test"),)
PATH = "/v1/convai/conversation/get-signed-url"


def ask(source: Any, *, headers: Any = KEY, unix_us: int = UNIX_US, **query: str) -> tuple[int, Any]:
    context = SessionContext(0, "0/http", source.dialect, unix_us=unix_us, base_url="http://127.0.0.1:4000")
    reply = source.neighbour(Request("GET", PATH, tuple(query.items()), headers), context)
    assert reply is not None
    return reply.status, json.loads(reply.body)


def signed(source: Any) -> dict[str, str]:
    status, body = ask(source, agent_id="agent_1")
    assert status == 200
    return {name: values[0] for name, values in parse_qs(urlsplit(body["signed_url"]).query).items()}


@keeps("el-subprotocol")
def test_the_subprotocol_is_selected_where_it_is_offered() -> None:
    assert Talk().effects[0] == Accept("convai")
    talk = Talk(hands=type(handshake())(path="/v1/convai/conversation", query=(("agent_id", "a"),)))
    assert talk.effects[0] == Accept(None)


@keeps("el-first")
def test_the_client_speaks_first() -> None:
    talk = Talk(start=None)
    assert talk.wait(1_000) == []
    (metadata,) = talk.begin({})
    event = metadata["conversation_initiation_metadata_event"]
    assert event["conversation_id"].startswith("conv_")
    assert event["agent_output_audio_format"] == event["user_input_audio_format"] == "pcm_16000"
    assert event["persistent_session_token"] is None


@keeps("el-first")
@pytest.mark.parametrize("body", [{"type": "user_message", "text": "x"}, {"user_audio_chunk": "AAAA"}])
def test_anything_else_first_ends_it(body: dict[str, Any]) -> None:
    talk = Talk(start=None)
    talk.put(body)
    assert talk.closed is not None
    assert talk.closed[0] == 1008
    assert talk.begin({}) == []


@keeps("el-private")
def test_a_private_agent_wants_a_signature() -> None:
    source = simulator("elevenlabs", private=True)
    talk = Talk(source)
    assert talk.closed is not None
    assert talk.closed[0] == 3000
    assert "signed" in talk.closed[1]
    assert Talk(source, hands=handshake(**{k: v for k, v in signed(source).items() if k != "agent_id"})).hangup is None
    assert Talk(source, hands=handshake(conversation_signature="cvtkn_other")).closed == talk.closed
    assert Talk(private=False).hangup is None


@keeps("el-private")
def test_an_agent_that_is_not_named_cannot_be_reached() -> None:
    assert Talk(hands=handshake(None)).closed == (3000, "Request error")


@keeps("el-signed-url")
def test_the_signed_address_is_this_servers_own() -> None:
    source = simulator("elevenlabs", private=True)
    status, body = ask(source, agent_id="agent one")
    url = urlsplit(body["signed_url"])
    assert status == 200
    assert (url.scheme, url.netloc, url.path) == ("ws", "127.0.0.1:4000", "/v1/convai/conversation")
    assert parse_qs(url.query)["agent_id"] == ["agent one"]
    assert ask(source, agent_id="agent one")[1] != body


@keeps("el-signed-url")
def test_it_opens_conversations_of_its_agent_and_for_a_while() -> None:
    source = simulator("elevenlabs", private=True, signature_s=900)
    query = signed(source)
    other = query | {"agent_id": "agent_2"}
    assert Talk(source, hands=handshake(None, **query)).hangup is None
    assert Talk(source, hands=handshake(None, **other)).closed is not None
    late = simulator("elevenlabs", private=True, signature_s=1)
    status, body = ask(late, agent_id="agent_1", unix_us=UNIX_US - 2_000_000)
    assert status == 200
    query = {name: values[0] for name, values in parse_qs(urlsplit(body["signed_url"]).query).items()}
    assert Talk(late, hands=handshake(None, **query)).closed is not None


@keeps("el-key")
def test_a_signed_address_needs_a_key() -> None:
    assert ask(simulator("elevenlabs"), headers=(), agent_id="a")[0] == 401
    assert ask(simulator("elevenlabs", require_key=False), headers=(), agent_id="a")[0] == 200
    good = simulator("elevenlabs", require_key="sk_good")
    status, body = ask(good, agent_id="a")
    assert (status, body["detail"]["status"]) == (401, "invalid_api_key")
    assert ask(good, headers=(("xi-api-key", "sk_good"),), agent_id="a")[0] == 200
    assert ask(simulator("elevenlabs"))[0] == 422
    context = SessionContext(0, "0", good.dialect)
    assert good.neighbour(Request("POST", PATH), context) is None
    assert good.neighbour(Request("GET", "/v1/convai/agents/a"), context) is None


@keeps("el-overrides")
def test_what_the_agent_does_not_permit_is_named_in_the_close() -> None:
    talk = Talk(start={"conversation": {"max_duration_seconds": 20}})
    assert talk.closed == (1008, "Override for field 'max_duration_seconds' is not allowed by config.")
    assert talk.events == []
    permitted = Talk(start={"agent": {"prompt": {"prompt": "Be brief."}}})
    assert permitted.hangup is None
    refused = Talk(start={"agent": {"prompt": {"prompt": "Be brief."}}}, overrides=())
    assert refused.closed == (1008, "Override for field 'prompt' is not allowed by config.")
    assert set(PERMITTED) <= OVERRIDABLE
    assert Talk(start={"text_only": True}, overrides=()).hangup is None


@keeps("el-overrides")
def test_what_is_overridden_holds() -> None:
    talk = Talk(
        start={"agent": {"prompt": {"prompt": "Be brief.", "llm": "gpt-5"}, "first_message": "Welcome."}},
        prompt="Be long.",
        first_message="Good day.",
        client_events=("agent_response", "context_usage"),
        replier=lambda context: context.instructions,
    )
    talk.wait(2_000)
    assert talk.responses() == ["Welcome."]
    talk.write("And?")
    talk.wait(2_000)
    assert talk.responses()[1:] == ["Be brief."]
    assert talk.of("context_usage")[-1]["context_usage_event"]["model"] == "gpt-5"
    wrong = Talk(start={"agent": {"prompt": {"prompt": 5}}})
    assert wrong.closed is not None
    assert wrong.closed[0] == 1008


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"agent": "Be brief."}, "agent is string"),
    ({"agent": {"language": "tlh"}}, "agent.language is 'tlh'"),
    ({"agent": {"prompt": {"tool_ids": "one"}}}, "agent.prompt.tool_ids is string"),
    ({"tts": {"speed": 5.1}}, "tts.speed is 5.1"),
    ({"tts": {"stability": -0.1}}, "tts.stability is -0.1"),
    ({"tts": {"voice_id": 5}}, "tts.voice_id is integer"),
    ({"conversation": {"text_only": "yes"}}, "conversation.text_only is string"),
    ({"conversation": {"client_events": ["noise"]}}, "conversation.client_events[0] is 'noise'"),
    ({"conversation": {"client_events": []}}, "conversation.client_events is empty"),
]


@keeps("el-override-values")
@pytest.mark.parametrize(("overrides", "says"), WRONG, ids=[says for _, says in WRONG])
def test_an_override_that_cannot_be_ends_the_conversation(overrides: dict[str, Any], says: str) -> None:
    talk = Talk(start=overrides, overrides=OVERRIDABLE)
    assert talk.closed is not None
    assert talk.closed[0] == 1008
    assert says in talk.closed[1].replace("conversation_config_override.", "")
    assert talk.events == []


@keeps("el-override-values")
def test_the_longest_duration_and_the_events_can_be_overridden() -> None:
    told = {"max_duration_seconds": 20, "client_events": ["agent_response"]}
    talk = Talk(start={"conversation": told}, overrides=OVERRIDABLE, first_message="Hello.", input_timeout_s=None)
    talk.wait(19_000)
    assert set(talk.names()) == {"agent_response"}
    assert talk.closed is None
    talk.wait(2_000)
    assert talk.closed == (1000, "Max call duration exceeded")


@keeps("el-foreign-tools")
@pytest.mark.parametrize(
    ("attached", "closed"), [(("tool_1",), True), (("tool_1", "tool_2"), False), (None, False), ((), True)]
)
def test_only_tools_that_are_attached_can_be_chosen(attached: Any, *, closed: bool) -> None:
    talk = Talk(start={"agent": {"prompt": {"tool_ids": ["tool_1", "tool_2"]}}}, tool_ids=attached)
    assert (talk.closed is not None) is closed
    if talk.closed is not None:
        assert talk.closed[0] == 1008
        assert "tool_2" in talk.closed[1]


@keeps("el-variables")
def test_dynamic_variables_fill_the_first_message_and_the_prompt() -> None:
    settings: dict[str, Any] = {"first_message": "Hello {{ name }}.", "prompt": "The user is {{name}}."}
    talk = Talk(variables={"name": "Ada"}, **settings)
    talk.wait(2_000)
    assert talk.responses() == ["Hello Ada."]
    assert talk.values["dynamic_variables"] == {"name": "Ada"}
    assert Talk(**settings).closed == (1008, "Missing required dynamic variables in first message: {'name'}")


@pytest.mark.parametrize(("times", "closed"), [(4, None), (5, (1008, "the variables in the prompt are longer than"))])
def test_variables_do_not_fill_the_memory(times: int, closed: tuple[int, str] | None) -> None:
    talk = Talk(variables={"name": "a" * (MOST_FILLED // 4)}, prompt="{{name}}" * times)
    assert (talk.closed is None) == (closed is None)
    if closed is not None:
        assert talk.closed == (closed[0], f"Invalid message received: {closed[1]} {MOST_FILLED}")


@keeps("el-first-message")
def test_the_first_message_answers_nobody() -> None:
    talk = Talk(first_message="Welcome to the demo.")
    talk.wait(3_000)
    (told,) = talk.of("agent_response")
    assert told["agent_response_event"]["event_id"] == 1
    assert told["agent_response_event"]["in_response_to_ids"] == []
    assert talk.said(1) == "Welcome to the demo."


@keeps("el-refusals")
@pytest.mark.parametrize(
    ("refusal", "closed"),
    [
        ("quota", (1002, "This request exceeds your quota limit.")),
        ("misconfigured", (1002, "The AI agent you are trying to reach appears to be misconfigured;")),
        ("internal", (1011, "")),
    ],
)
def test_an_account_or_an_agent_that_is_not_fit_is_told_in_the_close(refusal: Any, closed: Any) -> None:
    talk = Talk(refusal=refusal)
    assert talk.closed == closed
    assert talk.names() == ["conversation_initiation_metadata"]
    assert talk.write("hello") == []


@keeps("el-refusals")
@pytest.mark.parametrize("kind", ["error", "client_error"])
def test_an_error_event_may_come_before_the_close(kind: Any) -> None:
    talk = Talk(refusal="quota", error_event=kind)
    assert talk.names() == ["conversation_initiation_metadata", kind]
    assert talk.of(kind)[0]["error_event"]["message"] == "This request exceeds your quota limit."


@keeps("el-queue")
def test_a_conversation_that_waits_begins_when_it_is_admitted() -> None:
    talk = Talk(queue="admitted", queue_s=3, first_message="Welcome.")
    talk.write("Hello.")
    talk.wait(2_900)
    assert [body["queue_status_event"]["status"] for body in talk.of("queue_status")] == ["waiting"]
    assert talk.of("audio") == []
    talk.wait(5_000)
    assert [body["queue_status_event"]["status"] for body in talk.of("queue_status")] == ["waiting", "admitted"]
    assert len(talk.of("agent_response")) == 1
    assert talk.values["contexts"][0].user == "Hello."


@keeps("el-queue")
def test_a_conversation_that_waits_too_long_is_closed() -> None:
    talk = Talk(queue="timed_out", queue_s=3)
    talk.wait(4_000)
    assert [body["queue_status_event"]["status"] for body in talk.of("queue_status")] == ["waiting", "timed_out"]
    assert talk.closed == (4300, "")


@keeps("el-invalid")
@pytest.mark.parametrize(
    "data",
    [
        *("nonsense", "[1]", "5", "{}", '{"type": 5}', '{"type": "no_such_message"}', '{"type": "contextual_update"}'),
        *('{"type": "user_message", "text": 5}', '{"user_audio_chunk": 5}', '{"user_audio_chunk": "*"}'),
        *('{"type": "pong"}', '{"type": "feedback", "event_id": 1, "score": "meh"}'),
        '{"type": "client_tool_result", "tool_call_id": "x"}',
    ],
)
def test_a_message_that_is_wrong_ends_it(data: str) -> None:
    talk = Talk()
    talk.text(data)
    assert talk.closed is not None
    assert talk.closed[0] == 1008


@keeps("el-invalid")
def test_binary_ends_it_and_an_unknown_type_may_be_ignored() -> None:
    talk = Talk()
    talk.binary(b"x")
    assert talk.closed is not None
    lenient = Talk(unknown_message="ignore")
    lenient.put({"type": "no_such_message"})
    assert lenient.hangup is None
    assert any("no_such_message" in note.text for note in lenient.notes)


@keeps("el-duration")
def test_the_longest_conversation_ends_in_order() -> None:
    talk = Talk(max_session_s=30, input_timeout_s=None)
    talk.wait(29_000)
    assert talk.hangup is None
    talk.wait(2_000)
    assert talk.closed is not None
    assert talk.closed[0] == 1000


@keeps("el-no-input")
def test_nothing_from_the_client_ends_it() -> None:
    talk = Talk()
    talk.wait(40_000)
    talk.put({"type": "user_activity"})
    talk.wait(59_000)
    assert talk.hangup is None
    talk.wait(2_000)
    assert talk.closed is not None
    assert talk.closed[0] == 1002
    kept = Talk(input_timeout_s=None)
    kept.wait(120_000)
    assert kept.hangup is None


@keeps("el-no-input")
def test_a_pong_is_no_input() -> None:
    talk = Talk()
    for number in range(2, 40):
        talk.wait(1_700)
        talk.put({"type": "pong", "event_id": number})
    assert talk.closed is not None


@pytest.mark.parametrize(
    "wrong",
    [
        *({"refusal": "no"}, {"queue": "maybe"}, {"user_audio": "mp3"}, {"tools": [{"title": "x"}]}),
        *({"misbehave": "oob_leaks"}, {"turn_silence_ms": -1}, {"client_events": "ping"}, {"session": {}}),
    ],
)
def test_a_wrong_setting_fails_where_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        simulator("elevenlabs", **wrong)
