"""One connection: it waits for the floor and the prompts, and then gives 80 ms of audio for each 80 ms that come."""

from __future__ import annotations

from collections.abc import Callable

from mockserver.core.frames import (
    Abort,
    Accept,
    Binary,
    Handshake,
    Hangup,
    Micros,
    to_client,
)
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.personaplex.floor import PULSE_MS, Floor
from mockserver.engines.simulator.personaplex.options import PersonaPlexOptions, PlexMisbehaviour
from mockserver.engines.simulator.personaplex.opus import FRAME_BYTES, FRAME_MS, RATE, NoOpus, OpusIn, OpusOut
from mockserver.engines.simulator.personaplex.speech import PlexSpeech
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, Seen
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio

LOOK_MS = 20
"""How often one that waits looks whether the floor is free."""
THRESHOLD = 0.5
PREFIX_MS = 200
LEAD_FRAMES = 2
"""Silent frames before the first words: the codec swallows the first 80 ms of a stream."""


class PlexEngine(DeskEngine[Desk[PersonaPlexOptions]]):
    """The engine. ``broken``: the handler raises for a parameter, after the 101 (personaplex.md#2)."""

    def __init__(
        self,
        *,
        options: PersonaPlexOptions,
        context: SessionContext,
        floor: Floor,
        prompt: str,
        broken: str,
        replier: Replier,
        ear: Ear,
        failed: Callable[[str], None],
    ) -> None:
        super().__init__(Desk(context, options), ear)
        self.prompt = prompt
        self.items: list[Seen] = []
        self._broken = broken
        self._floor = floor
        self._ear = ear
        self.asking = Asking(self.desk, replier, failed=failed)
        self._turns = 0
        self._state = "waiting"  # then "prompts", "talking", "over"
        self._early: list[bytes] = []
        self._rest = b""
        self._in = OpusIn()
        self._out = OpusOut()
        self._audio = self._ear.follow(InputAudio(RATE))
        self._since_ms = 0.0
        self._frame = 0  # frames of the model so far
        self._speech = PlexSpeech()

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(None))
        if self._broken:
            self.desk.note("simulator", f"the handler raises after the upgrade: {self._broken}")
            self.desk.push(Abort())
            self._finish()
            return
        self.desk.in_seconds(self.desk.options.max_session_s, self, self._close)
        self._wait()

    def _clock(self) -> Micros:
        return self.desk.context.began_us + self.desk.now

    def _wait(self) -> None:
        free = self._floor.ask(self, self._clock())
        if free or self.desk.misbehaves(PlexMisbehaviour.LOCK_MISSING, "another client has the floor"):
            self._state = "prompts"
            self._pulse()
            self.desk.after(self.desk.options.prompts_ms, self, self._shake)
        else:
            self.desk.after(LOOK_MS, self, self._wait)

    def _pulse(self) -> None:
        self._floor.ask(self, self._clock())
        self.desk.after(PULSE_MS, self, self._pulse)

    def _shake(self) -> None:
        """The prompts have been processed (personaplex.md#6)."""
        self._state = "talking"
        self.desk.push(to_client(Binary(b"\x00")))
        if self.desk.options.first_speaker == "agent":
            self._answer()
        early, self._early = self._early, []
        for data in early:
            if self._state == "talking":
                self._hear(data)

    def _close(self) -> None:
        self.desk.push(Hangup(code=1000))
        self._finish()

    def _finish(self) -> None:
        self._state = "over"
        self._floor.leave(self)
        super()._finish()
        self._in.close()
        self._out.close()

    # --- what comes in ---

    def _text(self, data: str) -> None:
        self.desk.note("simulator", "a text frame is ignored")

    def _binary(self, data: bytes) -> None:
        if data[:1] != b"\x01":
            self.desk.note("simulator", f"a message of kind {data[:1].hex() or 'none'} is ignored")
        elif self._state == "talking":
            self._hear(data[1:])
        elif self.desk.misbehaves(PlexMisbehaviour.EARLY_AUDIO_HEARD, "audio before the handshake byte is kept"):
            self._early.append(data[1:])

    def _hear(self, data: bytes) -> None:
        try:
            pcm = self._rest + self._in.pcm(data)
        except NoOpus as error:
            self.desk.note("simulator", f"the client's audio is no Ogg-Opus: {error}")
            if self.desk.options.bad_opus == "close":
                self._close()
            return
        whole = len(pcm) // FRAME_BYTES * FRAME_BYTES
        self._rest = pcm[whole:]
        for place in range(0, whole, FRAME_BYTES):
            self._listen(pcm[place : place + FRAME_BYTES])
            self._speak()

    def _listen(self, pcm: bytes) -> None:
        options = self.desk.options
        self._audio.append(pcm, RATE)
        level = THRESHOLD * options.vad_full_scale
        for edge in self._audio.edges(pcm, level, PREFIX_MS, lambda silent: silent >= options.turn_silence_ms):
            if edge.edge == "start":
                self._since_ms = edge.at_ms
                if options.yields:
                    self._stop()
                continue
            heard = self._audio.take(self._since_ms, edge.at_ms)
            words = self._ear.hear(heard, RATE)
            if words:
                ms = len(heard) // 2 * 1000 // RATE
                self.items.append(Seen(f"u{len(self.items)}", "message", "user", words, origin="audio", audio_ms=ms))
                self._answer()

    # --- what goes out ---

    def _answer(self) -> None:
        self._turns += 1
        mine = self._turns
        context = Context(
            instructions=self.prompt,
            own_instructions=bool(self.prompt),
            items=tuple(self.items),
            turn=mine,
            user=next((item.text for item in reversed(self.items) if item.role == "user"), ""),
            response_id=f"turn {mine}",
        )
        self.asking.ask(context, f"turn {mine}", self._perform, lambda: mine == self._turns)

    def _perform(self, reply: Reply) -> None:
        if reply.calls or reply.failure is not None:
            self.desk.note("simulator", "there are no tools and no errors on this wire; they are left out")
        pace = self.desk.options.pace
        think_ms = pace.created_ms + pace.first_ms if reply.after_ms is None else reply.after_ms
        self._stop()
        silence = reply.silence_ms
        if not reply.text and not silence:
            return
        # The model's clock is the input: it thinks for so many frames of it (personaplex.md#9).
        begins = max(self._frame + -(-round(think_ms) // FRAME_MS), LEAD_FRAMES)
        self._speech.say(reply.text or "", silence, begins)

    def _speak(self) -> None:
        """One frame: at most one piece of text, then 80 ms of sound (personaplex.md#7, personaplex.md#9)."""
        piece, sound, said = self._speech.frame(self._frame)
        self._frame += 1
        if piece is not None and not self.desk.misbehaves(PlexMisbehaviour.TEXT_LOST, f"{piece!r} is not sent"):
            self.desk.push(to_client(Binary(b"\x02" + piece.encode())))
        if said:
            self._said(said)
        page = self._out.page(sound)
        if page:
            self.desk.push(to_client(Binary(b"\x01" + page)))

    def _said(self, text: str) -> None:
        self.items.append(Seen(f"a{len(self.items)}", "message", "assistant", text, origin="response"))

    def _stop(self) -> None:
        """What is being said ends here; the words that were heard stay."""
        heard = self._speech.stop(self._frame)
        if heard is not None:
            self._said(heard)

    # --- looking in ---

    def inspect(self) -> Inspection:
        """What was said, and every context that the replier saw."""
        return Inspection(
            "simulator",
            {
                "provider": "personaplex",
                "state": self._state,
                "frames": self._frame,
                "conversation": [{"type": one.type, "role": one.role, "text": one.text} for one in self.items],
                "contexts": list(self.asking.contexts),
                "input_audio_ms": self._audio.position_ms,
            },
        )
