"""Calls over WebRTC, as far as they differ from a socket: their settings, and what is asked of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.dialects.calls import CallFacts
from mockserver.engines.base import HttpReply, Request, SessionContext
from mockserver.engines.simulator.openai.gate import ShutGate
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.settings import SessionSettings

ACTIONS = ("hangup", "accept", "refer", "reject")
"""What the package asks of a call: openai 3.54.0, openai/resources/realtime/calls.py."""


def settings(context: SessionContext) -> Mapping[str, Any]:
    """The settings in the request, unchecked; {} where there are none."""
    found = None if context.call is None else context.call.session
    return found if isinstance(found, dict) else {}


def gate(context: SessionContext, session: SessionSettings) -> ShutGate | None:
    """Merge the settings that came with the offer; why they are refused, or None."""
    given = settings(context)
    if not given:
        return None
    try:
        session.update(dict(given))
    except ClientProblem as problem:
        return ShutGate("session", problem, 4000)
    return None


def asked(request: Request, calls: CallFacts) -> HttpReply | None:
    """The answer to something that is asked of a call which is not on; None for any other request.

    What ``accept``, ``refer`` and ``reject`` say of a call over WebRTC is unknown: they are for calls over SIP, and
    here there are none (openai.md#221).
    """
    below = calls.below(request.path)
    if below is None or below[1] not in ACTIONS:
        return None
    answer = calls.unknown(below[0])
    return HttpReply(answer.status, answer.headers, answer.body)
