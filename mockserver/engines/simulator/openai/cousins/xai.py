"""xAI's voice agents: OpenAI GA with habits of its own.

Sources: xai.md#1 to xai.md#37.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from mockserver.core.frames import SECOND, Handshake, Micros, Refuse
from mockserver.core.ids import Ids
from mockserver.dialects.openai import course as courses
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.openai.audio_formats import audio_format
from mockserver.engines.simulator.openai.cousins.xai_events import CLIENT_EVENTS, SESSION
from mockserver.engines.simulator.openai.cousins.xai_shapes import (
    TRANSCRIPTION,
    completed,
    item_out,
    known,
    response_out,
    tokens,
    tool_out,
)
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import SERVER_VAD, Profile

INTERIM_MODEL = "grok-transcribe"
"""Cumulative .updated events come where this model transcribes (xai.md#28)."""


class XAIProfile(Profile):
    """One per connection: deltas refer to one another, and usage counts the audio that was sent."""

    name = "xai"
    uuid_before_session = False  # all its ids are UUIDs (xai.md#7)
    translates = False
    resumes = True  # xai.md#17
    default_model = "grok-voice-latest"
    default_instructions = ""  # xai.md#8
    beta_header_refused = False  # unknown (xai.md#43)
    # A client secret holds no session (xai.md#2). What it does with one is unknown (xai.md#41); here it is taken and
    # means nothing, as unknown fields of ``SESSION`` do.
    secrets_hold_session = False
    transcription_sessions = False  # unknown (xai.md#43)
    typed_session = False
    events = CLIENT_EVENTS
    session_shape = SESSION
    voices = None
    event_names = tuple(CLIENT_EVENTS)
    modalities_path = "modalities"
    detection_path = "turn_detection"
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
    interim_transcripts = True  # xai.md#27
    ping_s = 10.0  # xai.md#6
    transcribes_always = True  # .updated depends on the model's name, .completed does not (xai.md#28)
    obfuscation = False
    overlapping_calls = False  # xai.md#24
    whole_arguments = True  # xai.md#24
    refuses_second_response = False  # xai.md#30
    course = courses.XAI
    captions_ahead = 0  # the first audio comes before its words (xai.md#22)
    captions_lead = 0.0

    def __init__(self) -> None:
        self._later: dict[str, str] = {}  # of each item, the words that are told when it is committed
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

    def lacks_options(self, model: str) -> bool:
        """It takes both, and shows ``reasoning`` (xai.md#48)."""
        return False

    def shows_reasoning(self, model: str) -> bool:
        """It counts tokens in its own way (xai.md#21)."""
        return False

    def model_problem(self, model: str | None) -> ClientProblem | None:
        """Without a model it takes a default, without a word (xai.md#3)."""
        return None

    def bad_key_answer(self, key: str | None) -> tuple[int, dict[str, Any]]:
        """The sentence of its chat (xai.md#4); of this path all is unknown (xai.md#41)."""
        shown = "none" if key is None else f"{key[:2]}***{key[-2:]}"
        text = f"Incorrect API key provided: {shown}. You can obtain an API key from https://console.x.ai."
        return 401, {"code": "unauthenticated", "error": text}

    def no_such_item(self, problem: ClientProblem) -> ClientProblem:
        """Its words for a delete (xai.md#32); the code, and that the others say the same, is unknown (xai.md#49)."""
        return ClientProblem(problem.code, "Item not found")

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
        heard = known(audio.get("input") or {}, "format", "transcription")
        said = known(audio.get("output") or {}, "format")
        if given.get("voice") is not None:
            said["voice"] = given["voice"]
        if "turn_detection" in given:
            heard["turn_detection"] = given["turn_detection"]
        found = known(given, "instructions", "tools", "tool_choice", "temperature", "reasoning")
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
        if config.get("reasoning") is not None:
            body["reasoning"] = config["reasoning"]
        if config["tools"]:
            body["tools"] = [tool_out(tool) for tool in config["tools"]]
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
                body["response"] = response_out(body["response"])
            case "response.done":
                self._done(body)
            case "response.output_item.added" | "response.output_item.done":
                body["item"] = item_out(body["item"], call_role="user")
                body["item"].pop("content", None)
                body["output_index"] = 0
            case "conversation.item.added":
                self._added(body)
            case "conversation.item.retrieved":
                body["item"] = item_out(body["item"], call_role="tool")
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
        body["item"] = item_out(item, call_role="tool")

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
            "input_token_details": tokens(told),
            "output_tokens": usage["output_tokens"],
            "output_token_details": tokens(spent),
            "total_tokens": usage["total_tokens"],
            "output_audio_seconds": seconds,
            "billable_audio_seconds": round(seconds),
        }
        body["response"] = response_out(response)

    def _transcribed(self, body: dict[str, Any], desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """No deltas: ``.completed`` is sent up to three times, with all words so far each time, beside ``.updated``.

        Before the speaker has stopped, when the turn is committed, and for good (xai.md#27, xai.md#28).
        """
        kind = body["type"].removeprefix(TRANSCRIPTION)
        item_id = body["item_id"]
        place = {key: body[key] for key in ("item_id", "content_index")} | {"previous_item_id": None}
        if kind == "interim":
            yield self._spoken(item_id, desk)
            words = body["transcript"].split()
            # The longer part comes when the turn is committed, where it is neither the shorter one nor the whole.
            shorter, longer = words[: max(1, len(words) // 2)], words[:-1]
            if len(longer) > len(shorter):
                self._later[item_id] = " ".join(longer)
            yield from self._partial(place, " ".join(shorter), desk)
        elif kind == "completed":
            yield from self._partial(place, self._later.pop(item_id, ""), desk)
            yield completed(body["event_id"], {**place, "transcript": body["transcript"]}, "completed")
        elif kind == "failed":
            yield {"previous_item_id": None, **body}

    def _partial(self, place: dict[str, Any], words: str, desk: Desk[OpenAIOptions]) -> Iterable[dict[str, Any]]:
        """What is understood so far, where there is anything."""
        if not words:
            return
        shown = {**place, "transcript": words}
        if self._transcriber == INTERIM_MODEL:
            yield {"type": TRANSCRIPTION + "updated", "event_id": self.mint("event", desk.ids), **shown}
        yield completed(self.mint("event", desk.ids), shown, "in_progress")
