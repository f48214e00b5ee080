"""A frame with a secret still matches its recording when another run redacts it under another name."""

from __future__ import annotations

import json

import pytest

from mockserver.cassette.redact import Redactor
from mockserver.core.frames import Text
from mockserver.dialects.openai import OPENAI
from mockserver.engines.aliases import Aliases
from mockserver.engines.matching import Matcher
from tests.cassette.make import event


def differences(recorded: Text, live: Text, first: Redactor, second: Redactor) -> list[str]:
    bodies = [
        json.loads(side.frame(frame).data) for side, frame in ((first, recorded), (second, live))
    ]  # type: ignore[union-attr]
    matcher = Matcher(OPENAI.rules, Aliases(), lambda _: False)
    return [one.path for one in matcher.compare("session.update", *bodies).differences]


def update(key: str, words: str = "be kind") -> Text:
    tool = {"type": "mcp", "authorization": key, "server_url": f"https://host/?key={key}"}
    return event(
        type="session.update", session={"instructions": f"{words} with {key}", "tools": [tool]}
    )


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
    assert differences(recorded, update("sk-live-9876543210", "be rude"), *same) == [
        "session.instructions"
    ]
    assert differences(recorded, event(type="session.update", session={}), *same) != []
