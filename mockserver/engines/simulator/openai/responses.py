"""All responses of a session: who may begin, what the model sees, what it is asked, who is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mockserver.dialects.life import Outcome, Status
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.conversation import Conversation, check_call_id
from mockserver.engines.simulator.openai.failures import error_of
from mockserver.engines.simulator.openai.items import Item, item_from
from mockserver.engines.simulator.openai.options import Misbehaviour
from mockserver.engines.simulator.openai.response import Response, Terms
from mockserver.engines.simulator.openai.settings import (
    SessionSettings,
    check_modalities,
    check_options,
    check_voice,
)
from mockserver.engines.simulator.openai.tools import check_tools, labelled, with_addresses
from mockserver.engines.simulator.openai.usage import usage_of
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Context, Failure, Replier, Reply, Seen


class Responses:
    """``ended``: called with each response when it is over."""

    def __init__(
        self,
        wire: Wire,
        settings: SessionSettings,
        conversation: Conversation,
        replier: Replier,
        *,
        ended: Callable[[Response], None],
        failed: Callable[[str], None],
    ) -> None:
        self.wire = wire
        self.settings = settings
        self.conversation = conversation
        self.asking = Asking(wire, replier, failed=failed)
        self.ended = ended
        self.running: list[Response] = []
        self._voice: list[Any] = []  # in which the model first sent audio
        self._count = 0
        self._tokens_before = 0

    # --- lookups ---

    @property
    def active(self) -> Response | None:
        """The active response of the default conversation, announced or not."""
        return next((one for one in self.running if not one.terms.out_of_band), None)

    @property
    def spoken(self) -> list[Any]:
        """The voice in which the model has sent audio; none while it has sent none."""
        return self._voice or [one.terms.voice for one in self.running if one.audio_ms][:1]

    # --- begin ---

    def create(
        self, asked: dict[str, Any] | None = None, said: Reply | None = None, *, unasked: bool = False
    ) -> Response:
        """response.create, or a turn that ended. Raises where the provider refuses.

        ``said``: what the model says, whatever it would (a message that is spoken as it is). ``unasked``: the client
        has nothing to do with it; a note says so before its first event.
        """
        # A null says "as the session has it", as a field left out does (clients.md#44).
        asked = {key: value for key, value in (asked or {}).items() if value is not None}
        if self.settings.transcribing:
            # Code and words are unknown (openai.md#162); such a session has no model that could respond (openai.md#37).
            raise problems.ClientProblem("invalid_parameter", "Responses cannot be created in a transcription session.")
        profile = self.wire.profile
        terms = self._terms(asked)
        active = self.active
        if active is not None and not terms.out_of_band:
            if not self.wire.profile.refuses_second_response:
                self.end(active, Outcome("cancelled", "client_cancelled"))
            elif not self.wire.misbehaves(Misbehaviour.TWO_ACTIVE, f"a response is started beside {active.id}"):
                raise problems.already_active(active.id)
        items = self.conversation.items if asked.get("input") is None else self._given(asked["input"])
        usage = usage_of(items, terms.instructions, self._tokens_before)
        read = usage.text_in + usage.audio_in
        if self.settings.config.get("truncation") == "disabled" and read > self.wire.options.context_tokens:
            raise problems.conversation_too_long()
        response_id = self.wire.mint("response")
        if unasked:
            self.wire.note("unasked", f"{response_id} begins unasked", response_id=response_id)
        self._count += 1
        context = self._context(terms, items, response_id, asked)
        usage.reasons = profile.shows_reasoning(self.settings.config.get("model") or "")
        response = Response(self.wire, self.conversation, response_id, terms, context, usage, self._over, self._failed)
        if self.wire.options.after_mcp_call == "goes on" and asked.get("input") is None:
            response.go_on = lambda one: self._go_on(one, asked)
        self.running.append(response)
        self.wire.after(self.wire.options.pace.created_ms, response, lambda: self._begin(response, said))
        return response

    def _terms(self, asked: dict[str, Any]) -> Terms:
        session = self.settings.config
        profile = self.wire.profile
        check_modalities(asked.get("output_modalities"), profile, f"response.{profile.modalities_path}")
        check_options(asked, session.get("model") or "", "response", profile)
        check_tools(asked.get("tools") or (), labelled(session.get("tools") or ()), "response.tools")
        output = asked.get("audio", {}).get("output", {})
        check_voice(output.get("voice"), "response", profile)
        spoken = self.spoken
        if spoken and output.get("voice") not in (None, *spoken):
            raise problems.voice_is_fixed()
        # Unknown: whether a response that names no voice goes on in the one that a response chose (openai.md#163).
        voice = spoken[0] if spoken else session["audio"]["output"]["voice"]
        return Terms(
            modalities=asked.get("output_modalities", session["output_modalities"]),
            instructions=asked.get(
                "instructions", session["instructions"]
            ),  # they replace the session's (openai.md#127)
            tools=with_addresses(asked.get("tools", session["tools"]), session["tools"]),
            tool_choice=asked.get("tool_choice", session["tool_choice"]),
            max_output_tokens=asked.get("max_output_tokens", session["max_output_tokens"]),
            format=output.get("format", self.settings.output_format),
            voice=output.get("voice", voice),
            metadata=asked.get("metadata"),
            out_of_band=asked.get("conversation") == "none",
            extra=profile.response_extra(asked, session),
            phased=profile.second_generation(session.get("model") or ""),
        )

    def _given(self, given: list[dict[str, Any]]) -> list[Item]:
        """``input``: items of this response alone, and references to items of the conversation (openai.md#129)."""
        items, own = [], []
        for index, body in enumerate(given):
            path = f"response.input[{index}]"
            if body["type"] == "item_reference":
                known = self.conversation.find(body["id"])
                if known is None:
                    # Unknown code and wording.
                    raise problems.ClientProblem(
                        "invalid_value", f"Item with id '{body['id']}' not found.", f"{path}.id"
                    )
                items.append(known)
            else:
                check_call_id(body, path)
                item = item_from(body, body.get("id") or self.wire.mint("item"))
                sound = self.settings.input_format
                self.conversation.load(item, body, sound, path)
                items.append(item)
                own.append(item)
        for item in own:
            self.conversation.listen(item)
        return items

    def _context(self, terms: Terms, items: list[Item], response_id: str, asked: dict[str, Any]) -> Context:
        seen = tuple(_seen(item) for item in items)
        newest = next((item.text for item in reversed(seen) if item.role == "user"), "")
        own = bool(terms.instructions) and terms.instructions != self.settings.default_instructions
        return Context(
            instructions=terms.instructions,
            own_instructions=own,
            instructed="instructions" in asked,
            items=seen,
            tools=tuple(terms.tools),
            tool_choice=terms.tool_choice,
            metadata=terms.metadata or {},
            turn=self._count,
            user=newest,
            modalities=tuple(terms.modalities),
            out_of_band=terms.out_of_band,
            response_id=response_id,
        )

    # --- ask the replier ---

    def _begin(self, response: Response, said: Reply | None) -> None:
        response.announce()
        if said is not None:
            self._perform(response, said)
            return
        self.asking.ask(
            response.context, response.id, lambda reply: self._perform(response, reply), lambda: not response.over
        )

    def _perform(self, response: Response, reply: Reply) -> None:
        if reply.calls and response.terms.tool_choice == "none":
            self.wire.note("simulator", f"{response.id}: tool_choice is none, so the replier's calls are left out")
            reply = replace(reply, calls=())
        response.perform(reply)

    def _go_on(self, response: Response, asked: dict[str, Any]) -> None:
        """The model has the output of a remote tool before it, and answers in the same response (openai.md#138)."""
        context = self._context(response.terms, self.conversation.items, response.id, asked)
        self.asking.ask(context, response.id, lambda reply: self._perform(response, reply), lambda: not response.over)

    def _failed(self, failure: Failure) -> dict[str, Any]:
        return error_of(failure, self.wire.problems, self.settings.config["id"])

    # --- the end ---

    def _over(self, response: Response) -> None:
        self._voice = self.spoken
        if not response.terms.out_of_band:
            self._tokens_before = response.usage.total
        self.running.remove(response)
        self.ended(response)

    def cancel(self, response_id: str | None) -> None:
        """response.cancel. One that is not announced yet is not active, and goes on (openai.md#109)."""
        if response_id is None:
            found = self.active
        else:
            found = next((one for one in self.running if one.id == response_id), None)
        if found is None or not found.announced:
            raise problems.nothing_to_cancel()
        self.end(found, Outcome("cancelled", "client_cancelled"))

    def interrupt(self) -> None:
        """Speech began: the response of the default conversation is cancelled (openai.md#114)."""
        active = self.active
        if active is None:
            return
        self.end(active, Outcome("cancelled", "turn_detected"))

    def end(self, response: Response, outcome: Outcome) -> None:
        """End a response before its time."""
        if outcome.status == "cancelled" and self.wire.misbehaves(
            Misbehaviour.CANCEL_IGNORED, f"{response.id} goes on", response_id=response.id
        ):
            return
        if not response.announced:
            response.announce()
        response.stop(outcome)

    def drop(self, response_id: str, status: Status = "cancelled") -> None:
        """A fault has ended it on the wire: only the state is changed."""
        found = next((one for one in self.running if one.id == response_id), None)
        if found is not None:
            found.abandon(status)


def _seen(item: Item) -> Seen:
    """An item as a replier sees it. It is made again only where the item has changed: each response sees them all."""
    parts = [(part.text if part.heard is None else part.heard, part.audio_ms) for part in item.content]
    output = item.output or str(item.extra.get("output") or "")
    state = (item.id, item.name, item.call_id, item.arguments, output, parts)
    if item.seen is None or item.seen[0] != state:
        made = Seen(
            id=item.id,
            type=item.type,
            role=item.role,
            text=" ".join(text for text, _ in parts if text),
            name=item.name,
            call_id=item.call_id,
            arguments=item.arguments,
            output=output,
            origin=item.origin,
            audio_ms=sum(ms for _, ms in parts),
        )
        item.seen = state, made
    return item.seen[1]
