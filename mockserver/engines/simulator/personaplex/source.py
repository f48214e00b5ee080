"""PersonaPlex as a source: one server, one conversation at a time."""

from __future__ import annotations

from collections.abc import Mapping

from mockserver.core.frames import Handshake
from mockserver.dialects.base import Dialect
from mockserver.engines import base
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.personaplex import opus
from mockserver.engines.simulator.personaplex.engine import PlexEngine
from mockserver.engines.simulator.personaplex.floor import Floor
from mockserver.engines.simulator.personaplex.options import VOICES, PersonaPlexOptions
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.errors import UsageError


class PersonaPlexSource(SimulatorSource[PersonaPlexOptions]):
    """Has the floor that its clients share."""

    def __init__(self, dialect: Dialect, options: PersonaPlexOptions, replier: Replier) -> None:
        super().__init__(dialect, options, replier)
        self._floor = Floor()

    @property
    def default_model(self) -> str:
        """There is one."""
        return "personaplex-7b-v1"

    def check(self) -> None:
        """UsageError without the codec, and for a key: the server knows none."""
        opus.available()
        if not isinstance(self.options.require_key, bool):
            raise UsageError("simulator: require_key: PersonaPlex has no keys; leave it out")

    def begin(self, handshake: Handshake, context: base.SessionContext) -> PlexEngine:
        """A connection."""
        return PlexEngine(
            options=self.options,
            context=context,
            floor=self._floor,
            prompt=handshake.param("text_prompt") or "",
            broken=self._broken(handshake),
            replier=self.replier,
            ear=self.new_ear(),
            failed=self.failed,
        )

    def _broken(self, handshake: Handshake) -> str:
        """What the handler raises for these parameters; "" for none (personaplex.md#2, #3, #17)."""
        voice, seed = handshake.param("voice_prompt"), handshake.param("seed")
        if voice is None:
            return "KeyError: 'voice_prompt'"
        if voice not in (VOICES if self.options.voices is None else self.options.voices):
            return f"FileNotFoundError: voice_prompt {voice[:60]!r}"
        if handshake.param("text_prompt") is None:
            return "KeyError: 'text_prompt'"
        if seed is None:
            return ""
        if self.options.seed == "raises":
            return "KeyError: 'seed'"
        try:
            int(seed)
        except ValueError:
            return f"ValueError: seed {seed!r:.60}"
        return ""


PROVIDERS: Mapping[str, Provider] = {"personaplex": Provider("personaplex", PersonaPlexOptions, PersonaPlexSource)}
