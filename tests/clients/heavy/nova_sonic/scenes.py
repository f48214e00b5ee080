"""What the clients in environments of their own are talked to with: no test tools, which those have none of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mockserver import MockServer, Rules, speech
from mockserver.dialects.pointing import PointTarget
from mockserver.replies import Rule, ToolCall

LONG = "The tide comes in twice a day. It leaves shells of every colour on the sand. Nobody counts them."
PCM = 16_000


def replier() -> Any:
    """Says back, tells a long story, calls a tool."""
    return Rules(
        [
            Rule("It is foggy.", output="fog"),
            Rule(ToolCall("weather", {"city": "Oslo"}), user="weather"),
            Rule(LONG, user="story"),
        ],
        otherwise=lambda context: "Yes.",
    )


def spoken(text: str, *, silence_ms: int = 1_900) -> bytes:
    """PCM16 at 16 kHz: a text, and the silence that ends it."""
    return speech.encode(text, PCM) + bytes(32 * silence_ms)


@contextmanager
def pointed(server: MockServer, how: Callable[[PointTarget], str]) -> Iterator[str]:
    """Clients with an address in their code talk to the server; says what was patched, and puts it back."""
    before: list[tuple[Any, str, Any]] = []

    def put(where: Any, name: str, value: Any) -> None:
        before.append((where, name, getattr(where, name)))
        setattr(where, name, value)

    assert server.certificate is not None
    try:
        yield how(PointTarget(server.url, "ws" + server.url.removeprefix("http"), server.certificate.pem, put))
    finally:
        for where, name, value in before:
            setattr(where, name, value)
