"""Every client against every provider that it supports: what docs/clients.md says was tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.heavy.clients import PAIRS, Client
from tests.clients.heavy.page import page, seen_in
from tests.clients.heavy.scenes import SCENES, Failed, judge, voices


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(
    "scene", [SCENES[name] for name in ("tape", "broken", "ended")], ids=lambda scene: scene.__name__
)
@pytest.mark.parametrize(
    ("client", "provider"), [pytest.param(*pair, id=f"{pair[0].name}-{pair[1]}") for pair in PAIRS]
)
def test_a_client_against_a_provider(
    client: Client, provider: str, scene: Callable[[Client, str, Path], str], tmp_path: Path
) -> None:
    if not client.home.ready():
        pytest.skip(f"{client.name} could not be installed")
    assert scene(client, provider, voices(tmp_path))


def test_what_was_not_heard_is_no_conversation() -> None:
    """The control: each thing that a client must have heard is missed where it is another."""
    heard: dict[str, Any] = {
        "turn": {"heard": "You said good morning."},
        "tool": {"heard": "It is foggy."},
        "cut": {"heard": "one two three"},
        "after": {"heard": "You said stop please."},
        "calls": [{"name": "get_weather", "args": {"city": "Oslo"}}],
        "told": [],
    }
    judge(heard)
    for name in ("turn", "tool", "cut", "after", "calls"):
        with pytest.raises(Failed):
            judge({**heard, name: {"heard": "another"} if name != "calls" else []})
    with pytest.raises(Failed):
        judge({**heard, "timeout": "turn"})
    bare = {**heard, "calls": [], "tool": {}}
    judge(bare, "personaplex")  # there are no tools on its wire
    for provider, missed in (("", "tool"), ("personaplex", "turn"), ("personaplex", "after")):
        with pytest.raises(Failed):
            judge({**bare, missed: {"heard": "another"}}, provider)


def test_a_page_is_read_as_it_is_written() -> None:
    """What was seen before is kept: the page is where it stands."""
    seen = {f"{client.name} {provider}": [f"a | b {client.name}", "", "c"] for client, provider in PAIRS[::2]}
    versions = {client.name: client.home.ready() for client, _ in PAIRS}
    if not all(versions.values()):
        pytest.skip("the page names the version of every client")
    assert seen_in(page(seen, "2026-11-30")) == seen
