"""What the client has said so far: session, prompt, blocks of content, and what may come next (nova_sonic.md#26)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.engines.simulator.nova_sonic.options import NovaSonicOptions, Sensitivity, SonicMisbehaviour
from mockserver.engines.simulator.nova_sonic.problems import TOO_EARLY, TOO_MUCH, WrongInput
from mockserver.engines.simulator.voice.formats import AudioFormat

MOST_MESSAGE, MOST_HISTORY = 50 * 1024, 200 * 1024
"""Bytes of one message of the history and of all of it (nova_sonic.md#51)."""
RATES = (8_000, 16_000, 24_000)
PAUSES: Mapping[Sensitivity, float] = {"HIGH": 1_500, "MEDIUM": 1_750, "LOW": 2_000}
"""Milliseconds of silence that end a turn (nova_sonic.md#40)."""
_ROLES = {"TEXT": ("SYSTEM", "USER", "ASSISTANT", "SYSTEM_SPEECH"), "AUDIO": None, "TOOL": ("TOOL",)}


@dataclass(slots=True, eq=False)
class ContentBlock:
    """One block of content. ``ignored``: audio that is not the user's (nova_sonic.md#57)."""

    type: str
    role: str
    interactive: bool = False
    tool_use_id: str = ""
    ignored: bool = False
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What was sent in it, of text."""
        return "".join(self.pieces)


@dataclass(slots=True, eq=False)
class Prompt:
    """One stream, as the client told it. ``history``: role and text of what was said before the audio."""

    first_generation: bool
    options: NovaSonicOptions
    stage: str = "new"  # then "session" and "prompt" in turns
    name: str = ""
    sensitivity: Sensitivity = "MEDIUM"
    system: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: Any = "auto"
    output: AudioFormat = AudioFormat("pcm", 24_000)
    input_rate: int = 16_000
    history: list[tuple[str, str]] = field(default_factory=list)
    audio_begun: bool = False
    _open: dict[str, ContentBlock] = field(default_factory=dict)
    _kinds: Counter[str] = field(default_factory=Counter)  # of the open blocks
    _size: int = 0  # of the history, in bytes
    _used: set[str] = field(default_factory=set)
    _begun: bool = False  # the prompt has content

    @property
    def pause_ms(self) -> float:
        """Silence that ends a turn."""
        return PAUSES[self.sensitivity]

    # --- session and prompt ---

    def session_start(self, body: dict[str, Any]) -> None:
        """``sessionStart``, once."""
        self._expect("new", "sessionStart")
        self._complete(body, "inferenceConfiguration")
        inference = _object(body, "inferenceConfiguration")
        for name in ("topP", "temperature"):
            value = inference.get(name, 1)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise WrongInput(f"{name} must be a number from 0 to 1")
        tokens = inference.get("maxTokens", 1)
        if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 1:
            raise WrongInput("maxTokens must be a whole number of 1 or more")
        # livekit sends it flat (nova_sonic.md#22).
        told = _object(body, "turnDetectionConfiguration").get("endpointingSensitivity")
        told = body.get("endpointingSensitivity") if told is None else told
        known = next((one for one in PAUSES if one == told), None)
        if told is not None and known is None:
            raise WrongInput(f"endpointingSensitivity must be one of {', '.join(PAUSES)}")
        self.sensitivity = known or self.options.sensitivity
        self.stage = "session"

    def prompt_start(self, body: dict[str, Any]) -> None:
        """``promptStart``. A session may have several, one after another (nova_sonic.md#60)."""
        self._expect("session", "promptStart")
        self.name = _text(body, "promptName")
        self.audio_begun = self._begun = False
        self._complete(body, "textOutputConfiguration", "audioOutputConfiguration")
        _plain(_object(body, "textOutputConfiguration"), "text/plain")
        _plain(_object(body, "toolUseOutputConfiguration"), "application/json")
        self.output = AudioFormat("pcm", _speech(_object(body, "audioOutputConfiguration"), 24_000))
        configuration = _object(body, "toolConfiguration")
        tools = configuration.get("tools", [])
        if not isinstance(tools, list):
            raise WrongInput("tools must be an array")
        self.tools = tuple(map(_tool, tools))
        if len({one["name"] for one in self.tools}) < len(tools):
            raise WrongInput("a tool's name is there twice")
        self.tool_choice = configuration.get("toolChoice") or "auto"
        self.stage = "prompt"

    def prompt_end(self, body: dict[str, Any]) -> None:
        """``promptEnd``. Without audio it is refused by the first generation (nova_sonic.md#39)."""
        self._named(body)
        if self._open and self.options.open_block == "refused":
            raise WrongInput(f"promptEnd while {next(iter(self._open))!r:.60} is open")
        if self.first_generation and not self.audio_begun:
            raise WrongInput("promptEnd without audio")
        self._open.clear()
        self._kinds.clear()
        self.stage = "session"

    def session_end(self) -> None:
        """``sessionEnd``, behind the prompt's end (nova_sonic.md#26)."""
        if self.stage == "new" or (self.stage == "prompt" and self.options.session_end == "after_prompt"):
            raise WrongInput("sessionEnd is out of order (nova_sonic.md#26)")

    # --- content ---

    def content_start(self, body: dict[str, Any]) -> ContentBlock:
        """``contentStart``."""
        self._named(body)
        name, kind, role = _text(body, "contentName"), _text(body, "type"), _text(body, "role")
        if name in self._used:
            raise WrongInput(f"contentName {name!r:.60} is used already")
        if kind not in _ROLES:
            raise WrongInput(f"type must be one of {', '.join(_ROLES)}")
        known = _ROLES[kind]
        if known is not None and role not in known:
            raise WrongInput(f"role {role!r:.60} does not go with type {kind}")
        if not isinstance(body.get("interactive"), bool | None):
            raise WrongInput("interactive must be a boolean")
        self._complete(body, f"{kind.lower()}InputConfiguration" if kind != "TOOL" else "toolResultInputConfiguration")
        _plain(_object(body, "textInputConfiguration"), "text/plain")
        block = ContentBlock(kind, role, body.get("interactive") is True)
        system = kind == "TEXT" and role == "SYSTEM"
        if (not self._used and not system) or (self._begun and system):
            raise WrongInput("the first block must be of the role SYSTEM, and no later one (nova_sonic.md#57)")
        match kind:
            case "TEXT":
                self._text_start(block)
            case "AUDIO":
                self._audio_start(block, body)
            case _:
                told = _object(body, "toolResultInputConfiguration")
                block.tool_use_id = _text(told, "toolUseId")
                _plain(_object(told, "textInputConfiguration"), "text/plain")
                if told.get("type", "TEXT") != "TEXT":
                    raise WrongInput("toolResultInputConfiguration.type must be TEXT")
        self._begun = True
        self._used.add(name)
        self._open[name] = block
        self._kinds[kind] += 1
        return block

    def _text_start(self, block: ContentBlock) -> None:
        if block.interactive or block.role not in ("USER", "ASSISTANT"):
            return
        if self.audio_begun:
            if self.options.late_text == "refused":
                raise WrongInput("history after the audio has begun")
            return
        before = self.history[-1][0] if self.history else "ASSISTANT"
        if block.role == before and (not self.history or self.options.history == "alternating"):
            raise WrongInput("the history begins with USER and alternates (nova_sonic.md#26)")
        if self.options.most_history is not None and len(self.history) >= self.options.most_history:
            raise WrongInput(f"more than {self.options.most_history} messages of history (nova_sonic.md#58)")

    def _audio_start(self, block: ContentBlock, body: dict[str, Any]) -> None:
        if self._kinds["TEXT"]:
            raise WrongInput("audio begins within a block of text", TOO_EARLY)
        if self._kinds["AUDIO"]:
            raise WrongInput("a block of audio is open already")
        rate = _speech(_object(body, "audioInputConfiguration"), 16_000)
        block.ignored = block.role != "USER"
        if not block.ignored:
            self.input_rate = rate
            self.audio_begun = True

    def piece(self, body: dict[str, Any], kind: str, desk: Any) -> tuple[ContentBlock, str]:
        """``textInput``, ``toolResult`` or ``audioInput``: its block and its content."""
        if kind == "AUDIO" and self.stage == "prompt" and not self._kinds["AUDIO"] and not self.audio_begun:
            raise WrongInput("audio before its block has begun, while the history is sent", TOO_EARLY)
        block, content = self._block(body), body.get("content")
        if block.type != kind or not isinstance(content, str):
            raise WrongInput(f"a piece of {kind} with a content that is a text, in a block of type {kind}")
        if kind == "AUDIO":
            if self._kinds["TEXT"] and not desk.misbehaves(SonicMisbehaviour.AUDIO_IN_TEXT_TAKEN, "it is heard"):
                raise WrongInput("audio within a block of text", TOO_EARLY)
        else:
            block.pieces.append(content)
        return block, content

    def content_end(self, body: dict[str, Any]) -> ContentBlock:
        """``contentEnd``: what the block was."""
        block = self._block(body)
        del self._open[body["contentName"]]
        self._kinds[block.type] -= 1
        if block.type == "TEXT" and block.role == "SYSTEM":
            self.system = block.text
        elif block.type == "TEXT" and not block.interactive and not self.audio_begun:
            self.history.append((block.role, block.text))
            size = len(block.text.encode(errors="surrogatepass"))
            self._size += size
            if size > MOST_MESSAGE or self._size > MOST_HISTORY:
                raise WrongInput(f"a history of {self._size} bytes, {size} in this message", TOO_MUCH)
        return block

    # --- inside ---

    def _expect(self, stage: str, name: str) -> None:
        if self.stage != stage:
            raise WrongInput(f"{name} is out of order (nova_sonic.md#26)")

    def _complete(self, body: Mapping[str, Any], *names: str) -> None:
        missing = [name for name in names if body.get(name) is None]
        if missing and self.options.missing_configuration == "refused":
            raise WrongInput(f"{missing[0]} is missing")

    def _named(self, body: dict[str, Any]) -> None:
        self._expect("prompt", "content")
        if _text(body, "promptName") != self.name:
            raise WrongInput(f"promptName {body['promptName']!r:.60} is not {self.name!r:.60}")

    def _block(self, body: dict[str, Any]) -> ContentBlock:
        self._named(body)
        block = self._open.get(_text(body, "contentName"))
        if block is None:
            raise WrongInput(f"no block {body['contentName']!r:.60} is open")
        return block


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongInput(f"{name} must be an object")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise WrongInput(f"{name} must be a text that is not empty")
    return value


def _plain(body: Mapping[str, Any], media: str) -> None:
    """A configuration that names one kind of media, where it is there (nova_sonic.md#23, nova_sonic.md#24)."""
    if body.get("mediaType", media) != media:
        raise WrongInput(f"mediaType must be {media}")


_SPEECH = {
    "mediaType": "audio/lpcm",
    "sampleSizeBits": 16,
    "channelCount": 1,
    "encoding": "base64",
    "audioType": "SPEECH",
}
"""What every configuration of audio says (nova_sonic.md#23)."""


def _speech(body: Mapping[str, Any], otherwise: int) -> int:
    """The rate of audio; its other fields can have one value alone."""
    for name, value in _SPEECH.items():
        if body.get(name, value) != value:
            raise WrongInput(f"{name} must be {value}")
    if not isinstance(body.get("voiceId", ""), str):
        raise WrongInput("voiceId must be a text")
    rate = body.get("sampleRateHertz", otherwise)
    if rate not in RATES:
        raise WrongInput(f"sampleRateHertz must be one of {', '.join(map(str, RATES))}")
    return int(rate)


def _tool(one: Any) -> dict[str, Any]:
    """A tool as the replier sees it, in the shape of a function tool."""
    if not isinstance(one, dict):
        raise WrongInput("each of tools must be an object")
    told = _object(one, "toolSpec")
    schema = _object(told, "inputSchema").get("json")
    try:
        parameters = json.loads(schema) if isinstance(schema, str) else None
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise WrongInput("inputSchema.json must be the text of a JSON object (nova_sonic.md#23)")
    described = told.get("description")
    return {
        "type": "function",
        "name": _text(told, "name"),
        "description": described if isinstance(described, str) else "",
        "parameters": parameters,
    }
