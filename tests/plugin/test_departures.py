"""Each way to depart from a recording, by a client that swallows every error: the test that uses the fixture fails,
with a report that says how. Beside them stands the client that does as recorded.
"""

from __future__ import annotations

import json
import re

import pytest

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.store import save
from mockserver.core.frames import Answer, Close, Frame, Handshake, Sender, Text
from tests.plugin.conftest import Run

CLIENT, SERVER = Sender.CLIENT, Sender.SERVER
ITEM = {"id": "item_mine", "type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "hello"}]}  # fmt: skip
TALK: list[tuple[Sender, dict[str, object]]] = [
    (SERVER, {"type": "session.created", "session": {"id": "sess_1"}}),
    (CLIENT, {"type": "conversation.item.create", "item": ITEM}),
    (SERVER, {"type": "conversation.item.added", "previous_item_id": None, "item": ITEM}),
    (CLIENT, {"type": "response.create", "response": {"instructions": "be brief"}}),
    (SERVER, {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}),
    (SERVER, {"type": "response.output_item.added", "response_id": "resp_1", "output_index": 0,
              "item": {"id": "item_call", "type": "function_call", "call_id": "call_1", "name": "look"}}),
    (SERVER, {"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": [
        {"id": "item_call", "type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}]}}),
    (CLIENT, {"type": "conversation.item.create", "item": {
        "type": "function_call_output", "call_id": "call_1", "output": "sunny"}}),
    (SERVER, {"type": "conversation.item.added", "previous_item_id": "item_call", "item": {
        "id": "item_out", "type": "function_call_output", "call_id": "call_1", "output": "sunny"}}),
]  # fmt: skip

TESTS = '''
import json
from copy import deepcopy

import pytest
from websockets.sync.client import connect

ITEM, ASK, RESULT = STEPS = [json.loads(text) for text in {steps!r}]
AFTER = [{{"conversation.item.added"}}, {{"response.done", "error"}}, {{"conversation.item.added", "error"}}]

def talk(server, steps, *, close=True):
    """Sends each step and reads its answer; no error gets out."""
    socket = connect(server.ws_url)
    try:
        socket.recv(timeout=5)
        for step, until in zip(steps, AFTER):
            socket.send(json.dumps(step))
            while json.loads(socket.recv(timeout=1))["type"] not in until:
                pass
    except Exception:
        pass
    if close:
        socket.close()
    return socket

def changed(step, path, value):
    step = deepcopy(step)
    *way, last = path
    place = step
    for key in way:
        place = place[key]
    place[last] = value
    return step

pytestmark = pytest.mark.realtime_mock(cassette="talk")

def test_as_recorded(realtime_mock):
    talk(realtime_mock, STEPS)

def test_with_ids_of_today(realtime_mock):
    talk(realtime_mock, [changed(ITEM, ["item", "id"], "item_today"), ASK, RESULT])

def test_changed_field(realtime_mock):
    talk(realtime_mock, [ITEM, changed(ASK, ["response", "instructions"], "be long"), RESULT])

def test_missing_frame(realtime_mock):
    talk(realtime_mock, [ASK, RESULT])

def test_extra_frame(realtime_mock):
    talk(realtime_mock, [ITEM, ITEM, ASK])

def test_wrong_order(realtime_mock):
    talk(realtime_mock, [ASK, ITEM, RESULT])

def test_unknown_id(realtime_mock):
    talk(realtime_mock, [ITEM, ASK, changed(RESULT, ["item", "call_id"], "call_nobody_made")])

def test_stops(realtime_mock):
    talk(realtime_mock, [ITEM, ASK])

OPEN = []

def test_never_closes(realtime_mock):
    OPEN.append(talk(realtime_mock, STEPS, close=False))

def test_second_connection(realtime_mock):
    talk(realtime_mock, STEPS)
    try:
        connect(realtime_mock.ws_url)
    except Exception:
        pass

def test_swallowed_is_visible_to_the_client_too(realtime_mock):
    socket = connect(realtime_mock.ws_url)
    socket.recv(timeout=5)
    socket.send(json.dumps(changed(ITEM, ["item", "role"], "system")))
    told = json.loads(socket.recv(timeout=5))
    assert (told["type"], told["error"]["code"]) == ("error", "replay_mismatch")
    with pytest.raises(Exception):
        socket.recv(timeout=5)
    assert socket.close_code == 1011
'''

GOOD = ("test_as_recorded", "test_with_ids_of_today")
REPORTS: dict[str, list[str]] = {
    "test_changed_field": [
        "response.create",
        "response.instructions: recorded 'be brief', live 'be long'",
    ],
    "test_missing_frame": [
        "response.create",
        "client frame 0 (conversation.item.create) comes before it",
    ],
    "test_extra_frame": ["conversation.item.create", "has already come as often as recorded"],
    "test_wrong_order": [
        "response.create",
        "client frame 0 (conversation.item.create) comes before it",
    ],
    "test_unknown_id": ["item.call_id: recorded 'call_1', live 'call_nobody_made'"],
    "test_stops": ["recorded client frame", "never came", "#2 conversation.item.create"],
    "test_never_closes": ["the client never closed the connection"],
    "test_second_connection": ["connection"],
    "test_swallowed_is_visible_to_the_client_too": ["item.role: recorded 'user', live 'system'"],
}


@pytest.fixture
def talking(project: pytest.Pytester) -> pytest.Pytester:
    records = [Record(2_000 * at, sender, written(body)) for at, (sender, body) in enumerate(TALK)]
    records.append(Record(20_000, CLIENT, Close(1000)))
    shake = Handshake("/v1/realtime", headers=(("Host", "x"),), target="/v1/realtime")
    folder = project.path / "cassettes"
    folder.mkdir()
    header = Header("openai", "https://api.openai.com/v1", "2026-01-02", origin="a test")
    save(Cassette(header, (Connection(0, shake, Answer(), 0, tuple(records)),)), folder / "talk.cassette")
    steps = [json.dumps(body) for sender, body in TALK if sender is CLIENT]
    project.makepyfile(test_it=TESTS.format(steps=steps))
    return project


def written(body: dict[str, object]) -> Frame:
    return Text(json.dumps(body))


def reports(text: str) -> dict[str, str]:
    """The report of each failed test, by its name. Under CI the summary at the end repeats them all: it is cut off."""
    text = re.split(r"^=+ short test summary info =+$", text, flags=re.MULTILINE)[0]
    parts = re.split(r"^_+ (?:ERROR at teardown of )?(test_\w+) _+$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_each_departure_fails_its_test_with_its_report(talking: pytest.Pytester, inner: Run) -> None:
    done = inner("-rA", "--tb=short")
    text = done.stdout.str()
    # A client that is still connected may be one of a fixture: what it owes is told when the server is left.
    done.assert_outcomes(passed=len(GOOD) + 1, failed=len(REPORTS) - 1, errors=1)
    done.stdout.fnmatch_lines(["ERROR *::test_never_closes*"])
    for name in GOOD:
        assert re.search(rf"^PASSED .*::{name}$", text, re.MULTILINE)
    told = reports(text)
    for name, said in REPORTS.items():
        for words in said:
            assert words in told[name], (name, words, told[name])
        again = f"pytest --realtime-mock-record=all --realtime-mock-upstream=PROVIDER test_it.py::{name}"
        assert again in told[name], name


ALLOWED = """
import pytest
from test_it import ASK, ITEM, STEPS, talk

def half(server):
    talk(server, STEPS[:1])

@pytest.mark.realtime_mock(cassette="talk", allow_unplayed=True)
def test_all_allowed(realtime_mock):
    half(realtime_mock)

@pytest.mark.realtime_mock(cassette="talk", allow_unplayed=["response.*", "conversation.item.create", "close"])
def test_listed(realtime_mock):
    half(realtime_mock)

@pytest.mark.realtime_mock(cassette="talk", allow_unplayed=["conversation.*", "close"])
def test_one_is_not_listed(realtime_mock):
    half(realtime_mock)
"""


def test_what_may_stay_unplayed_is_listed_in_the_marker(talking: pytest.Pytester, inner: Run) -> None:
    talking.makepyfile(test_allowed=ALLOWED)
    done = inner("test_allowed.py", "-rA")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["FAILED *::test_one_is_not_listed*"])
    assert "response.create" in reports(done.stdout.str())["test_one_is_not_listed"]


RULES = """
import pytest
from test_it import ASK, ITEM, RESULT, changed, talk

OTHER = [ITEM, changed(ASK, ["response", "instructions"], "be long"), RESULT]

def test_other_words(realtime_mock):
    talk(realtime_mock, OTHER)
"""
MARKED = 'pytestmark = pytest.mark.realtime_mock(cassette="talk"{rules})'
VOLATILE = "response.create:response.instructions"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("the marker", ""),
        ("mockserver.toml", f'[rules]\nvolatile = ["{VOLATILE}"]\n'),
        ("pyproject.toml", f'[tool.mockserver.rules]\nvolatile = ["{VOLATILE}"]\n'),
    ],
)
def test_rules_are_overridden_in_each_place(talking: pytest.Pytester, inner: Run, place: str, text: str) -> None:
    """Without the rule the same client departs."""
    talking.makepyfile(test_rules=RULES + MARKED.format(rules=""))
    inner("test_rules.py").assert_outcomes(failed=1)
    if text:
        (talking.path / place).write_text(text, encoding="utf-8")
    else:
        rules = f', rules={{"volatile": ["{VOLATILE}"]}}'
        talking.makepyfile(test_rules=RULES + MARKED.format(rules=rules))
    inner("test_rules.py").assert_outcomes(passed=1)


BROKEN_OFF = """
import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.realtime_mock(cassette="talk")

def test_times_out(realtime_mock):
    with connect(realtime_mock.ws_url) as socket:
        socket.recv(timeout=5)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)
        pytest.fail("my own words")

def test_asserts(realtime_mock):
    with connect(realtime_mock.ws_url) as socket:
        socket.recv(timeout=5)
        realtime_mock.journal.sent_by_server("no.such.event").once()

def test_just_ends(realtime_mock):
    with connect(realtime_mock.ws_url) as socket:
        socket.recv(timeout=5)

def test_ctrl_c(realtime_mock):
    with connect(realtime_mock.ws_url) as socket:
        socket.recv(timeout=5)
        raise KeyboardInterrupt
"""


def test_a_test_that_breaks_off_says_what_replay_waited_for_and_the_timeline_once(
    talking: pytest.Pytester, inner: Run
) -> None:
    talking.makepyfile(test_off=BROKEN_OFF)
    done = inner("test_off.py")
    done.assert_outcomes(failed=3)
    failed, _, interrupted = done.stdout.str().partition("realtime_mock: interrupted")
    told = reports(failed)
    ended = told.pop("test_just_ends")
    assert ended.count("#0 conversation.item.create") == 1, ended
    assert "test_off.py::test_ctrl_c\nwhat the server still waited for:\n" in interrupted
    assert "#0 conversation.item.create" in interrupted
    # pytest's summary repeats errors where CI is set.
    assert interrupted.partition("short test summary info")[0].count("-->  connect /v1/realtime") == 1
    assert "KeyboardInterrupt" in interrupted
    assert "what the replay still waited for" in told["test_times_out"]
    assert "#0 conversation.item.create" in told["test_times_out"]
    assert "what crossed the wire" in told["test_times_out"]
    assert "what crossed the wire" not in told["test_asserts"]  # the assertion shows it
    for name in told:
        assert told[name].count("-->  connect /v1/realtime") == 1, told[name]
