"""One turn of the agent's and its messages: what was sent of them, and what the user has heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from mockserver.core.frames import MILLISECOND, Micros
from mockserver.core.peekable import Peekable
from mockserver.engines.simulator.replies.reply import ToolCall
from mockserver.engines.simulator.voice.captions import SpeechCue
from mockserver.engines.simulator.voice.words import words_until


@dataclass(slots=True, eq=False)
class AgentMessage:
    """One message of the agent's. ``starts``: when it begins to be heard."""

    id: str
    text: str
    written: str = ""  # text mode: the parts that were sent
    starts: Micros | None = None
    sent_ms: float = 0
    unsent: Peekable[SpeechCue] = field(default_factory=Peekable)  # its audio that is on its way
    told: bool = False

    def heard(self, now: Micros, *, text_only: bool) -> str:
        """The words that the user has had of it by now."""
        if text_only:
            return self.written
        if self.starts is None:
            return ""
        return words_until(self.text, min((now - self.starts) / MILLISECOND, self.sent_ms))


@dataclass(slots=True, eq=False)
class AgentTurn:
    """One turn of the agent's. ``answers``: the ids of what it answers."""

    number: int
    answers: list[str]
    messages: list[AgentMessage] = field(default_factory=list)
    calls: dict[str, ToolCall] = field(default_factory=dict)  # whose results are awaited
    answering: int = 0  # results that are on their way to the model
    generating: bool = True
    begun: bool = False  # something of it was sent
    thinking: int = 0  # the question that the model has not begun to answer, by its number; 0 for none
    plays_until: Micros = 0

    @property
    def sent(self) -> bool:
        """Whether all of it was sent."""
        return not self.generating and not any(message.unsent for message in self.messages)
