"""Responses without a beginning or an end, responses that nobody asked for, deltas after a cancel."""

from __future__ import annotations

import base64
import json

import pytest

from mockserver.dialects.registry import dialect_named
from mockserver.errors import UsageError
from mockserver.faults import parse
from tests.faults.stage import Stage, simulated, turn

PLAIN = turn()


def test_a_done_without_created() -> None:
    stage = turn("done without created")
    assert stage.names == ["session.created", "response.done", "rate_limits.updated"]
    assert stage.texts[1] in PLAIN.texts


def test_a_created_without_done_and_the_next_is_whole() -> None:
    stage = turn("created without done in 1st response", second_at_ms=1_000)
    whole = [name for name in PLAIN.names if name != "session.created"]
    assert stage.names == ["session.created", "response.created", "rate_limits.updated", *whole]


def test_an_unrequested_response_is_whole_and_new() -> None:
    stage = turn("unrequested response saying 'hello' on session.created")
    names = stage.names[1 : stage.names.index("response.done") + 1]
    assert names[0] == "response.created"
    assert names[-1] == "response.done"
    done = stage.bodies("response.done")
    assert len(done) == 2
    assert done[0]["response"]["status"] == "completed"
    assert done[0]["response"]["output"][0]["content"] == [{"type": "output_audio", "transcript": "hello"}]
    assert done[0]["response"]["output"][0]["status"] == "completed"
    assert done[0]["response"]["metadata"] is None
    assert done[0]["response"]["id"] != done[1]["response"]["id"]
    assert base64.b64decode(stage.bodies("response.output_audio.delta")[0]["delta"])
    ids = [body["event_id"] for body in stage.bodies()]
    assert len(ids) == len(set(ids))


def test_it_speaks_in_the_shape_of_the_last_response() -> None:
    from mockserver.core.frames import Text, to_client
    from tests.faults.stage import Provider

    class Beta(Provider):
        def respond(self, body, now):  # type: ignore[no-untyped-def]
            created = {
                "type": "response.created",
                "event_id": "event_1",
                "response": {"id": "resp_1", "modalities": ["text"], "output": []},
            }
            return [to_client(Text(json.dumps(created)))]

    stage = Stage("unrequested response on response.created", engine=Beta()).open().send("response.create")
    assert "response.text.done" in stage.names
    assert "conversation.item.created" in stage.names
    assert "conversation.item.done" not in stage.names


def test_a_second_response_only_while_one_is_on_its_way() -> None:
    stage = turn("second response")
    created = [i for i, name in enumerate(stage.names) if name == "response.created"]
    done = [i for i, name in enumerate(stage.names) if name == "response.done"]
    assert created[0] < created[1] < done[0] < done[1]
    assert stage.bodies("response.done")[0]["response"]["id"] == stage.bodies("response.created")[1]["response"]["id"]
    assert turn("second response on session.created").timeline == PLAIN.timeline


def test_deltas_keep_coming_after_a_cancel() -> None:
    def cancelled(*faults: str) -> Stage:
        return Stage(*faults).open().send("response.create").send("response.cancel", at_ms=150).run(until_ms=5_000)

    plain, stage = cancelled(), cancelled("deltas after cancel 5 times")
    assert plain.names[-1] == "response.done"
    assert stage.names[: len(plain.names)] == plain.names
    late = stage.bodies()[len(plain.names) :]
    assert [body["type"] for body in late] == ["response.output_audio.delta"] * 5
    assert {body["response_id"] for body in late} == {stage.bodies("response.created")[0]["response"]["id"]}
    assert len({body["event_id"] for body in late}) == 5


def test_a_response_that_completes_has_no_late_deltas() -> None:
    stage = turn("deltas after cancel")
    assert stage.timeline == PLAIN.timeline
    assert stage.armed[0].never_fired() is not None


def test_it_follows_a_cancel_of_another_fault() -> None:
    stage = turn("cancel midway after 200ms of audio", "deltas after cancel")
    assert stage.names[-3:] == ["response.output_audio.delta"] * 3
    assert [note.data["did"].split()[0] for note in stage.notes] == ["cancelled", "sent"]


def test_a_response_that_was_cancelled_before_its_first_delta_has_none_to_repeat() -> None:
    stage = Stage("deltas after cancel").open().send("response.create").send("response.cancel").run(until_ms=100)
    assert stage.names[-1] == "response.done"
    [note] = stage.notes
    response = stage.bodies("response.created")[0]["response"]["id"]
    assert note.text == f"sent no delta after response.done: {response} had none (deltas after cancel)"
    failure = stage.armed[0].never_fired()
    assert failure is not None
    assert "saw 1 response.done, but 1 of a response that was cancelled before its first delta" in str(failure)


def test_a_message_is_announced_after_a_cancel() -> None:
    def cancelled(*faults: str, at_ms: float) -> Stage:
        return Stage(*faults).open().send("response.create").send("response.cancel", at_ms=at_ms).run(until_ms=5_000)

    for at_ms, index in ((0, 0), (150, 1)):  # before its output; midway, when it has one message
        plain, stage = cancelled(at_ms=at_ms), cancelled("items after cancel", at_ms=at_ms)
        assert stage.names[: len(plain.names)] == plain.names
        item, shown, part = stage.bodies()[len(plain.names) :]
        assert [item["type"], shown["type"], part["type"]] == [
            "response.output_item.added", "conversation.item.added", "response.content_part.added",
        ]  # fmt: skip
        response = stage.bodies("response.created")[0]["response"]["id"]
        assert item["response_id"] == part["response_id"] == response
        assert item["output_index"] == part["output_index"] == index
        assert item["item"]["id"] == shown["item"]["id"] == part["item_id"]
        assert item["item"]["status"] == "in_progress"
        known = {body["item"]["id"] for body in plain.bodies("response.output_item.added")}
        assert item["item"]["id"] not in known
    assert turn("items after cancel").timeline == PLAIN.timeline  # the control: a response that completes
    with pytest.raises(UsageError, match="how Gemini Live announces a message is not known here"):
        parse("items after cancel").arm().check(dialect_named("gemini"))


def test_a_simulated_server_begins_the_unrequested_response_itself() -> None:
    stage = simulated("unrequested response saying 'hello there' on 1st response.done").open()
    stage.send("response.create")
    while stage.names.count("response.created") < 2:
        stage.run(until_ms=stage.now / 1_000 + 5)
    assert "response.done" in stage.names
    stage.send("response.create", event_id="mine")
    error = stage.bodies("error")[-1]["error"]
    unasked = stage.bodies("response.created")[-1]["response"]["id"]
    assert error["code"] == "conversation_already_has_active_response"
    assert unasked in error["message"]
    stage.run(until_ms=60_000)
    done = stage.bodies("response.done")
    assert [one["response"]["status"] for one in done] == ["completed", "completed"]  # once, not for ever
    assert done[-1]["response"]["id"] == unasked
    assert done[-1]["response"]["output"][0]["content"][0]["transcript"] == "hello there"
    # It is of the conversation: what is asked next sees it.
    stage.send("response.create").run(until_ms=120_000)
    assert "hello there" in stage.engine.inspect().values["contexts"][-1].words()


def test_the_unrequested_response_follows_each_response_but_its_own() -> None:
    stage = simulated("unrequested response").open().send("response.create").run(until_ms=60_000)
    stage.send("response.create").run(until_ms=120_000)
    assert stage.names.count("response.created") == stage.names.count("response.done") == 4
