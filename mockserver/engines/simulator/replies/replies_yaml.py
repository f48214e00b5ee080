"""The replies file of ``mockserver simulate --replies``: YAML to rules.

transcripts:
  - good morning                    # what is said in audio that is not ours, one utterance each and from the first on
                                    # in each session; null: unintelligible
  - when: {audio: hello.wav}        # whenever this is heard, however it is cut, resampled or amplified
    say: hello there
rules:
  - when: {user: weather, turn: 1}  # every condition of Rule; "/.../" is a regular expression
    call: {name: get_weather, arguments: {city: Oslo}}    # or a list of calls
  - when: {output: foggy}
    say: It is foggy.
    after_ms: 800
  - when: {user: /^(bye|good night)/}
    fail: {type: server_error, code: null}                # or  silence: 500,  or  nothing: true
  - when: {said: 'favourite number is (\\w+)', user: [what, number]}   # earlier words; a list: all of them
    say: It was {1}.                                      # what the first group matched
    times: 1                                              # in one session
  - when: {audio: stop.wav}         # the newest user words were said so; "stop" is heard where no transcript names it
    nothing: true
otherwise: recall                   # or: nothing, fail (the test fails too, with the nearest rule)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from mockserver import bounded_yaml
from mockserver.engines.simulator.replies.expression import Expression
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Context, Failure, Replier, Reply, Silence, ToolCall
from mockserver.engines.simulator.replies.rule import Patterns, Rule
from mockserver.engines.simulator.voice.known_sound import KnownSound
from mockserver.errors import SpecError, UsageError

Made = TypeVar("Made")

_TOP = ("rules", "otherwise", "transcripts")
_RULE = ("when", "say", "call", "fail", "silence", "nothing", "after_ms", "filtered", "times")
_WHEN = ("user", "said", "instructions", "output", "tool", "metadata", "turn", "out_of_band", "audio")
_FAIL = ("type", "code")
_CALL = ("name", "arguments", "call_id")


Sounds = Callable[[str], bytes]
"""The bytes of a file by its name."""


def parse_replies(text: str, source: str, sound: Sounds | None = None) -> dict[str, Any]:
    """``rules``, ``otherwise`` and ``transcripts``, ready for ``Rules``. SpecError says which rule is wrong and how."""
    body = bounded_yaml.load(text, source=source)
    try:
        return _top(body, _Clips(sound))
    except _Wrong as wrong:
        raise SpecError(f"{source}: {wrong}", source=text) from None


class _Wrong(Exception):
    """What is wrong, without the file's name."""


class _Clips:
    """The audio files that a file of replies names, each read once."""

    def __init__(self, sound: Sounds | None) -> None:
        self._sound = sound
        self._known: dict[str, KnownSound] = {}

    def clip(self, name: Any, where: str, said: str | None = "", *, again: bool = True) -> KnownSound:
        """The clip of a file. ``said``: its words, by default the file's name without ending."""
        if not isinstance(name, str) or not name:
            raise _Wrong(f"{where}, audio: expected the name of a WAV file, not {name!r}")
        if again and name in self._known:
            return self._known[name]
        if self._sound is None:
            raise _Wrong(f"{where}, audio: nobody reads files here; give from_yaml sound=, a function of the name")
        words = _stem(name) if said == "" else said
        try:
            self._known[name] = KnownSound.wav(self._sound(name), words)
        except UsageError as error:
            raise _Wrong(f"{where}, audio {name!r}: {str(error).rpartition('): ')[2]}") from None
        return self._known[name]


def _stem(name: str) -> str:
    """ "stop it" of "clips/stop_it.wav"."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return (last.rpartition(".")[0] or last).replace("_", " ").replace("-", " ")


def _top(body: Any, clips: _Clips) -> dict[str, Any]:
    top = _fields(body, _TOP, "the file")
    rules = top.get("rules") or []
    if not isinstance(rules, list):
        raise _Wrong(f"rules: expected a list, not {_name(rules)}")
    transcripts = top.get("transcripts") or []
    if not isinstance(transcripts, list) or not all(isinstance(one, str | dict | None) for one in transcripts):
        raise _Wrong(
            "transcripts: expected a list of texts (or null for audio that nobody can make out, "
            "or when: {audio: FILE} with say: TEXT)"
        )
    heard = [_transcript(one, f"transcript {number}", clips) for number, one in enumerate(transcripts, 1)]
    return {
        "rules": [_rule(rule, f"rule {number}", clips) for number, rule in enumerate(rules, 1)],
        "otherwise": _otherwise(top.get("otherwise", "recall")),
        "transcripts": heard,
    }


def _transcript(given: Any, where: str, clips: _Clips) -> str | KnownSound | None:
    if not isinstance(given, dict):
        return given  # type: ignore[no-any-return]  # a text or None
    body = _fields(given, ("when", "say"), where)
    when = _fields(body.get("when"), ("audio",), f"{where}, when")
    if not isinstance(body.get("say"), str | None) or "say" not in body:
        raise _Wrong(f"{where}, say: expected a text, or null for audio that nobody can make out")
    return clips.clip(when.get("audio"), f"{where}, when", body["say"] or None, again=False)


def _otherwise(name: Any) -> Replier | Literal["fail"]:
    if name == "fail":
        return "fail"
    if name == "recall":
        return Recall()
    if name != "nothing":
        raise _Wrong(f"otherwise: expected recall, nothing or fail, not {name!r}")
    return _nothing


def _nothing(context: Context) -> Reply:
    return Reply()


def _rule(body: Any, where: str, clips: _Clips) -> Rule:
    rule = _fields(body, _RULE, where)
    if not {"say", "call", "fail", "silence", "nothing"} & set(rule):
        raise _Wrong(f"{where}: expected one of say, call, fail, silence or nothing")
    when = _fields(rule.get("when") or {}, _WHEN, f"{where}, when")
    conditions: dict[str, Any] = dict(when)
    for name in ("user", "said", "instructions", "output"):
        if name in when:
            conditions[name] = _patterns(when[name], f"{where}, when.{name}", expressions=name == "said")
    if "audio" in when:
        conditions["audio"] = clips.clip(when["audio"], f"{where}, when")
    if "times" in rule:
        conditions["times"] = rule["times"]
    _typed(when, "tool", str, where)
    _typed(when, "turn", int, where)
    _typed(when, "out_of_band", bool, where)
    reply = _reply(rule, where)
    return _made(Rule, f"{where}, when", reply=reply, **conditions)


def _reply(rule: Mapping[str, Any], where: str) -> Reply:
    for name, kind in (("say", str), ("silence", int), ("filtered", bool), ("nothing", bool)):
        _typed(rule, name, kind, where)
    calls = rule.get("call", [])
    listed = calls if isinstance(calls, list) else [calls]
    failure = None
    if "fail" in rule:
        fields = _fields(rule["fail"] or {}, _FAIL, f"{where}, fail")
        failure = _made(Failure, f"{where}, fail", **fields)
    silence = None
    if "silence" in rule:
        silence = _made(Silence, f"{where}, silence", ms=rule["silence"])
    return _made(
        Reply,
        where,
        text=rule.get("say"),
        calls=tuple(_call(call, f"{where}, call") for call in listed),
        silence=silence,
        failure=failure,
        after_ms=rule.get("after_ms"),
        filtered=rule.get("filtered", False),
    )


def _call(body: Any, where: str) -> ToolCall:
    if isinstance(body, str):
        return _made(ToolCall, where, name=body)
    call = _fields(body, _CALL, where)
    if "name" not in call:
        raise _Wrong(f"{where}: expected a name")
    return _made(ToolCall, where, **{"arguments": {}, **call})


def _made(kind: Callable[..., Made], where: str, **fields: Any) -> Made:
    """A value that checks its own fields; what it says of one is said of that place in the file."""
    try:
        return kind(**fields)
    except UsageError as error:
        name = getattr(kind, "__name__", "")
        raise _Wrong(f"{where}: {str(error).removeprefix(f'{name}: ')}") from None


def _patterns(value: Any, where: str, *, expressions: bool) -> Patterns:
    """A pattern or a list of them. ``expressions``: without slashes too."""
    if isinstance(value, list):
        if not value:
            raise _Wrong(f"{where}: expected a text or a list of texts, not an empty list")
        return [_pattern(one, where, expressions=expressions) for one in value]
    return _pattern(value, where, expressions=expressions)


def _pattern(value: Any, where: str, *, expressions: bool) -> str | Expression:
    if not isinstance(value, str):
        raise _Wrong(f"{where}: expected a text, not {_name(value)}; quote it")
    slashed = len(value) > 1 and value.startswith("/") and value.endswith("/")
    if not slashed and not expressions:
        return value
    try:
        return Expression(value[1:-1] if slashed else value)
    except UsageError as error:
        raise _Wrong(f"{where}: {error}") from None


def _fields(body: Any, known: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _Wrong(f"{where}: expected keys and values ({', '.join(known)}), not {_name(body)}")
    for key in body:
        if key not in known:
            raise _Wrong(f"{where}: unknown key {key!r}: expected one of {', '.join(known)}")
    return body


def _typed(body: Mapping[str, Any], key: str, kind: type, where: str) -> None:
    value = body.get(key)
    if key in body and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise _Wrong(f"{where}, {key}: expected {kind.__name__}, not {_name(value)}")


def _name(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
