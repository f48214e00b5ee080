"""The desk of one session of the OpenAI family: events in its shape, ids as the provider forms them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.dialects.problems import Problem, Trouble
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import Profile


class Wire(Desk[OpenAIOptions]):
    """Shared by the parts of one session (conversation, audio buffer, responses)."""

    def __init__(
        self, context: SessionContext, profile: Profile, options: OpenAIOptions, problems: Mapping[Trouble, Problem]
    ) -> None:
        super().__init__(context, options)
        self.profile = profile
        self.begun = False  # whether the session has been told
        self.problems = problems  # the provider's own words for what goes wrong

    def emit(self, name: str, /, **fields: Any) -> None:
        """A server event. The profile may rename, reshape or drop it."""
        for body in self.profile.outgoing({"type": name, "event_id": self.mint("event"), **fields}, self):
            self.send(body)

    def error(self, problem: ClientProblem, event_id: str | None = None) -> None:
        """An ``error`` event; ``event_id`` is the client's, of what was wrong."""
        if problem.of_conversation and self.options.error_event_id == "not by the conversation":
            event_id = None
        error = {
            "type": problem.kind,
            "code": problem.code,
            "message": problem.message,
            "param": None if problem.unnamed and self.options.unsupported_option_param == "null" else problem.param,
            "event_id": event_id,
        }
        self.emit("error", error=error)

    def mint(self, what: str) -> str:
        """A new id, as the provider forms them."""
        if what == "event" and not self.begun and self.profile.uuid_before_session:
            return f"event_{self.ids.uuid()}"
        return self.profile.mint(what, self.ids)

    def obfuscated(self, delta: str) -> Mapping[str, str]:
        """``delta`` and its padding, so that the size of a frame says little: their lengths add up to a
        multiple of 16 (openai.md#51)."""
        if not self.profile.obfuscation:
            return {"delta": delta}
        return {"delta": delta, "obfuscation": self.letters(-len(delta) % 16, self.profile.alphabet)}
