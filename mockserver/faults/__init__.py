"""Faults that know the protocol: what happens, and where. They go with any engine and combine in order.

    faults.delay("response.created", seconds=11)
    faults.parse("delay 11s on response.created")        the same, in the one syntax

``docs/faults.md`` lists them all.
"""

from __future__ import annotations

from mockserver.faults.base import Action, Armed, Body, Fault, Moment, Run, Sight, register
from mockserver.faults.loss import drop, duplicate, noop, reorder, replay_stale
from mockserver.faults.options import On, Options, make
from mockserver.faults.parse import load_text, parse
from mockserver.faults.timing import bandwidth, delay, growing, hold, jitter, stall
from mockserver.faults.where import After, Where

__all__ = [
    "Action",
    "After",
    "Armed",
    "Body",
    "Fault",
    "Moment",
    "On",
    "Options",
    "Run",
    "Sight",
    "Where",
    "bandwidth",
    "delay",
    "drop",
    "duplicate",
    "growing",
    "hold",
    "jitter",
    "load_text",
    "make",
    "noop",
    "parse",
    "register",
    "reorder",
    "replay_stale",
    "stall",
]
