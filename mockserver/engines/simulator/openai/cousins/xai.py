"""xAI's voice agents: OpenAI GA with habits of its own.

Sources: xai.md#1 to xai.md#37.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from mockserver.core.frames import SECOND, Handshake, Micros, Refuse
from mockserver.core.ids import Ids
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.openai.audio_formats import audio_format
from mockserver.engines.simulator.openai.cousins.xai_events import CLIENT_EVENTS, SESSION
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.profile import SERVER_VAD, Profile

UNIMPLEMENTED = "unimplemented"
INTERIM_MODEL = "grok-transcribe"
"""Cumulative .updated events come where this model transcribes (xai.md#28)."""
TRANSCRIPTION = "conversation.item.input_audio_transcription."
STARTED = "input_audio_buffer.speech_started"


class XAIProfile(Profile):
    """One per connection: deltas refer to one another, and usage counts the audio that was sent."""

    name = "xai"
    default_model = "grok-voice-latest"
    default_instructions = ""  # xai.md#8
    beta_header_refused = False  # unknown (xai.md#43)
    key_subprotocol = "xai-client-secret."  # xai.md#2
    # A client secret holds no session (xai.md#2). What it does with one is unknown (xai.md#41); here it is taken and
    # means nothing, as unknown fields of ``SESSION`` do.
    secrets_hold_session = False
    transcription_sessions = False  # unknown (xai.md#43)
    typed_session = False
    events = CLIENT_EVENTS
    session_shape = SESSION
    voices = None
    voice_path = "voice"
    modalities = (("text",), ("audio",), ("audio", "text"))
    speaks_always = True  # modalities ["text"] is echoed, and audio comes (xai.md#14)
    # Its call ids have 43 characters (xai.md#7), livekit shortens those over 32 to a hash before it sends the output,
    # and works with xAI (xai.md#36).
    checks_call_id = False
    said_verbatim = ("force_message",)
    # xai.md#15; of the silence nothing is known (xai.md#44)
    server_vad: Mapping[str, Any] = {
        **SERVER_VAD,
        "threshold": 0.85,
        "prefix_padding_ms": 333,
        "silence_duration_ms": 500,
    }
    transcription_fields: Mapping[str, None] = {}  # xai.md#9
    # The last .completed comes 3 ms before response.created (xai.md#28).
    transcribes_first = True
    # response.created follows a commit, with turn detection off and no response.create (xai.md#26).
    commit_answers = True
    ping_s = 10.0  # xai.md#6
    transcribes_always = True  # .updated depends on the model's name, .completed does not (xai.md#28)
    obfuscation = False
    item_done = False
    rate_limits = None  # xai.md#19
    overlapping_calls = False  # xai.md#24
    whole_arguments = True  # xai.md#24
    refuses_second_response = False  # xai.md#30
    closing = (
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_audio.done",
    )  # xai.md#22
    captions_ahead = 0  # the first audio comes before its words (xai.md#22)
    captions_lead = 0.0

    def __init__(self) -> None:
        self._words: dict[str, str] = {}  # of each item that is being transcribed, so far
        self._transcriber: str | None = None
        self._audio_ms: dict[str, float] = {}  # sent, by response
        self._told: set[str] = set()  # items of speech that are announced before they are committed
        self._created: Micros = 0
        self._rid: str | None = None
        self._bytes_per_ms = 48  # of output audio

    def fresh(self) -> Profile:
        """One for each connection."""
        return XAIProfile()

    def astray(self, handshake: Handshake, sockets: tuple[str, ...]) -> Astray | None:
        """What it answers at a wrong path is unknown (xai.md#47); here HTTP's own word for it."""
        return None if handshake.path in sockets else Astray(Refuse(404))

    def mint(self, what: str, ids: Ids) -> str:
        """UUIDs; a session's without dashes, a call's with a number behind it (xai.md#7)."""
        match what:
            case "session":
                return ids.uuid().replace("-", "")
            case "call":
                return f"call-{ids.uuid()}-0"
            case "secret":
                return super().mint(what, ids)
            case _:
                return ids.uuid()

    def bad_key_answer(self, key: str | None) -> tuple[int, dict[str, Any]]:
        """The sentence of its chat (xai.md#4); of this path all is unknown (xai.md#41)."""
        shown = "none" if key is None else f"{key[:2]}***{key[-2:]}"
        text = f"Incorrect API key provided: {shown}. You can obtain an API key from https://console.x.ai."
        return 401, {"code": "unauthenticated", "error": text}

    def knows_model(self, model: str) -> bool:
        """Which there are is not wholly known (xai.md#3, xai.md#38): here those that begin with grok."""
        return model.startswith("grok")

    # --- settings ---

    def defaults(self, model: str, instructions: str) -> dict[str, Any]:
        """As session.created shows them (xai.md#8), and the rest as session.updated does (xai.md#9)."""
        config = super().defaults(model, instructions)
        config["audio"]["input"]["turn_detection"] = {"type": None}
        config["audio"]["output"]["voice"] = None  # not chosen: shown as "ara" at the start, then not at all
        return {**config, "temperature": -1.0}

    def session_in(self, given: dict[str, Any]) -> dict[str, Any]:
        """``voice``, ``turn_detection`` and ``modalities`` stand at the top (xai.md#11)."""
        audio = given.get("audio") or {}
        heard = _known(audio.get("input") or {}, "format", "transcription")
        said = _known(audio.get("output") or {}, "format")
        if given.get("voice") is not None:
            said["voice"] = given["voice"]
        if "turn_detection" in given:
            heard["turn_detection"] = given["turn_detection"]
        found = _known(given, "instructions", "tools", "tool_choice", "temperature")
        for name in ("modalities", "output_modalities"):
            if name in given:
                found["output_modalities"] = given[name]
        for name in ("max_response_output_tokens", "max_output_tokens"):
            if given.get(name) is not None:
                found["max_output_tokens"] = given[name]
        if given.get("input_audio_transcription") is not None:
            heard["transcription"] = given["input_audio_transcription"]
        return {**found, "audio": {"input": heard, "output": said}}

    def session_out(self, config: dict[str, Any], name: str) -> dict[str, Any]:
        """Two different shapes (xai.md#8, xai.md#9)."""
        heard, said = config["audio"]["input"], config["audio"]["output"]
        if name == "session.created":
            shown = {key: config[key] for key in ("id", "object", "instructions", "model", "tools")}
            return {
                **shown,
                "voice": said["voice"] or "ara",
                "modalities": config["output_modalities"],
                "turn_detection": heard["turn_detection"],
            }
        transcription = heard["transcription"]
        hears = {} if transcription is None else {"transcription": transcription}
        body = {
            "instructions": config["instructions"],
            "enable_noise_suppression": True,
            "model": config["model"],
            "keep_context": False,
            "enable_phonetic_spelling": False,
            "modalities": config["output_modalities"],
            "input_audio_format": "not specified",
            "output_audio_format": "not specified",
            "tool_choice": config["tool_choice"],
            "temperature": config["temperature"],
            "max_response_output_tokens": config["max_output_tokens"],
            "audio": {
                "input": {"format": heard["format"], "transport": "json", **hears},
                "output": {"format": said["format"], "transport": "json"},
            },
        }
        # Off, it is not shown (xai.md#9).
        if heard["turn_detection"]["type"] is not None:
            body["turn_detection"] = heard["turn_detection"]
        if transcription is not None:
            body["input_audio_transcription"] = transcription
        if said["voice"] is not None:
            body["voice"] = said["voice"]
        if config["tools"]:
            body["tools"] = [_tool_out(tool) for tool in config["tools"]]
        return body

    def detection(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any] | None:
        """Shown as given, without the defaults (xai.md#9)."""
        return {"type": None} if new is None else new

    def detection_in_force(self, shown: dict[str, Any]) -> dict[str, Any] | None:
        """``create_response: false`` is shown but not honoured (xai.md#13). Its defaults: xai.md#15."""
        if shown["type"] is None:
            return None
        given = {key: value for key, value in shown.items() if value is not None}
        return {**self.server_vad, **given, "create_response": True}

    # --- events ---

    def start(self, desk: Desk[OpenAIOptions], conversation_id: str) -> Iterable[tuple[str, dict[str, Any]]]:
        """What the server sends beside session.created (xai.md#5)."""
        yield ("conversation.created", {"conversation": {"id": conversation_id, "object": "realtime.conversation"}})
        yield "ping", {"timestamp": desk.milliseconds()}

    def outgoing(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """``previous_item_id`` on all but session.created (xai.md#18); no conversation.item.done (xai.md#19)."""
        name = body["type"]
        item_id = (body.get("item") or {}).get("id")
        if name == "session.created":
            yield body
        elif name == "conversation.item.added" and item_id in self._told:
            self._told.remove(item_id)
        elif name.startswith(TRANSCRIPTION):
            yield from self._transcribed(body, desk)
        elif name != "conversation.item.done":
            if name == "input_audio_buffer.speech_stopped":
                yield self._spoken(body["item_id"], desk)
            body = dict(body)
            self._reshape(name, body, desk)
            yield {"previous_item_id": None, **body}

    def _reshape(self, name: str, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> None:
        match name:
            case "session.updated":
                heard = body["session"]["audio"]["input"]
                self._transcriber = (heard.get("transcription") or {}).get("model")
                sound = body["session"]["audio"]["output"]["format"]
                self._bytes_per_ms = audio_format(sound).bytes_per_ms
            case "response.created":
                self._created, self._rid = desk.now, None
                body["response"] = _response_out(body["response"])
            case "response.done":
                self._done(body)
            case "response.output_item.added" | "response.output_item.done":
                body["item"] = _item_out(body["item"], call_role="user")
                body["item"].pop("content", None)
                body["output_index"] = 0
            case "conversation.item.added":
                self._added(body)
            case "conversation.item.retrieved":
                body["item"] = _item_out(body["item"], call_role="tool")
            case "conversation.item.deleted" if desk.options.deleted_item_id == "empty":
                body["item_id"] = ""
            case "response.content_part.added":
                body["previous_item_id"] = "0"
            case "response.content_part.done":
                del body["part"]
            case "response.function_call_arguments.delta":
                del body["output_index"]
            case "response.function_call_arguments.done":
                body["output_index"] = 0
            case "response.output_audio.delta":
                self._audio(body, desk)
            case "response.output_audio_transcript.delta":
                self._caption(body, desk)
            case _:
                pass

    def _added(self, body: dict[str, Any]) -> None:
        """What belongs to tools has no predecessor (xai.md#18)."""
        item = body["item"]
        if item["type"].startswith("function_call"):
            body["previous_item_id"] = None
        body["item"] = _item_out(item, call_role="tool")

    def _spoken(self, item_id: str, desk: Desk[OpenAIOptions]) -> dict[str, Any]:
        """An item of speech is announced while somebody speaks, empty and without a predecessor (xai.md#27).
        Here it is when speech has stopped, so that what is cleared before was never an item."""
        self._told.add(item_id)
        item = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "in_progress",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": ""}],
        }
        return {
            "type": "conversation.item.added",
            "event_id": self.mint("event", desk.ids),
            "item": item,
            "previous_item_id": None,
        }

    def _audio(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> None:
        """Its further fields (xai.md#23); the latency stands in a response's first delta."""
        response_id = body["response_id"]
        ms = round(len(base64.b64decode(body["delta"])) / self._bytes_per_ms)
        if response_id not in self._audio_ms:
            body["latency"] = f"{(desk.now - self._created) / SECOND:.2f}"
        self._audio_ms[response_id] = self._audio_ms.get(response_id, 0) + ms
        if self._rid is None:
            self._rid = self.mint("event", desk.ids)
        body |= {"rid": self._rid, "audio_duration_ms": ms, "ts": desk.milliseconds()}

    def _caption(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> None:
        """Its event id is the ``rid`` of the audio that belongs to it (xai.md#23)."""
        if self._rid is not None:
            body["event_id"] = self._rid
        self._rid = None
        body["rid"] = body["event_id"]
        body["start_time"] = round(self._audio_ms.get(body["response_id"], 0) / 1000, 2)

    def _done(self, body: dict[str, Any]) -> None:
        """Usage stands beside the response (xai.md#21)."""
        response = body["response"]
        usage = response["usage"]
        told, spent = usage["input_token_details"], usage["output_token_details"]
        seconds = self._audio_ms.pop(response["id"], 0) / 1000
        body["response_id"] = response["id"]
        body["usage"] = {
            "input_tokens": usage["input_tokens"],
            "input_token_details": _tokens(told),
            "output_tokens": usage["output_tokens"],
            "output_token_details": _tokens(spent),
            "total_tokens": usage["total_tokens"],
            "output_audio_seconds": seconds,
            "billable_audio_seconds": round(seconds),
        }
        body["response"] = _response_out(response)

    def _transcribed(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """No deltas: ``.completed`` is sent again and again with all words so far (xai.md#28), beside ``.updated``."""
        kind = body["type"].removeprefix(TRANSCRIPTION)
        item_id = body["item_id"]
        place = {key: body[key] for key in ("item_id", "content_index")} | {"previous_item_id": None}
        if kind == "delta":
            words = self._words[item_id] = self._words.get(item_id, "") + body["delta"]
            shown = {**place, "transcript": words.strip()}
            if self._transcriber == INTERIM_MODEL:
                yield {"type": TRANSCRIPTION + "updated", "event_id": body["event_id"], **shown}
                body = {**body, "event_id": self.mint("event", desk.ids)}
            yield _completed(body["event_id"], shown, "in_progress")
        elif kind == "completed":
            self._words.pop(item_id, None)
            yield _completed(body["event_id"], {**place, "transcript": body["transcript"]}, "completed")
        elif kind == "failed":
            yield {"previous_item_id": None, **body}


def _completed(event_id: str, shown: dict[str, Any], status: str) -> dict[str, Any]:
    return {"type": TRANSCRIPTION + "completed", "event_id": event_id, **shown, "status": status}


def _response_out(response: dict[str, Any]) -> dict[str, Any]:
    """A response as it shows it; metadata only where a client sent some (xai.md#20)."""
    body = {
        "id": response["id"],
        "object": response["object"],
        "output": [_item_out(item, call_role="user") for item in response["output"]],
        "status": response["status"],
        "status_details": UNIMPLEMENTED,
        "usage": {},
    }
    return {**body, "metadata": response["metadata"]} if response["metadata"] else body


def _item_out(item: dict[str, Any], *, call_role: str) -> dict[str, Any]:
    """With ``object``; a role on what belongs to tools, which is not the same everywhere (xai.md#24)."""
    body = {**item, "object": "realtime.item"}
    if item["type"] == "function_call":
        body["role"] = call_role
    elif item["type"] == "function_call_output":
        body |= {"role": "tool", "status": "completed"}
    if "content" in item:
        body["content"] = [
            {**part, "type": "audio"} if part["type"] == "output_audio" else part for part in item["content"]
        ]
    return body


def _tool_out(tool: dict[str, Any]) -> dict[str, Any]:
    """A function's fields stand one level down (xai.md#10)."""
    if tool.get("type") != "function":
        return tool
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}


def _tokens(details: dict[str, Any]) -> dict[str, Any]:
    return {name: details[name] for name in ("text_tokens", "audio_tokens")} | {"grok_tokens": 0}


def _known(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}
