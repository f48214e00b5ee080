"""Responses without a beginning or an end, responses that nobody asked for, deltas after a cancel."""

from __future__ import annotations

import base64
import json

from tests.faults.stage import Stage, turn

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
