"""A frame with a secret still matches its recording when another run redacts it under another name."""

from __future__ import annotations

import json

import pytest

from mockserver.cassette.redact import Redactor
from mockserver.core.frames import Binary, Text
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.matching import Matcher, same_frame
from tests.cassette.make import event


def differences(recorded: Text, live: Text, first: Redactor, second: Redactor) -> list[str]:
    bodies = [json.loads(side.frame(frame).data) for side, frame in ((first, recorded), (second, live))]  # type: ignore[union-attr]
    matcher = Matcher(OPENAI.rules, Aliases(), lambda _: False)
    return [one.path for one in matcher.compare("session.update", *bodies).differences]


def update(key: str, words: str = "be kind") -> Text:
    tool = {"type": "mcp", "authorization": key, "server_url": f"https://host/?key={key}"}
    return event(type="session.update", session={"instructions": f"{words} with {key}", "tools": [tool]})


@pytest.mark.parametrize("live", ["sk-the-key-of-ci-0001", "another-key-of-ci"])
def test_another_key_under_another_name(live: str) -> None:
    """Recorded with the key in the environment; replayed with another one, after a secret that takes number 1."""
    first = Redactor(env={"MY_API_KEY": "sk-recorded-0123456789"})
    second = Redactor(values=[live])
    second.text("sk-something-else-first")
    assert differences(update("sk-recorded-0123456789"), update(live), first, second) == []


def test_what_stands_around_the_secret_still_counts() -> None:
    same = Redactor(), Redactor()
    recorded = update("sk-recorded-0123456789")
    assert differences(recorded, update("sk-live-9876543210", "be rude"), *same) == ["session.instructions"]
    assert differences(recorded, event(type="session.update", session={}), *same) != []


def compared(recorded: object, live: object, clear: object = None) -> list[str]:
    matcher = Matcher(OPENAI.rules, Aliases(), lambda _: False)
    found = matcher.compare("session.update", {"session": recorded}, {"session": live}, clear and {"session": clear})
    return [one.path for one in found.differences]


RULE, SPLIT, ENV, KEY = (f"REDACTED-{kind}-1" for kind in ("rule", "split", "env", "key"))


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        (f"call {RULE} now", "call 1234 now"),
        (f"call {RULE} now", "call REDACTED-rule-7 now"),
        (f"call {RULE} now", "call me or sk-12 now"),
        (ENV, "any value\nof two lines"),
        (f"{ENV}{SPLIT}", "xy"),
        (f"a {ENV} b {KEY} c", "a b b b c c"),
        ({"deep": [{RULE: 1, "x": KEY}]}, {"deep": [{"the name": 1, "x": "REDACTED-token-3"}]}),
    ],
)
def test_what_was_taken_out_stands_for_any_text(recorded: object, live: object) -> None:
    """By a rule, or by an environment, that the replay does not have."""
    assert compared({"text": recorded}, {"text": live}) == []


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        (f"call {RULE} now", "call 1234 later"),
        (f"call {RULE} now", "Call 1234 now"),
        (f"call {RULE} now", "call  now"),
        (f"call {RULE}", "call "),
        (f"{ENV}{SPLIT}", "x"),
        (f"use {KEY}", "use REDACTED-key-2 and more"),
        (f"a {ENV} b", "a x b c"),
        ("call 1234 now", f"call {RULE} now"),
        (ENV, None),
        (ENV, 5),
        (ENV, ""),
        ({RULE: 1}, {"the name": 2}),
        ({f"x{RULE}": 1}, {"y1": 1}),
    ],
)
def test_what_was_not_still_counts(recorded: object, live: object) -> None:
    assert compared({"text": recorded}, {"text": live}) != []


def test_what_is_a_secret_only_here_was_recorded_in_clear() -> None:
    """The value of a key variable on this machine; or a field that the recorder did not know."""
    live = {"text": "say hunter22 to x", "tools": [{"token": "REDACTED-field-1"}]}
    clear = {"text": "say hunter22 to x", "tools": [{"token": "tulips and more"}]}
    assert compared(clear, live) == ["session.tools.0.token"]
    assert compared(clear, live, clear) == []
    assert compared({**clear, "tools": [{"token": "other tulips"}]}, live, clear) != []
    assert compared({"text": f"{RULE} to x"}, {"text": f"say {ENV} to x"}, {"text": "say hunter22 to x"}) == []
    # A secret on both sides: what is around it is compared, whatever stood in its place.
    assert compared({"text": f"use {KEY}"}, {"text": f"use {KEY} and more"}, {"text": "use sk-1 and more"}) != []


def test_texts_that_are_no_events() -> None:
    assert same_frame(Text(f"key {KEY}!"), Text("key sk-1234!"))
    assert not same_frame(Text(f"key {KEY}!"), Text("key sk-1234?"))
    assert not same_frame(Text(f"key {KEY}!"), Binary(b"key sk-1234!"))
    assert same_frame(Binary(b"abc"), Binary(b"abc"))
