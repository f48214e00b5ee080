"""A translation session: audio in, and what it says in another language out, as the audio flows (openai.md#213).

No conversation, no responses, no turns on the wire. Time is the client's audio: each 200 ms of it is one step, in
which 200 ms of the translation may be said. What an utterance is in the other language is the replier's business; the
default says the same words again, for a mock knows no language.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from mockserver import speech
from mockserver.core.frames import Accept, Handshake, Hangup
from mockserver.dialects.base import Dialect, close_reason
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading, shapes
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.openai import problems, schema
from mockserver.engines.simulator.openai.audio_formats import received
from mockserver.engines.simulator.openai.gate import ShutGate
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import Profile
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, Seen
from mockserver.engines.simulator.shapes import Shape, record, text
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio

PATH = "/translations"
"""Below the socket."""
MODELS = ("gpt-realtime-translate",)
RATE = 24_000
STEP_MS = 200
STEP_BYTES = 2 * RATE * STEP_MS // 1000
TURN_MS, PREFIX_MS, THRESHOLD = 500, 300, 0.5
"""What ends and begins an utterance: unknown, that of a session with responses (openai.md#22)."""
FLUSH_MS = 1_000
"""Silence with which the end of the audio is heard."""

_SETTINGS = record(
    input=record(
        transcription=record("model", null=True, model=text(*schema.TRANSCRIPTION_MODELS)),
        noise_reduction=schema.NOISE_REDUCTION,
    ),
    output=record(language=text()),
)
EVENTS: dict[str, Shape] = {
    "session.update": schema.event_shape("session", session=record(audio=_SETTINGS)),
    "session.input_audio_buffer.append": schema.event_shape("audio", audio=text()),
    "session.close": schema.event_shape(),
}
"""All that a client may send, in the order in which an unknown type is told of them (openai.md#49)."""
SECRET_SESSION = record("model", model=text(), audio=_SETTINGS)
"""The session that a client secret is asked for (openai.md#217)."""


def knows_model(model: str) -> bool:
    """Whether a model translates."""
    return model.startswith(MODELS)


def same_words(context: Context) -> str:
    """The translation of a mock."""
    return context.user


class TranslationSettings:
    """``config``: as the client sees it."""

    def __init__(self, model: str) -> None:
        self.config: dict[str, Any] = {
            "id": "",
            "type": "translation",
            "model": model,
            "expires_at": 0,
            # Unknown: which language is spoken where the client names none (openai.md#219).
            "audio": {"input": {"transcription": None, "noise_reduction": None}, "output": {"language": "en"}},
        }

    def update(self, given: Mapping[str, Any]) -> None:
        """What a client gave, checked already: object by object."""
        for side, fields in (given.get("audio") or {}).items():
            self.config["audio"][side] = {**self.config["audio"][side], **fields}

    @property
    def language(self) -> str:
        """What is translated into."""
        language: str = self.config["audio"]["output"]["language"]
        return language


class Translation(DeskEngine[Wire]):
    """The engine."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        profile: Profile,
        options: OpenAIOptions,
        context: SessionContext,
        replier: Replier,
        ear: Ear,
        gate: ShutGate | None,
        settings: TranslationSettings,
        failed: Callable[[str], None],
    ) -> None:
        super().__init__(Wire(context, profile, options, dialect.problems), ear)
        self.dialect = dialect
        self.settings = settings
        self.ear = ear
        self.asking = Asking(self.desk, replier, failed=failed)
        self._gate = gate
        self._audio = self.ear.follow(InputAudio(RATE))
        self._rest = b""  # audio that is no whole step yet
        self._since_ms = 0
        self._step = 0
        self._heard: list[Seen] = []
        self._speech: deque[tuple[bytes, str]] = deque()  # of each step to come: its audio, and the words in it
        self._spoken = False  # whether any word is before the next
        self._asked = 0  # utterances whose translation is awaited
        self._closing = False

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(self.dialect.subprotocol(handshake.subprotocols)))
        if self._gate is not None:
            self.desk.error(self._gate.problem)
            self.desk.push(Hangup(code=self._gate.close, reason=close_reason(self._gate.reason)))
            self._finish()
            return
        limit = self.desk.options.max_session_s
        self.settings.config["id"] = self.desk.mint("session")
        self.settings.config["expires_at"] = self.desk.seconds() + round(limit)
        self.desk.in_seconds(limit, self, self._expire)
        self.desk.begun = True
        self.desk.emit("session.created", session=self.settings.config)

    def _expire(self) -> None:
        """As any other session (openai.md#25); of this one unknown."""
        problem = problems.expired(self.desk.options.max_session_s)
        self.desk.error(problem)
        self.desk.push(Hangup(code=1001, reason=close_reason(problem.message)))
        self._finish()

    # --- the client's events ---

    def _binary(self, data: bytes) -> None:
        self.desk.error(problems.not_text())

    def _text(self, data: str) -> None:
        body = reading.parse(data)
        event_id = body.get("event_id") if isinstance(body, dict) else None
        try:
            self._dispatch(body)
        except ClientProblem as problem:
            self.desk.error(problem, event_id if isinstance(event_id, str) else None)

    def _dispatch(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise problems.not_json()
        name = body.get("type")
        if name is None:
            raise ClientProblem("invalid_event", "The 'type' field is missing.", None)  # openai.md#145
        if not isinstance(name, str) or name not in EVENTS:
            raise problems.bad_value(name, EVENTS, "type")
        shapes.check(EVENTS[name], body, "", problems)
        if self._closing:
            return  # unknown what comes of events behind session.close: nothing
        match name:
            case "session.update":
                self.settings.update(body["session"])
                self.desk.emit("session.updated", session=self.settings.config)
            case "session.input_audio_buffer.append":
                self._append(received(body["audio"], "audio", self.desk.options.bad_audio_param))
            case _:
                self._close()

    def _append(self, pcm: bytes) -> None:
        """Whole steps are translated; what is left waits for more (openai.md#215)."""
        self._rest += pcm
        whole = len(self._rest) // STEP_BYTES * STEP_BYTES
        steps, self._rest = self._rest[:whole], self._rest[whole:]
        for place in range(0, whole, STEP_BYTES):
            self._take(steps[place : place + STEP_BYTES])

    def _close(self) -> None:
        """What is left of the audio is heard, all that is still to be said is said, then it ends (openai.md#214)."""
        if self._rest:
            self._append(bytes(STEP_BYTES - len(self._rest)))
        silence = bytes(2 * RATE * FLUSH_MS // 1000)
        self._listen(silence)
        self._closing = True
        self._drain()

    def _drain(self) -> None:
        """The end, once no translation is awaited."""
        if not self._closing or self._asked:
            return
        while self._speech:
            self._say()
        self.desk.emit("session.closed")
        self.desk.push(Hangup(code=1000, reason=""))
        self._finish()

    # --- the stream ---

    def _take(self, pcm: bytes) -> None:
        """One step: what was said before may be translated in it."""
        self._listen(pcm)
        self._say()

    def _listen(self, pcm: bytes) -> None:
        self._audio.append(pcm, RATE)
        level = THRESHOLD * self.desk.options.vad_full_scale
        for turn in self._audio.edges(pcm, level, PREFIX_MS, lambda silent_ms: silent_ms >= TURN_MS):
            if turn.edge == "start":
                self._since_ms = turn.at_ms
            else:
                self._utterance(self._audio.take(self._since_ms, turn.at_ms))

    def _utterance(self, pcm: bytes) -> None:
        words = self.ear.hear(pcm, RATE) or ""
        if not words:
            return
        if self.settings.config["audio"]["input"]["transcription"] is not None:
            self._delta("input_transcript", words if not self._heard else f" {words}")
        number = len(self._heard) + 1
        ms = len(pcm) // 2 * 1000 // RATE
        self._heard.append(Seen(f"utterance_{number}", "message", "user", words, origin="audio", audio_ms=ms))
        asked = Context(
            instructions=f"Translate into {self.settings.language}.",
            items=tuple(self._heard),
            turn=number,
            user=words,
        )
        self._asked += 1
        self.asking.ask(asked, f"utterance {number}", self._translated, lambda: not self.over)

    def _translated(self, reply: Reply) -> None:
        """Laid out over steps: the words of each, and their audio."""
        self._asked -= 1
        if reply.failure is not None:
            error = reply.failure
            self.desk.error(ClientProblem(error.code, error.message or "The translation failed.", kind="server_error"))
        said = reply.text or ""
        pcm = speech.encode(said, RATE) if said else b""
        timed = deque(speech.timings(said))
        for place in range(0, len(pcm), STEP_BYTES):
            end_ms = (place + STEP_BYTES) * 1000 // (2 * RATE)
            words = ""
            while timed and timed[0].start_ms < end_ms:
                words += f"{' ' * self._spoken}{timed.popleft().text}"
                self._spoken = True
            self._speech.append((pcm[place : place + STEP_BYTES], words))
        self._drain()

    def _say(self) -> None:
        """What is said in this step; nothing where nothing is: whether the service sends silence is unknown."""
        self._step += 1
        if not self._speech:
            return
        pcm, words = self._speech.popleft()
        if words:
            self._delta("output_transcript", words)
        # openai.md#216
        sound = {"sample_rate": RATE, "channels": 1, "format": "pcm16"}
        self._delta("output_audio", base64.b64encode(pcm).decode(), **sound)

    def _delta(self, what: str, delta: str, **more: Any) -> None:
        self.desk.emit(f"session.{what}.delta", delta=delta, elapsed_ms=self._step * STEP_MS, **more)

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The settings, every context that the replier saw, and how much audio has come."""
        return Inspection(
            "simulator",
            {
                "provider": self.desk.profile.name,
                "session": self.settings.config,
                "contexts": list(self.asking.contexts),
                "input_audio_ms": self._audio.position_ms,
            },
        )
