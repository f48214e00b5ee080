"""What recordings of Gemini Live tell: what the model said and called, and what it heard."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mockserver import speech
from mockserver.core.frames import MILLISECOND, Binary, Frame, Micros, Sender, Text
from mockserver.core.paths import dig
from mockserver.core.view import Kind
from mockserver.dialects.base import parse
from mockserver.engines.simulator.likeness import Likeness
from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, ToolCall
from mockserver.engines.simulator.replies.scripted import Scripted

FRAME_MS, RATE = 100, 16_000
CLOSING = 7
"""Frames of silence at the end of each stretch of audio: what ends a turn where the recording does not keep it."""
PACE = Pace(audio_speed=1_000.0)


class GeminiLikeness(Likeness):
    """Keys in either writing, and JSON in either kind of frame."""

    def replier(self) -> Replier:
        """Answer by answer. A call that the model waits for ends one."""
        setup: Any = next((view.body for view in self.views(Sender.CLIENT) if view.name == "setup"), {})
        tools = _at(setup, "setup.tools") or ()
        functions = [one for tool in tools for one in _at(tool, "functionDeclarations") or ()]
        waits = not any(one.get("behavior") == "NON_BLOCKING" for one in functions)
        return Scripted(list(self._answers(waits)), then=_silent)

    def _answers(self, waits: bool) -> Iterator[Reply]:
        text = ""
        calls: list[ToolCall] = []
        for view in self.views(Sender.SERVER):
            body = view.body if isinstance(view.body, Mapping) else {}
            text += _at(body, "serverContent.outputTranscription.text") or ""
            for part in _at(body, "serverContent.modelTurn.parts") or ():
                text += part.get("text", "") if not part.get("thought") else ""
            calls += [
                ToolCall(call["name"], call["args"], call["id"]) for call in _at(body, "toolCall.functionCalls") or ()
            ]
            if _at(body, "serverContent.turnComplete") or (calls and waits):
                if text or calls:
                    yield Reply(text or None, tuple(calls))
                text, calls = "", []
        if text or calls:
            yield Reply(text or None, tuple(calls))

    def settings(self) -> Mapping[str, Any]:
        """What was heard in each of the user's turns."""
        turns = [""]
        for view in self.views(Sender.SERVER):
            body = view.body if isinstance(view.body, Mapping) else {}
            turns[-1] += _at(body, "serverContent.inputTranscription.text") or ""
            if _at(body, "serverContent.turnComplete") and turns[-1]:
                turns.append("")
        return {"transcripts": [turn.strip() for turn in turns if turn] or ["something"], "pace": PACE}

    def meanwhile(self) -> tuple[Frame, Micros] | None:
        """Silence after a recording's only few frames: its microphone, too, had to fall silent to be answered."""
        given = next((view.body for view in self.views(Sender.CLIENT) if view.kind is Kind.AUDIO), None)
        if given is None or sum(view.kind is Kind.AUDIO for view in self.views(Sender.CLIENT)) > CLOSING:
            return None
        silence = base64.b64encode(bytes(2 * RATE * FRAME_MS // 1000)).decode()
        body = {"realtimeInput": {"audio": {"data": silence, "mimeType": f"audio/pcm;rate={RATE}"}}}
        return Text(json.dumps(body)), FRAME_MS * MILLISECOND

    def exceptions(self) -> Mapping[str, str]:
        """The end of an answer that a recording does not hold."""
        if any(view.name == "serverContent.turnComplete" for view in self.views(Sender.SERVER)):
            return {}
        why = "the recording ends before the answer does"
        return {"serverContent.generationComplete": why, "serverContent.turnComplete": why}

    def said(self, frame: Frame, number: int) -> Frame:
        """A voice, and silence at the end of each stretch: what a recording keeps is often cut."""
        data = frame.data.decode() if isinstance(frame, Binary) else frame.data if isinstance(frame, Text) else ""
        body = parse(data)
        key = next((name for name in body or {} if _at(body[name], "audio") is not None), None)
        if key is None:
            return frame
        loud = number in self._loud()
        pcm = speech.babble(number * FRAME_MS, FRAME_MS, RATE) if loud else bytes(2 * RATE * FRAME_MS // 1000)
        sound = {**body[key]["audio"], "data": base64.b64encode(pcm).decode()}
        return Text(json.dumps({key: {**body[key], "audio": sound}}))

    def _loud(self) -> set[int]:
        """The frames of audio, by their number, in which somebody speaks."""
        found: set[int] = set()
        number, run = 0, []
        for record in self.connection.records:
            view = self.dialect.view(record.frame, record.sender)
            if record.sender is Sender.CLIENT and view.kind is Kind.AUDIO:
                run.append(number)
                number += 1
            elif run:
                found.update(run[:-CLOSING] or run)
                run = []
        found.update(run[:-CLOSING] or run)
        return found


def _silent(context: Context) -> None:
    return None


def _at(body: Any, path: str) -> Any:
    return dig(body, path, fold_case=True)[0]
