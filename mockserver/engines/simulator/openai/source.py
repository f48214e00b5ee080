"""The OpenAI family as sources: one engine a connection, and the plain call for client secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mockserver.core.frames import SECOND, Handshake, Pairs, first
from mockserver.core.ids import Ids
from mockserver.dialects.base import Dialect, parse
from mockserver.dialects.openai.lens import SECRETS_PATH
from mockserver.engines import base
from mockserver.engines.simulator import shapes
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.openai import called, gate, problems, translation
from mockserver.engines.simulator.openai.conversation import Conversation
from mockserver.engines.simulator.openai.engine import Simulator
from mockserver.engines.simulator.openai.gate import ShutGate
from mockserver.engines.simulator.openai.keys import KnownKeys, is_secret
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import Profile
from mockserver.engines.simulator.openai.profiles import PROFILES, profile_for
from mockserver.engines.simulator.openai.settings import SessionSettings
from mockserver.engines.simulator.openai.translation import Translation, TranslationSettings
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.cassette.model import Connection
    from mockserver.engines.simulator.likeness import Likeness

SECRET_SECONDS = 600
"""How long a client secret lives by default (openai.md#18)."""
_LIFE_SECONDS = shapes.integer(10, 7200)
_LIFE = shapes.record(anchor=shapes.text("created_at"), seconds=_LIFE_SECONDS)


class OpenAISource(SimulatorSource[OpenAIOptions]):
    """Remembers the client secrets that it gave."""

    def __init__(self, dialect: Dialect, options: OpenAIOptions, replier: Replier) -> None:
        self.profile = profile_for(dialect.name)
        super().__init__(dialect, options, replier)
        self._keys = KnownKeys(options.require_key)
        self._resumable: dict[str, tuple[int, Conversation]] = {}  # by id, with when its connection began

    def check(self) -> None:
        """UsageError where a session could not begin as it is set, so that it fails where it is written."""
        settings = self._settings(self.model, transcribing=False)
        try:
            settings.begin(self.options.session)
        except ClientProblem as problem:
            raise UsageError(f"simulator: session: {problem.message}") from None

    def knows(self, model: str) -> bool:
        """Whether a model of this name exists here."""
        return self.profile.knows_model(model) if self.options.models is None else super().knows(model)

    @property
    def default_model(self) -> str:
        """The model where neither the client nor the test names one."""
        return self.profile.default_model

    def _settings(self, model: str, *, transcribing: bool, profile: Profile | None = None) -> SessionSettings:
        instructions = self.options.instructions
        return SessionSettings(profile or self.profile, model, transcribing=transcribing, instructions=instructions)

    # --- connections ---

    @property
    def sockets(self) -> tuple[str, ...]:
        """Where this provider has websockets."""
        own = self.profile.sockets or super().sockets
        return (*own, self._translations) if self.profile.translates else own

    @property
    def _translations(self) -> str:
        """Where sessions translate; a call for their keys is below it (openai.md#213, openai.md#217)."""
        return self.dialect.socket_path + translation.PATH

    def astray(self, handshake: Handshake) -> Astray | None:
        """What the provider answers where there is no websocket of its own."""
        return self.profile.astray(handshake, self.sockets)

    def begin(self, handshake: Handshake, context: base.SessionContext) -> Simulator | Translation:
        """An engine for one connection."""
        key = self.key_of(handshake)
        if handshake.path == self._translations:
            return self._begin_translation(handshake, key, context)
        given = self._keys.session(key)
        transcribing = self.profile.transcription_sessions and "transcription" in (
            handshake.param("intent"),
            (given or {}).get("type"),
            called.settings(context).get("type"),
        )
        named = self.profile.model_asked(handshake)
        asked = named or (given or {}).get("model") or self.model
        profile = self.profile.fresh()
        profile.configure(self.options, asked)
        options = self.options
        if profile.transcribes_first:
            options = replace(options, pace=replace(options.pace, transcription_ms=0))
        settings = self._settings(asked, transcribing=transcribing, profile=profile)
        lacks = not named and self.options.model is None and not self._keys.knows(key)
        shut = self._gate(handshake, key, None if lacks else asked, transcribing, context)
        if shut is None:
            for config in (self.options.session, given):
                if config:
                    settings.begin(config)
            shut = called.gate(context, settings)
        begun = Simulator(
            dialect=self.dialect,
            profile=profile,
            options=options,
            context=context,
            replier=self.replier,
            ear=self.new_ear(),
            gate=shut,
            settings=settings,
            failed=self.failed,
            unwanted_model=named if transcribing else None,
            earlier=self._earlier(handshake, context) if profile.resumes else None,
            called=context.call is not None,
        )
        if profile.resumes and shut is None:
            self._resumable[begun.conversation.id] = (_seconds(context), begun.conversation)
        return begun

    def _begin_translation(self, handshake: Handshake, key: str | None, context: base.SessionContext) -> Translation:
        """A session that translates: the key is looked at as elsewhere, and the model has to be one that does it."""
        given = self._keys.session(key) or {}
        model = self.profile.model_asked(handshake) or given.get("model") or self.options.model
        shut = None
        if not self._keys.opens(key, _seconds(context)):
            shut = gate.of_key(self.profile, key)
        elif model is None:
            shut = gate.of_model(problems.no_model())
        elif not (translation.knows_model(model) if self.options.models is None else model in self.options.models):
            shut = gate.of_model(problems.unknown_model(model))
        settings = TranslationSettings(model or translation.MODELS[0])
        settings.update(given)
        return Translation(
            dialect=self.dialect,
            profile=self.profile.fresh(),
            options=self.options,
            context=context,
            replier=translation.same_words if type(self.replier) is Recall else self.replier,
            ear=self.new_ear(),
            gate=shut,
            settings=settings,
            failed=self.failed,
        )

    def recalled(self, came: Handshake | base.Request) -> str | None:
        """A call, a client secret, or the conversation that a client goes on with."""
        calls = self.dialect.calls
        if calls is not None:
            call = calls.beside(came) if isinstance(came, Handshake) else (calls.below(came.path) or ("",))[0]
            if call:
                return call
        offered = came.subprotocols if isinstance(came, Handshake) else ()
        key = self.dialect.keys.key(came.headers, came.query, offered)
        if key is not None and is_secret(key):
            return key
        resumed = first(came.query, "conversation_id") if self.profile.resumes else None
        return resumed or None

    def _earlier(self, handshake: Handshake, context: base.SessionContext) -> Conversation | None:
        """The conversation that a client goes on with. One that is unknown or too old is a new one here (xai.md#50)."""
        now = _seconds(context)
        for known, (began, conversation) in list(self._resumable.items()):
            if now - began - conversation.wire.now // SECOND > self.options.resumption_s:
                del self._resumable[known]
        found = self._resumable.get(handshake.param("conversation_id") or "")
        return None if found is None else found[1]

    def _gate(
        self, handshake: Handshake, key: str | None, model: str | None, transcribing: bool, context: base.SessionContext
    ) -> ShutGate | None:
        """Why this client is turned away; None lets it in. ``model`` None: it names none."""
        retired = gate.of_beta(self.profile, handshake)
        if retired is not None:
            return retired
        if not self._keys.opens(key, _seconds(context)):
            return gate.of_key(self.profile, key)
        if transcribing:
            named = self.profile.model_asked(handshake)
            if named is None or self.options.transcription_model_refused == "update":
                return None
            return gate.of_model(problems.model_for_transcription(named, "start"))
        problem = self.profile.model_problem(model)
        if problem is None and model is not None and not self.knows(model):
            problem = problems.unknown_model(model)
        return None if problem is None else gate.of_model(problem)

    # --- the neighbours ---

    @property
    def clear_truncates(self) -> bool:
        """As it is set (``engines.base.TakingCalls``)."""
        return self.options.clear_truncates

    def call_refusal(self, headers: Pairs, subprotocols: tuple[str, ...] = ()) -> base.HttpReply | None:
        """A key is wanted, as elsewhere."""
        key = self.dialect.keys.key(headers, (), subprotocols)
        good = self._keys.knows(key) or self.accepts(key)
        return None if good else _json(*self.profile.bad_key_answer(key))

    def answer(self, request: base.Request, context: base.SessionContext) -> base.HttpReply | None:
        """POST .../client_secrets below the socket: a short-lived key with a session's settings (openai.md#17)."""
        translating = self.profile.translates and request.path == self._translations + SECRETS_PATH
        here = translating or request.path == self.dialect.socket_path + SECRETS_PATH
        calls = self.dialect.calls
        if calls is not None and request.method == "POST" and (asked := called.asked(request, calls)) is not None:
            return self.call_refusal(request.headers) or asked
        wanted = request.method == "POST" and here
        now = _seconds(context)
        key = self.dialect.keys.key(request.headers)
        if not wanted or not self.profile.gives_secrets:
            other = self.profile.other_answer(request, ephemeral=self._keys.knows(key))
            return None if other is None else _json(*other)
        if not self._keys.mints(key, now):
            return _json(*self.profile.bad_key_answer(key))
        body = parse(request.body.decode(errors="replace")) if request.body else {}
        try:
            if not isinstance(body, dict):
                raise problems.not_json()
            given, settings = self._translation_asked(body) if translating else self._secret_asked(body)
        except ClientProblem as problem:
            return _json(400, {"error": problem.body()})
        ids = Ids(context.rng(f"client secrets {self._keys.made}"))
        value = context.place.mint(lambda: self.profile.mint("secret", ids))
        expires = now + body.get("expires_after", {}).get("seconds", SECRET_SECONDS)
        self._keys.give(value, expires, given, size=len(request.body))
        shown: dict[str, Any] = {"value": value, "expires_at": expires}
        if settings is not None:
            session = settings.config if isinstance(settings, TranslationSettings) else settings.shown()
            shown["session"] = session | {"id": self.profile.mint("session", ids)}
        return _json(200, shown)

    def _secret_asked(self, body: dict[str, Any]) -> tuple[dict[str, Any] | None, SessionSettings | None]:
        """The settings that a client secret is asked for, and what a session has with them."""
        if not self.profile.secrets_hold_session:
            life = shapes.Shape(open=True, fields={"seconds": _LIFE_SECONDS})
            shapes.check(shapes.Shape(open=True, fields={"expires_after": life}), body, "", problems)
            return None, None
        shapes.check(shapes.record(expires_after=_LIFE, session=self.profile.session_shape), body, "", problems)
        given = body.get("session")
        model = (given or {}).get("model") or self.model
        transcribing = self.profile.transcription_sessions and (given or {}).get("type") == "transcription"
        settings = self._settings(model, transcribing=transcribing)
        if given:
            settings.update(given)
        return given, settings

    def _translation_asked(self, body: dict[str, Any]) -> tuple[dict[str, Any], TranslationSettings]:
        """The session that translates with this key (openai.md#217)."""
        shapes.check(
            shapes.record("session", expires_after=_LIFE, session=translation.SECRET_SESSION), body, "", problems
        )
        given: dict[str, Any] = body["session"]
        settings = TranslationSettings(given["model"])
        settings.update(given)
        return given, settings


def _seconds(context: base.SessionContext) -> int:
    return context.unix_us // 1_000_000


def _json(status: int, body: dict[str, Any]) -> base.HttpReply:
    headers = (("content-type", "application/json"),)
    return base.HttpReply(status, headers, json.dumps(body).encode())


def _likeness(dialect: Dialect, connection: Connection) -> Likeness:
    """What recordings tell, loaded when one is compared."""
    from mockserver.engines.simulator.openai.likeness import OpenAILikeness

    return OpenAILikeness(dialect, connection)


PROVIDERS: Mapping[str, Provider] = {name: Provider(name, OpenAIOptions, OpenAISource, _likeness) for name in PROFILES}
