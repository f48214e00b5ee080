"""The desk of one session: events with their ids, errors, and the log that a sideband reads."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mockserver.core.frames import SECOND, Micros
from mockserver.core.ids import BASE62
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.gpt_live.options import LiveOptions
from mockserver.engines.simulator.openai.problems import ClientProblem

HEX = "0123456789abcdef"
OUTPUT = "session.output_audio.delta"


@dataclass(frozen=True, slots=True)
class Logged:
    """What a sideband is told: an event as it was sent, or a piece of audio as PCM16 24 kHz with its place."""

    at: Micros  # of the server's clock
    body: Mapping[str, Any] | None = None
    pcm: bytes = b""
    input: bool = False
    start_ms: int = 0


class LiveDesk(Desk[LiveOptions]):
    """Shared by the parts of one session. It keeps a log of the last seconds, for sidebands."""

    def __init__(self, context: SessionContext, options: LiveOptions) -> None:
        super().__init__(context, options)
        self._log: deque[Logged] = deque()
        self._forgotten = 0

    def _keep(self, one: Logged) -> None:
        """Sidebands look every few milliseconds; only a late one is told of what is longer ago."""
        self._log.append(one)
        oldest = self.server_now - round((self.options.attach_replay_s + 1) * SECOND)
        while self._log[0].at < oldest:
            self._log.popleft()
            self._forgotten += 1

    def logged(self, place: int) -> tuple[int, list[Logged]]:
        """All from this place of the log on, and the place behind it."""
        skip = max(0, place - self._forgotten)
        return self._forgotten + len(self._log), list(islice(self._log, skip, None))

    def since(self, at: Micros) -> int:
        """The place of the first entry that is no older."""
        return self._forgotten + next((n for n, one in enumerate(self._log) if one.at >= at), len(self._log))

    @property
    def server_now(self) -> Micros:
        """The time on the clock that all sessions share."""
        return self.context.began_us + self.now

    def emit(self, name: str, /, client_event_id: str | None = None, **fields: Any) -> None:
        """A server event."""
        body = {"event_id": self.mint("event_"), "type": name, **fields}
        if client_event_id is not None:
            body["client_event_id"] = client_event_id
        self.send(body)
        self._keep(Logged(self.server_now, body))

    def audio(self, data: bytes, pcm: bytes, start_ms: int) -> None:
        """A frame of output: no id and no times on this socket (gpt_live.md#15)."""
        self.send({"type": OUTPUT, "delta": base64.b64encode(data).decode()})
        self._keep(Logged(self.server_now, pcm=pcm, start_ms=start_ms))

    def heard(self, pcm: bytes, start_ms: int) -> None:
        """Input as it came, before muting (gpt_live.md#13)."""
        self._keep(Logged(self.server_now, pcm=pcm, input=True, start_ms=start_ms))

    def error(self, problem: ClientProblem, client_event_id: str | None) -> None:
        """An ``error`` event (gpt_live.md#18)."""
        self.emit("error", client_event_id, error=shown(problem, client_event_id))

    def mint(self, prefix: str) -> str:
        """An id of the Live API (gpt_live.md#51)."""
        length = 32 if prefix.startswith("live") else 24 if prefix == "call_" else 21
        return self.ids.mint(prefix, length, BASE62)

    def object_id(self, prefix: str) -> str:
        """An id of the Responses API (gpt_live.md#51)."""
        return self.ids.mint(prefix, 50, HEX)

    def obfuscated(self, delta: str) -> dict[str, str]:
        """A delta and its padding to 16 (gpt_live.md#28)."""
        return {"delta": delta, "obfuscation": self.letters(-len(delta) % 16, BASE62)}


def shown(problem: ClientProblem, client_event_id: str | None) -> dict[str, Any]:
    """The inner object of an error event."""
    error: dict[str, Any] = {
        "type": problem.kind,
        "code": problem.code,
        "message": problem.message,
        "param": problem.param,
    }
    if client_event_id is not None:
        error["client_event_id"] = client_event_id
    return error
