"""The desk of one simulated session: what is sent, what is due later, ids, and the time it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.core.frames import MILLISECOND, Effect, Micros, Note
from mockserver.core.ids import Ids
from mockserver.core.machine import Plan
from mockserver.dialects.base import event
from mockserver.engines.base import Context
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import Profile
from mockserver.engines.simulator.options import Misbehaviour, Options


@dataclass(slots=True, eq=False)
class Task:
    """Something due later. ``owner`` is what it belongs to; dropping the owner's tasks is what a cancel does."""

    owner: object
    run: Callable[[], None]


class Wire:
    """Shared by the parts of one session (conversation, audio buffer, responses).

    Not a machine: the engine drives it.
    """

    def __init__(self, context: Context, profile: Profile, options: Options) -> None:
        self.context = context
        self.profile = profile
        self.options = options
        self.now: Micros = 0
        self.plan: Plan[Task] = Plan()
        self.random = context.rng("simulator")
        self.ids = Ids(context.rng("simulator ids"))
        self._out: list[Effect] = []

    # --- what goes out ---

    def emit(self, name: str, /, **fields: Any) -> None:
        """A server event. The profile may rename, reshape or drop it."""
        for body in self.profile.outgoing({"type": name, "event_id": self.mint("event"), **fields}, self):
            self._out.append(event(body))

    def error(self, problem: ClientProblem, event_id: str | None = None) -> None:
        """An ``error`` event; ``event_id`` is the client's, of what was wrong."""
        error = {
            "type": problem.kind,
            "code": problem.code,
            "message": problem.message,
            "param": problem.param,
            "event_id": event_id,
        }
        self.emit("error", error=error)

    def push(self, effect: Effect) -> None:
        """Any other effect."""
        self._out.append(effect)

    def note(self, kind: str, text: str, **data: Any) -> None:
        """A line for the journal."""
        self._out.append(Note(kind, text, data))

    def taken(self) -> list[Effect]:
        """Everything that goes out now."""
        out, self._out = self._out, []
        return out

    # --- time ---

    def after(self, delay_ms: float, owner: object, run: Callable[[], None]) -> Task | None:
        """Run something later. Without a delay it runs now, so that an instant pace keeps the order of events."""
        if delay_ms <= 0:
            run()
            return None
        task = Task(owner, run)
        self.plan.add(self.now + round(delay_ms * MILLISECOND), task)
        return task

    def drop(self, owner: object) -> None:
        """Forget everything that is due for ``owner``."""
        self.plan.drop([task for task in self.plan if task.owner is owner])

    def seconds(self) -> int:
        """The time of day, in seconds since 1970."""
        return self.milliseconds() // 1_000

    def milliseconds(self) -> int:
        """The time of day, in milliseconds since 1970."""
        return (self.context.unix_us + self.now) // 1_000

    # --- small things ---

    def mint(self, what: str) -> str:
        """A new id, as the provider forms them."""
        return self.profile.mint(what, self.ids)

    def misbehaves(self, how: Misbehaviour, text: str, **data: Any) -> bool:
        """Whether a switch is on; if so, the journal says loudly that it acts now."""
        if how not in self.options.misbehave:
            return False
        self.note("misbehaviour", f"{how}: {text}", **data)
        return True

    def obfuscated(self, delta: str) -> Mapping[str, str]:
        """``delta`` and its padding, so that the size of a frame says little: their lengths add up to a
        multiple of 16 (openai.md#51)."""
        if not self.profile.obfuscation:
            return {"delta": delta}
        return {"delta": delta, "obfuscation": self.ids_text(-len(delta) % 16)}

    def ids_text(self, length: int) -> str:
        """Random letters and digits."""
        return "".join(self.random.choices(self.profile.alphabet, k=length))
