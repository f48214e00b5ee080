"""Faults that know the protocol: what happens, and where. They go with any engine and combine in order.

    faults.delay("response.created", seconds=11)
    faults.parse("delay 11s on response.created")        the same, in the one syntax

``docs/faults.md`` lists them all.
"""

from __future__ import annotations

import warnings

from mockserver.core.frames import Item, Micros, Text, to_client
from mockserver.core.machine import Plan
from mockserver.faults.action import Action, register
from mockserver.faults.base import Armed, Fault
from mockserver.faults.body import Body, Moment, Run, Sight
from mockserver.faults.closing import close, half_open, no_pong, reset, slow_close
from mockserver.faults.damage import another_id, missing_type, set_field, strip, wrong_type
from mockserver.faults.foresight import Foreseen, foresee
from mockserver.faults.ghosts import (
    created_without_done,
    deltas_after_cancel,
    done_without_created,
    items_after_cancel,
    second_response,
    unrequested_response,
)
from mockserver.faults.grammar import load_text, parse
from mockserver.faults.handshake import (
    handshake_delay,
    handshake_hang,
    handshake_reset,
    redirect,
    refuse,
    wrong_subprotocol,
)
from mockserver.faults.life import cancel_midway, fail, incomplete
from mockserver.faults.listing import FaultEntry, FaultValue, catalogue, describe
from mockserver.faults.loss import drop, duplicate, noop, reorder, replay_stale
from mockserver.faults.media import no_data_channel, silent_audio
from mockserver.faults.options import On, Options, make
from mockserver.faults.provider import (
    active_response,
    beta_retired,
    cancel_not_active,
    insufficient_quota,
    invalid_key,
    rate_limit,
    server_error,
    session_expired,
)
from mockserver.faults.spoil import bad_base64, binary, not_json, odd_audio, oversize, truncate_json, unknown_event
from mockserver.faults.timing import bandwidth, delay, growing, hold, jitter, stall
from mockserver.faults.where import After, Where

__all__ = [
    "Action",
    "After",
    "Armed",
    "Body",
    "Fault",
    "FaultEntry",
    "FaultValue",
    "Foreseen",
    "Item",
    "Micros",
    "Moment",
    "On",
    "Options",
    "Plan",
    "Run",
    "Sight",
    "Text",
    "Where",
    "active_response",
    "another_id",
    "bad_base64",
    "bandwidth",
    "beta_retired",
    "binary",
    "cancel_midway",
    "cancel_not_active",
    "catalogue",
    "close",
    "created_without_done",
    "delay",
    "deltas_after_cancel",
    "describe",
    "done_without_created",
    "drop",
    "duplicate",
    "fail",
    "foresee",
    "growing",
    "half_open",
    "handshake_delay",
    "handshake_hang",
    "handshake_reset",
    "hold",
    "incomplete",
    "insufficient_quota",
    "invalid_key",
    "items_after_cancel",
    "jitter",
    "load_text",
    "make",
    "missing_type",
    "no_data_channel",
    "no_pong",
    "noop",
    "not_json",
    "odd_audio",
    "oversize",
    "parse",
    "rate_limit",
    "redirect",
    "refuse",
    "register",
    "reorder",
    "replay_stale",
    "reset",
    "second_response",
    "server_error",
    "session_expired",
    "set_field",
    "silent_audio",
    "slow_close",
    "stall",
    "strip",
    "to_client",
    "truncate_json",
    "unknown_event",
    "unrequested_response",
    "wrong_subprotocol",
    "wrong_type",
]


def __getattr__(name: str) -> type[FaultEntry]:
    if name == "Entry":
        warnings.warn("mockserver.faults.Entry is called FaultEntry now", DeprecationWarning, stacklevel=2)
        return FaultEntry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
