"""Amazon Nova Sonic: one event each way, ``{"event": {<name>: {...}}}``, in the event-stream framing of AWS over HTTP/2
(nova_sonic.md#1, nova_sonic.md#16, nova_sonic.md#21).

The framing is taken off and put on by the server (``core.event_stream``): a frame here is the JSON of one event. An
error that ends the stream is a frame with its class as the only key, as the SDKs hand it out (nova_sonic.md#19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.core.frames import Frame, Hangup, Send, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.core.stream_errors import EXCEPTIONS
from mockserver.core.view import Audio, Kind, Lens, Spoken, View
from mockserver.dialects.base import Dialect, MatchRules, SampleFormat, base64_size, event, spoken_at
from mockserver.dialects.causes import Ahead, Cause, Causes, Turns
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Life, Outcome, Replies, Status
from mockserver.dialects.pointing import bedrock_clients
from mockserver.dialects.problems import Problem, Trouble

INTERRUPTED = '{ "interrupted" : true }'
"""The text that says that the user has cut in, literally (nova_sonic.md#36)."""
_AUDIO = {"audioInput", "audioOutput"}
PROBLEMS: Mapping[Trouble, Problem] = {
    # nova_sonic.md#62, nova_sonic.md#46
    "rate_limit": Problem("throttlingException", "Too many requests, please wait before trying again."),
    "server_error": Problem("validationException", "System instability detected. Please retry your request."),
    "session_expired": Problem(  # nova_sonic.md#48
        "modelTimeoutException", "Model has timed out in processing the request. Try your request again."
    ),
}
"""Each ends the stream. A key is judged before it begins, and there is no request that could be one too many."""


class NovaSonic(Dialect):
    """A turn is told by the blocks that it is made of (``contentStart`` to ``contentEnd``)."""

    name = "nova_sonic"
    title = "Amazon Nova Sonic"
    words: tuple[str, ...] = ("nova-sonic", "bedrock")
    simulator = "nova_sonic"
    transport = "event-stream"
    extra = "nova"
    upstream = "https://bedrock-runtime.us-east-1.amazonaws.com"
    socket_path = "/model/amazon.nova-2-sonic-v1:0/invoke-with-bidirectional-stream"
    paths = ("/invoke-with-bidirectional-stream",)
    # The SDKs sign with whatever key there is and need a region to do so (nova_sonic.md#3, nova_sonic.md#10).
    env_vars = {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "{http}",
        "AWS_ACCESS_KEY_ID": "{key}",
        "AWS_SECRET_ACCESS_KEY": "{key}",
        "AWS_REGION": "us-east-1",
    }
    points = staticmethod(bedrock_clients)
    keys = Keys(hidden_headers=("x-amz-security-token",))
    minted = ("promptName", "contentName")
    rules = MatchRules(ids=("event.*.promptName", "event.*.contentName", "event.**.toolUseId"))
    problems = PROBLEMS
    does = {"cancel midway": "nova_sonic.md#36", "session expired": "nova_sonic.md#48"}
    # What a block is (whose, what kind, how it ended) stands in it, not in its name: ``Blocks`` reads it.
    life = Life(
        opening=("completionStart",),
        deltas=(("audioOutput", "audio"), ("textOutput", "transcript")),
        parts=("contentStart", "toolUse", "contentEnd"),
        reasons={"cancelled": ("turn_detected",)},
        endings={"cancelled": ({"event": {"contentEnd": {"type": "TEXT", "stopReason": "INTERRUPTED"}}},)},
        instead="a reply has no request on this wire, so an orphan cannot be told; look at the blocks of a completion, "
        "and with assert_spoken at what was heard",
    )
    client_events = frozenset(
        {
            *("sessionStart", "promptStart", "contentStart", "textInput", "audioInput", "toolResult"),
            *("contentEnd", "promptEnd", "sessionEnd"),
        }
    )
    server_events = frozenset(
        {
            *("completionStart", "contentStart", "textOutput", "audioOutput", "toolUse", "contentEnd"),
            *("completionEnd", "usageEvent"),
        }
        | EXCEPTIONS
    )
    floating = ("usageEvent",)
    repeated = ("audioOutput",)

    def whose(self, body: Any) -> Sender | None:
        """Both sides have blocks; only the server's belong to a completion (nova_sonic.md#29)."""
        inside = body.get("event") if isinstance(body, dict) else None
        name, told = next(iter(inside.items()), ("", None)) if isinstance(inside, dict) else ("", None)
        if not isinstance(told, dict) or name not in self.client_events & self.server_events:
            return None
        return Sender.SERVER if "completionId" in told else Sender.CLIENT

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By what a client says first, and by what only this server says."""
        names = {name for _, body in said for name in (body.get("event") or {} if isinstance(body, dict) else {})}
        return not names.isdisjoint({"sessionStart", "promptStart", "completionStart", "audioOutput"})

    def read(self, body: Any, sender: Sender) -> View:
        """The event's name, and its audio."""
        inside = body.get("event") if isinstance(body, dict) else None
        if not isinstance(inside, dict):
            name = next(iter(body), "json") if isinstance(body, dict) and len(body) == 1 else "json"
            return View(Kind.EVENT, name if name in EXCEPTIONS else "json", body)
        name = next(iter(inside), "empty")
        told = inside.get(name)
        if name not in _AUDIO or not isinstance(told, dict) or not isinstance(told.get("content"), str):
            return View(Kind.EVENT, name, body)
        audio = Audio(base64_size(told["content"]), encoding="pcm", path=("event", name, "content"))
        return View(Kind.AUDIO if sender is Sender.CLIENT else Kind.EVENT, name, body, audio)

    def summary(self, view: View) -> str:
        """Audio as its duration; else what is in the event, without the ids that all of them carry."""
        if view.audio is not None:
            return f"{view.audio.size} bytes of audio"
        told = inner(view)
        ids = ("promptName", "contentName", "sessionId", "completionId", "contentId")
        return super().summary(View(view.kind, view.name, {k: v for k, v in told.items() if k not in ids} or None))

    def spoken(self, view: View) -> Spoken | None:
        """The text of a block (nova_sonic.md#30); the one that says that the user has cut in is none."""
        told = inner(view) if view.name == "textOutput" else {}
        words = told.get("content")
        if not isinstance(words, str) or words.strip() == INTERRUPTED:
            return None
        speaker = "user" if told.get("role") == "USER" else "model"
        return spoken_at(view, ("event", view.name, "content"), speaker=speaker, stream=str(told.get("role", "")))

    def session_id(self, view: View) -> str | None:
        """``completionStart`` tells it."""
        told = inner(view).get("sessionId")
        return told if isinstance(told, str) else None

    def output_format(self, view: View) -> tuple[int, str] | None:
        """The ``contentStart`` of a block of audio."""
        return _rate(view, "audioOutputConfiguration")

    def audio_format(self, view: View, current: SampleFormat) -> SampleFormat:
        """The ``contentStart`` of the client's audio."""
        found = _rate(view, "audioInputConfiguration")
        return SampleFormat(found[0]) if found is not None else current

    def replies(self, lens: Lens | None = None) -> Replies:
        """By blocks."""
        return Blocks(lens or self)

    def causes(self) -> Causes:
        """What was heard, and that the user has cut in, follow the client's audio."""
        return HeardTurns(self)

    def stranger(self, name: str, event_id: str) -> dict[str, Any]:
        """One event, named by its key."""
        return {"event": {name: {}}}

    def refusal(self, problem: Problem) -> list[Send | Hangup]:
        """An exception, which is the last of the stream (nova_sonic.md#19)."""
        kind = problem.kind if problem.kind in EXCEPTIONS else "validationException"
        return [event({kind: {"message": problem.message}}), Hangup(code=1000)]


def inner(view: View) -> dict[str, Any]:
    """What is in an event; {} where it holds nothing that can be read."""
    inside = view.body.get("event") if isinstance(view.body, dict) else None
    told = inside.get(view.name) if isinstance(inside, dict) else None
    return told if isinstance(told, dict) else {}


def _rate(view: View, where: str) -> tuple[int, str] | None:
    told = inner(view).get(where) if view.name == "contentStart" else None
    rate = told.get("sampleRateHertz") if isinstance(told, dict) else None
    known = isinstance(rate, int) and not isinstance(rate, bool) and 0 < rate <= 192_000
    return (int(rate), "pcm") if known and rate is not None else None


class HeardTurns(Turns):
    """Blocks of the user's words, and those that say that the user has cut in, react to audio."""

    def __init__(self, lens: Dialect) -> None:
        super().__init__(heard=("heard",))
        self._lens = lens

    def server(self, name: str, frame: Frame, ahead: Ahead) -> Cause:
        """Only the begin of a text block may be one of these."""
        if name == "contentStart":
            told = inner(self._lens.view(frame, Sender.SERVER))
            after = next(iter(ahead()), None) if told.get("type") == "TEXT" else None
            cut = after is not None and after[0] == "textOutput" and _cuts_in(self._lens, after[1])
            if told.get("role") == "USER" or cut:
                name = "heard"
        return super().server(name, frame, ahead)


def _cuts_in(lens: Dialect, frame: Frame) -> bool:
    return inner(lens.view(frame, Sender.SERVER)).get("content") == INTERRUPTED


class Blocks:
    """The replies of one stream (nova_sonic.md#35): from the first block of the assistant's to the text that ends the
    turn or says that it was cut, or to the call of a tool, whose result begins another reply. The user's words end the
    one before, whatever became of it.
    """

    def __init__(self, lens: Lens) -> None:
        self._lens = lens
        self._open: dict[str, None] = {}
        self._last: str | None = None
        self._late: str | None = None
        self._count = 0
        self._ours = False  # the block at hand is the assistant's
        self._block: dict[str, Any] | None = None  # its contentStart, while it is open
        self._ids: dict[str, Any] = {}

    @property
    def open(self) -> Mapping[str, object]:
        """The open reply, if there is one."""
        return self._open

    def see(self, sender: Sender, what: View | Frame, *, name: str | None = None) -> None:
        """One frame. Pieces of a reply are not read."""
        if sender is Sender.CLIENT:
            if name is None or name == "contentStart":
                self._asked(what if isinstance(what, View) else self._lens.view(what, sender))
            return
        if name in ("audioOutput", "textOutput", "toolUse"):
            return
        view = what if isinstance(what, View) else self._lens.view(what, sender)
        if view.name == "contentStart":
            told = inner(view)
            self._ours = told.get("role") != "USER"
            self._block = told
            self._ids = {key: told[key] for key in ("sessionId", "promptName", "completionId") if key in told}
            if not self._ours:
                self._open.clear()
                self._last = self._late = None
            elif not self._open and not self._trails(told):
                self._count += 1
                self._last = f"reply-{self._count}"
                self._open[self._last] = None
        elif view.name == "contentEnd":
            self._block = None
            if self.outcome(view) is not None:
                self._open.clear()

    def owner(self, view: View) -> str | None:
        """The reply that is open, or that ended last, for a frame of the assistant's."""
        if view.name == "contentStart":
            ours = inner(view).get("role") != "USER"
        else:
            ours = self._ours and view.name in ("audioOutput", "textOutput", "toolUse", "contentEnd")
        return next(iter(self._open), self._last) if ours else None

    def outcome(self, view: View) -> Status | None:
        """How a text block of the assistant's ended, or that a tool is called."""
        if view.name != "contentEnd" or not self._ours:
            return None
        told = inner(view)
        match told.get("type"), told.get("stopReason"):
            case "TEXT", "INTERRUPTED":
                return "cancelled"
            case ("TEXT", "END_TURN") | ("TOOL", _):
                return "completed"
            case _:
                return None

    def can_end(self, status: Status) -> bool:
        """Only that the user has cut in."""
        return status == "cancelled"

    def end(self, reply: str, outcome: Outcome, ids: Ids) -> list[Text]:
        """The block at hand is closed, and a text says that the user has cut in (nova_sonic.md#36)."""
        del self._open[reply]
        self._late = reply
        said = [] if self._block is None else [self._end_of(self._block)]
        self._block = None
        block = {
            **self._ids,
            "contentId": ids.uuid(),
            "type": "TEXT",
            "role": "ASSISTANT",
            "textOutputConfiguration": {"mediaType": "text/plain"},
            "additionalModelFields": '{"generationStage":"FINAL"}',
        }
        same = {**self._ids, "contentId": block["contentId"]}
        said += [
            {"contentStart": block},
            {"textOutput": {**same, "role": "ASSISTANT", "content": INTERRUPTED}},
            {"contentEnd": {**same, "type": "TEXT", "stopReason": "INTERRUPTED"}},
        ]
        return [Text(dumps({"event": one})) for one in said]

    def belated(self, reply: str, ids: Ids) -> list[Text]:
        """Not known: blocks do not come late."""
        return []

    def late(self, view: View) -> bool:
        """Everything of the ended reply, up to the user's next words or the block that begins another one."""
        if self._late is None:
            return False
        if view.name == "contentStart":
            told = inner(view)
            self._ours = told.get("role") != "USER"
            if not self._ours:
                self._late = None
                return False
        if self.owner(view) is None:
            return False
        if self.outcome(view) is not None:
            self._late = None
        return True

    def speak(self, words: str, ids: Ids) -> tuple[str, list[Text]]:
        """Not made up here: a reply is spoken, and what its audio is only its server knows."""
        return "", []

    def _asked(self, view: View) -> None:
        """Text that is to be answered, or a tool's result: what the assistant says now is another reply."""
        told = inner(view) if view.name == "contentStart" else {}
        if told.get("interactive") is True or told.get("type") == "TOOL":
            self._late = None

    def _trails(self, told: Mapping[str, Any]) -> bool:
        """Whether this is the text of what was spoken before a tool was called: it begins no reply."""
        return (
            told.get("type") == "TEXT" and "FINAL" in str(told.get("additionalModelFields")) and self._last is not None
        )

    def _end_of(self, block: Mapping[str, Any]) -> dict[str, Any]:
        same = {**self._ids, "contentId": block.get("contentId")}
        return {"contentEnd": {**same, "type": block.get("type"), "stopReason": "END_TURN"}}


NOVA_SONIC = NovaSonic()
