"""Who is let in: the retired beta, the key, the model. The service looks at them after the upgrade (openai.md#4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockserver.core.frames import Handshake
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import Profile


@dataclass(frozen=True, slots=True)
class ShutGate:
    """Why a client is turned away. ``close``: the code of the close frame behind the error (openai.md#5)."""

    about: Literal["beta", "key", "model", "session"]
    problem: ClientProblem
    close: int

    @property
    def reason(self) -> str:
        """Of the close frame: the error's type, and its code where it has one."""
        return ".".join(part for part in (self.problem.kind, self.problem.code) if part)


def of_model(problem: ClientProblem) -> ShutGate:
    """A model that cannot be had."""
    return ShutGate("model", problem, 4000)


def of_key(profile: Profile, key: str | None) -> ShutGate:
    """A wrong key, or none."""
    return ShutGate("key", profile.key_problem(key), 3000)


def of_beta(profile: Profile, handshake: Handshake) -> ShutGate | None:
    """A client of the retired beta (openai.md#12)."""
    header = handshake.header("openai-beta") or ""
    asks = "realtime=v1" in header or any(name.startswith("openai-beta.") for name in handshake.subprotocols)
    if not asks or not profile.beta_header_refused:
        return None
    text = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    return ShutGate("beta", ClientProblem("beta_api_shape_disabled", text), 4000)
