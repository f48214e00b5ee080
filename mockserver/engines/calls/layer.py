"""What stands between a call's client and an engine that speaks as on a websocket.

To the engine it is the client of a websocket, with the audio in its frames: so the simulator, scripts, cassettes and
relays answer calls as they are. To the client it is what the service adds on a call: it plays the audio, says so
(``output_audio_buffer.*``), and at an interruption tells the engine what was heard. It stands before all faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mockserver.core.frames import (
    Accept,
    Close,
    Item,
    Media,
    Micros,
    Note,
    Peer,
    Received,
    Send,
    Sender,
    Tell,
    Text,
    to_client,
)
from mockserver.core.ids import rng
from mockserver.core.view import Lens, View
from mockserver.dialects.base import Dialect
from mockserver.dialects.calls import CallFacts
from mockserver.engines.calls.playing import Playing

ASIDE = "aside"
"""The word of ``Tell`` for a frame of somebody who is attached to the call: ``data["frame"]``."""
HEX = "0123456789abcdef"


class CallLayer:
    """A layer of the session. ``begins_with``: settings that are asked for before the client hears the first event.

    ``hears``: told of every event of the server's that is none of media, and of the end.
    """

    def __init__(
        self,
        calls: CallFacts,
        dialect: Dialect,
        seed: str,
        *,
        lens: Lens | None = None,
        begins_with: Text | None = None,
        clear_truncates: bool = True,
        session: Any = None,
    ) -> None:
        self._session = session
        self._calls = calls
        self._dialect = dialect
        self._lens = lens or dialect
        self._random = rng(seed, "call")
        self._begins_with = begins_with
        self._clear_truncates = clear_truncates
        self._playing = Playing()
        self._cleared: set[str] = set()
        self._interruptible = True
        self._first: View | None = None
        self.sound = (24_000, "pcm")
        """Rate and encoding of the audio in the server's frames."""
        self.input_sound = (24_000, "pcm")
        """The same of the audio that the engine expects of its client."""
        self.hears: list[Callable[[Text | Close], None]] = []

    # --- the machine ---

    def feed(self, item: Item, now: Micros) -> Iterable[Item]:
        """One event or effect."""
        yield from self._catch_up(now)
        match item:
            case Received(Peer.CLIENT, Text() as frame):
                view = self._lens.view(frame, Sender.CLIENT)
                if view.audio is not None or self._calls.client_may(self._session, view):
                    yield from self._from_client(frame, now)
                else:
                    yield Note("call", f"{view.name:.60} is not allowed on the data channel of this session")
            case Accept() if self._calls.client_first and self._begins_with is not None:
                asked, self._begins_with = self._begins_with, None
                yield item
                yield Received(Peer.CLIENT, asked)
            case Tell(word, data) if word == ASIDE:
                yield from self._from_client(data["frame"], now)
            case Send(Peer.CLIENT, Text() as frame):
                yield from self._to_client(frame, now)
            case _:
                yield item

    def wake_at(self) -> Micros | None:
        """When the next thing about the audio is to be told."""
        due = self._playing.due()
        return None if due is None else due[0]

    def wake(self, now: Micros) -> Iterable[Item]:
        """Tell it."""
        return list(self._catch_up(now))

    def release(self, now: Micros) -> Iterable[Item]:
        """Nothing is held back."""
        return ()

    def over(self) -> None:
        """The call has ended, however: who listens is told."""
        self._tell(Close(1000))
        self.hears.clear()

    # --- inside ---

    def _catch_up(self, now: Micros) -> Iterable[Item]:
        while (due := self._playing.due()) is not None and due[0] <= now:
            _, what, response_id = due
            self._playing.tell(what, response_id)
            yield from self._say("started" if what == "started" else "stopped", response_id)

    def _say(self, what: str, response_id: str) -> Iterable[Item]:
        event_id = "event_" + "".join(self._random.choices(HEX, k=16))
        frame = self._calls.told(what, response_id, event_id)  # type: ignore[arg-type]
        if frame is not None:
            self._tell(frame)
            yield to_client(frame)

    def _tell(self, frame: Text | Close) -> None:
        for hear in tuple(self.hears):
            hear(frame)

    def _from_client(self, frame: Text, now: Micros) -> Iterable[Item]:
        if self._calls.clears(self._lens.view(frame, Sender.CLIENT)):
            yield from self._clear(now, truncate=self._clear_truncates)
        else:
            yield Received(Peer.CLIENT, frame)

    def _to_client(self, frame: Text, now: Micros) -> Iterable[Item]:
        calls = self._calls
        view = self._lens.view(frame, Sender.SERVER)
        if calls.apart(view):
            yield from self._play(frame, view, now)
            return
        if isinstance(view.body, dict):
            self.sound = self._dialect.output_format(view) or self.sound
            self.input_sound = calls.input_sound(view) or self.input_sound
        told = calls.interruptible(view) if isinstance(view.body, dict) else None
        self._interruptible = self._interruptible if told is None else told
        if self._begins_with is not None and calls.begun(view):
            self._first, asked, self._begins_with = view, self._begins_with, None
            yield Note("call", "the settings that came with the offer are asked for before the client hears of it")
            yield Received(Peer.CLIENT, asked)
            return
        if self._first is not None:
            begun, self._first = self._first, None
            session = calls.set_up(view)
            if session is not None:
                frame = calls.first(begun, session)
            else:  # the settings were refused: the client is told both
                plain = calls.first(begun, begun.body.get("session") or {})
                self._tell(plain)
                yield to_client(plain)
        self._tell(frame)
        if not calls.client_told(self._session, view):
            return
        yield to_client(frame)
        if calls.speech(view) and self._interruptible:
            yield from self._clear(now, truncate=True)
        ended = calls.spoken(view)
        if ended is not None:
            self._cleared.discard(ended)
            self._playing.spoken(ended)
            yield from self._catch_up(now)

    def _play(self, frame: Text, view: View, now: Micros) -> Iterable[Item]:
        if not self._calls.played:
            yield to_client(frame)
            return
        response_id = view.response_id or ""
        if response_id in self._cleared:
            return  # cut off: what is still made of it is not played (openai.md#222)
        assert view.audio is not None
        rate, encoding = self.sound
        micros = round(view.audio.milliseconds(rate, encoding) * 1_000)
        index = view.body.get("content_index") if isinstance(view.body, dict) else 0
        self._playing.add(response_id, view.item_id or "", index if isinstance(index, int) else 0, micros, now)
        yield from self._catch_up(now)
        yield to_client(frame)

    def _clear(self, now: Micros, *, truncate: bool) -> Iterable[Item]:
        responses = self._playing.order
        current, heard = self._playing.stop(now)
        if current is None:
            return
        self._cleared.update(responses)
        yield Media("clear")
        yield from self._say("cleared", current)
        for one in heard if truncate else ():
            asked = self._calls.truncation(one.item_id, one.content_index, one.audio_end_ms)
            if asked is not None:
                yield Received(Peer.CLIENT, asked)
