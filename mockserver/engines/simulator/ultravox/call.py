"""A call as its definition makes it: rates, buffer, tools, who speaks first, limits (ultravox.md#1, ultravox.md#13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from mockserver.engines.simulator.ultravox.options import UltravoxOptions

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Sampling rates that are taken; the ones between are unknown."""
DEFAULT_IN, DEFAULT_OUT = 16_000, 24_000
"""Of the socket that no REST call made: what livekit asks for (ultravox.md#4)."""
THRESHOLD = 0.5
"""Of the voice, where the call does not say: the service's own detector is not ours."""
EndBehavior = Literal["END_BEHAVIOR_UNSPECIFIED", "END_BEHAVIOR_HANG_UP_SOFT", "END_BEHAVIOR_HANG_UP_STRICT"]
END_BEHAVIORS: tuple[EndBehavior, ...] = get_args(EndBehavior)
MEDIA = ("MESSAGE_MEDIUM_UNSPECIFIED", "MESSAGE_MEDIUM_VOICE", "MESSAGE_MEDIUM_TEXT")
SPEAKERS = ("FIRST_SPEAKER_UNSPECIFIED", "FIRST_SPEAKER_AGENT", "FIRST_SPEAKER_USER")
ROLES = {
    "MESSAGE_ROLE_USER": "user",
    "MESSAGE_ROLE_AGENT": "assistant",
    **dict.fromkeys(("MESSAGE_ROLE_UNSPECIFIED", "MESSAGE_ROLE_TOOL_CALL", "MESSAGE_ROLE_TOOL_RESULT")),
}
"""Roles of initial messages; None: those that are no words of either side (ultravox.md#23)."""
EndReason = Literal["unjoined", "hangup", "agent_hangup", "timeout", "connection_error", "system_error"]


class WrongCall(Exception):
    """A definition that the REST call refuses. ``field``: where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Inactivity:
    """What the agent says when the user has been silent for so long, and whether the call ends then."""

    seconds: float
    message: str
    ends: EndBehavior = "END_BEHAVIOR_UNSPECIFIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class UltravoxTerms:
    """What a call's definition says of it, and what holds where it says nothing."""

    silence_ms: int
    interruption_ms: int
    most_s: float
    greets: bool
    rate_in: int = DEFAULT_IN
    rate_out: int = DEFAULT_OUT
    buffer_ms: int = 60
    prompt: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    greeting: str | None = None
    medium: Literal["voice", "text"] = "voice"
    join_s: float = 30.0
    farewell: str = ""
    shortest_ms: int = 0
    threshold: float = THRESHOLD
    inactivity: tuple[Inactivity, ...] = ()


@dataclass(slots=True)
class UltravoxCall:
    """One call, from the REST call to its end. ``ended``: when, in seconds since 1970, and why."""

    id: str
    made: float
    terms: UltravoxTerms
    definition: Mapping[str, Any] = field(default_factory=dict)
    joined: float | None = None
    ended: float | None = None
    reason: EndReason | None = None
    holder: object = None  # the engine whose client is in the call
    said: Callable[[], Sequence[tuple[str, str]]] | None = tuple  # role and text, from the engine; None: not kept

    def over(self, at: float, reason: EndReason) -> None:
        """It ends, once."""
        if self.ended is None:
            self.ended, self.reason = at, reason

    def shown(self, join_url: str) -> dict[str, Any]:
        """As the REST API tells it: the definition, and what became of it."""
        return {
            "callId": self.id,
            "created": self.made,
            "joined": self.joined,
            "ended": self.ended,
            "endReason": self.reason,
            "joinUrl": join_url,
            **{name: value for name, value in self.definition.items() if name not in ("callId", "joinUrl")},
        }


def bare_terms(options: UltravoxOptions, *, greets: bool) -> UltravoxTerms:
    """A call's terms where no definition says otherwise."""
    return UltravoxTerms(
        silence_ms=options.turn_silence_ms,
        interruption_ms=options.interruption_ms,
        most_s=float(options.max_session_s),
        greets=greets,
    )


def terms_of(
    body: Mapping[str, Any],
    options: UltravoxOptions,
    *,
    greets: bool,
    earlier: Sequence[tuple[str, str]] = (),
) -> UltravoxTerms:
    """A call's terms from its definition. ``earlier``: what was said in the call that it goes on from. WrongCall for
    what the service could not do.
    """
    bare = bare_terms(options, greets=greets)
    _checked(body)
    medium = _object(body, "medium")
    if len([one for one in medium.values() if one is not None]) > 1:
        raise WrongCall("medium", "at most one medium may be set")
    socket = _object(medium, "serverWebSocket", "medium.serverWebSocket")
    if not socket:
        raise WrongCall("medium", "only serverWebSocket is served here; other media are no websocket")
    rate_in = _rate(socket, "inputSampleRate", None)
    told = replace(
        bare,
        rate_in=rate_in,
        rate_out=_rate(socket, "outputSampleRate", rate_in),
        buffer_ms=_whole(socket, "clientBufferSizeMs", 60),
        prompt=_text(body, "systemPrompt"),
        tools=tuple(_tools(body.get("selectedTools") or [])),
        history=tuple(_history(body.get("initialMessages") or [])) or tuple(earlier),
        join_s=_seconds(body, "joinTimeout", 30.0),
        most_s=min(_seconds(body, "maxDuration", 3600.0), bare.most_s),
        farewell=_text(body, "timeExceededMessage"),
        medium="text" if _one_of(body, "initialOutputMedium", MEDIA) == "MESSAGE_MEDIUM_TEXT" else "voice",
        inactivity=tuple(_inactivity(body.get("inactivityMessages") or [])),
    )
    told = _listening(told, _object(body, "vadSettings"))
    agent, first = _first_speaker(body, options)
    greeting = _text(first, "text", "firstSpeakerSettings.agent.text") or None
    return replace(told, greeting=greeting, greets=agent and (greets or greeting is not None))


def _checked(body: Mapping[str, Any]) -> None:
    """Fields of a call that change nothing here, and their types all the same (ultravox.md#23)."""
    for name in ("model", "voice", "languageHint"):
        _text(body, name)
    for name in ("recordingEnabled", "transcriptOptional"):
        if not isinstance(body.get(name), bool | None):
            raise WrongCall(name, "expected a boolean")
    _number(body, "temperature", 0.0, (0, 1))
    if body.get("voice") is not None and body.get("externalVoice") is not None:
        raise WrongCall("externalVoice", "either this or voice may be set, but not both")
    if not all(isinstance(value, str) for value in _object(body, "metadata").values()):
        raise WrongCall("metadata", "all values must be strings")


def _listening(terms: UltravoxTerms, vad: Mapping[str, Any]) -> UltravoxTerms:
    """When a turn is over, how long speech must last, and how loud it must be (ultravox.md#13)."""

    def ms(name: str, otherwise: int) -> int:
        return round(1_000 * _seconds(vad, name, otherwise / 1_000))

    return replace(
        terms,
        silence_ms=ms("turnEndpointDelay", terms.silence_ms),
        interruption_ms=ms("minimumInterruptionDuration", terms.interruption_ms),
        shortest_ms=ms("minimumTurnDuration", 0),
        threshold=_number(vad, "frameActivationThreshold", THRESHOLD, (0.1, 1)),
    )


def _first_speaker(body: Mapping[str, Any], options: UltravoxOptions) -> tuple[bool, Mapping[str, Any]]:
    """Whether the agent begins, and what is said of how. Two fields may say who: they must agree (ultravox.md#24)."""
    first = _object(body, "firstSpeakerSettings")
    told = [name for name in ("user", "agent") if first.get(name) is not None]
    if body.get("firstSpeakerSettings") is not None and len(told) != 1:
        raise WrongCall("firstSpeakerSettings", "exactly one of user and agent should be set")
    word = _one_of(body, "firstSpeaker", SPEAKERS).removeprefix("FIRST_SPEAKER_").lower()
    said = {word} & {"user", "agent"} | set(told)
    if len(said) > 1:
        raise WrongCall("firstSpeaker", "firstSpeaker and firstSpeakerSettings must match")
    agent = "agent" in said if said else options.first_speaker == "agent"
    return agent, _object(first, "agent", "firstSpeakerSettings.agent")


def _object(body: Mapping[str, Any], name: str, path: str = "") -> Mapping[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongCall(path or name, "expected an object")
    return value


def _rate(body: Mapping[str, Any], name: str, otherwise: int | None) -> int:
    value = body.get(name, otherwise)
    where = f"medium.serverWebSocket.{name}"
    if value is None:
        raise WrongCall(where, "this field is required")
    if not isinstance(value, int) or isinstance(value, bool) or value not in RATES:
        raise WrongCall(where, f"expected one of {', '.join(map(str, RATES))}")
    return value


def _whole(body: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = body.get(name, otherwise)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 3_600_000:
        raise WrongCall(f"medium.serverWebSocket.{name}", "expected a whole number of milliseconds")
    return value


def _text(body: Mapping[str, Any], name: str, path: str = "") -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WrongCall(path or name, "expected a text")
    return value


def _one_of(body: Mapping[str, Any], name: str, known: Sequence[str]) -> str:
    value = body.get(name)
    if value is None:
        return known[0]
    if value not in known:
        raise WrongCall(name, f"expected one of {', '.join(known)}")
    return str(value)


def _number(body: Mapping[str, Any], name: str, otherwise: float, bounds: tuple[float, float]) -> float:
    value = body.get(name)
    if value is None:
        return otherwise
    if not isinstance(value, int | float) or isinstance(value, bool) or not bounds[0] <= value <= bounds[1]:
        raise WrongCall(name, f"expected a number from {bounds[0]:g} to {bounds[1]:g}")
    return float(value)


def _seconds(body: Mapping[str, Any], name: str, otherwise: float) -> float:
    """A duration as protobuf's JSON has it: ``30s``, ``0.384s``."""
    value = body.get(name)
    if value is None:
        return otherwise
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise WrongCall(name, 'expected a duration such as "30s"')
    return float(found[1])


def _tools(given: Any) -> list[Mapping[str, Any]]:
    """Client tools in the neutral form that repliers see."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise WrongCall("selectedTools", "expected a list")
    made: list[Mapping[str, Any]] = []
    for number, one in enumerate(given):
        where = f"selectedTools[{number}]"
        if not isinstance(one, dict):
            raise WrongCall(where, "expected an object")
        own = _object(one, "temporaryTool", f"{where}.temporaryTool")
        name = one.get("toolName") or own.get("modelToolName") or one.get("toolId")
        if not isinstance(name, str):
            raise WrongCall(where, "expected a toolName, a toolId or a temporaryTool with its modelToolName")
        parameters = own.get("dynamicParameters") or []
        if not isinstance(parameters, list) or not all(_parameter(one) for one in parameters):
            raise WrongCall(
                f"{where}.temporaryTool.dynamicParameters", "expected a list of objects with name and schema"
            )
        made.append(
            {
                "type": "function",
                "name": name,
                "description": _text(own, "description", f"{where}.temporaryTool.description"),
                "parameters": {
                    "type": "object",
                    "properties": {one["name"]: one.get("schema") or {} for one in parameters},
                    "required": [one["name"] for one in parameters if one.get("required")],
                },
            }
        )
    return made


def _parameter(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        return False
    return isinstance(one.get("schema"), dict | None) and isinstance(one.get("required"), bool | None)


def _history(given: Any) -> list[tuple[str, str]]:
    if not isinstance(given, list):
        raise WrongCall("initialMessages", "expected a list")
    made = []
    for number, one in enumerate(given):
        where = f"initialMessages[{number}]"
        if not isinstance(one, dict):
            raise WrongCall(where, "expected an object")
        text, role = _text(one, "text", f"{where}.text"), one.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise WrongCall(f"{where}.role", f"expected one of {', '.join(ROLES)}")
        if (side := ROLES[role]) is not None:
            made.append((side, text))
    return made


def _inactivity(given: Any) -> list[Inactivity]:
    if not isinstance(given, list):
        raise WrongCall("inactivityMessages", "expected a list")
    made = []
    for number, one in enumerate(given):
        if not isinstance(one, dict):
            raise WrongCall(f"inactivityMessages[{number}]", "expected an object")
        ends = one.get("endBehavior") or "END_BEHAVIOR_UNSPECIFIED"
        known = next((behavior for behavior in END_BEHAVIORS if behavior == ends), None)
        if known is None:
            raise WrongCall(f"inactivityMessages[{number}].endBehavior", f"expected one of {', '.join(END_BEHAVIORS)}")
        made.append(Inactivity(_seconds(one, "duration", 0.0), _text(one, "message"), known))
    return made
