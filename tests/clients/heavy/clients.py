"""The clients that are tried, against which providers, and why not against the others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
INSTALLED = Path(os.environ.get("MOCKSERVER_CLIENTS", ROOT / "build" / "clients"))
"""Where ``make test-clients`` puts what has an environment of its own."""
FAMILY = ("openai", "azure", "azure_dated", "azure_voice_live", "xai")

PREVIEW = "speaks the GA shapes; a dated api-version is the preview, with other names and a flat session"
VOICE_LIVE = "has no setting for Voice Live's address and session"
XAI_SHAPES = "checks every event strictly; xAI's session.created has no type, and ping is none of its events"


@dataclass(frozen=True)
class Home:
    """Where a client is installed."""

    name: str

    def ready(self) -> bool:
        return self.name == "venv" or (INSTALLED / self.name / "installed").exists()

    def command(self, script: str) -> tuple[str | Path, ...]:
        match self.name:
            case "node":
                # Node looks for packages beside the script.
                for one in HERE.glob("*.mjs"):
                    shutil.copy(one, INSTALLED / "node")
                return "node", INSTALLED / "node" / script
            case "pipecat":
                return INSTALLED / "pipecat" / "bin" / "python", HERE / script
            case _:
                return sys.executable, HERE / script

    def version(self, package: str) -> str:
        match self.name:
            case "node":
                found = json.loads((INSTALLED / "node" / "node_modules" / package / "package.json").read_text())
                return str(found["version"])
            case "pipecat":
                code = f"from importlib.metadata import version; print(version({package!r}))"
                python = INSTALLED / "pipecat" / "bin" / "python"
                return subprocess.run((python, "-c", code), capture_output=True, text=True, check=True).stdout.strip()
            case _:
                return metadata.version(package)


VENV, NODE, PIPECAT = Home("venv"), Home("node"), Home("pipecat")


@dataclass(frozen=True)
class Client:
    """One client.

    ``tells``: by provider, a regular expression of what its application hears of a stream that broke off, and one of
    the session's end; "" where that is nothing. ``cannot``: the other members of the provider's family, and why.
    """

    name: str
    package: str
    home: Home
    script: str
    tells: Mapping[str, tuple[str, str]]
    cannot: Mapping[str, str] = field(default_factory=dict)
    tls: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the simulator, for all of it
    races: str = ""  # a fault under which its set-up goes the other way round: two recordings are learned from
    connects: Mapping[str, int] = field(default_factory=dict)  # connections that its set-up takes, where not one
    note: str = ""

    @cached_property
    def version(self) -> str:
        return self.home.version(self.package)


EXPIRED = "session_expired|maximum duration"
CLIENTS = (
    Client(
        "livekit-plugins-openai",
        "livekit-plugins-openai",
        VENV,
        "livekit_talk.py",
        {
            "openai": ("closed unexpectedly", "returned an error|closed"),
            "azure": ("closed unexpectedly", "returned an error|closed"),
            "azure_dated": ("closed unexpectedly", "returned an error|closed"),
            "gpt_live": ("closed unexpectedly", "send failed|^$"),
        },
        {"azure_voice_live": VOICE_LIVE, "xai": "livekit-plugins-xai is for it"},
    ),
    Client(
        "livekit-plugins-xai",
        "livekit-plugins-xai",
        VENV,
        "livekit_talk.py",
        {"xai": ("closed unexpectedly", "returned an error|closed")},
        dict.fromkeys((one for one in FAMILY if one != "xai"), "livekit-plugins-openai is for it"),
    ),
    Client(
        "livekit-plugins-google",
        "livekit-plugins-google",
        VENV,
        "livekit_talk.py",
        {"gemini": ("1011", "")},
        tls=("gemini",),
        settings={"input_during_call": "taken"},
        note="the microphone goes on while a tool works, which the service may answer with close 1008 (gemini.md#46): "
        "`input_during_call=taken`",
    ),
    Client(
        "pipecat-ai",
        "pipecat-ai",
        PIPECAT,
        "pipecat_talk.py",
        {
            "openai": ("1011", EXPIRED),
            "azure": ("1011", EXPIRED),
            "azure_voice_live": ("1011", EXPIRED),
            "xai": ("1011", EXPIRED),
            "gemini": ("", ""),
            "gpt_live": ("1011", ""),
        },
        {"azure_dated": PREVIEW},
        tls=("gemini", "azure_voice_live"),
        races="delay 400ms on session.created optional",
        connects={"gemini": 2},
        note="its first session.update holds the tools only where its context was there before session.created, so a "
        "recording with and one without a delay are put together by `mockserver learn`",
    ),
    Client(
        "openai-agents",
        "openai-agents",
        VENV,
        "agents_talk.py",
        {"openai": ("1011", EXPIRED), "azure": ("1011", EXPIRED)},
        {"azure_dated": PREVIEW, "azure_voice_live": VOICE_LIVE, "xai": XAI_SHAPES},
    ),
    Client(
        "openai (Python)",
        "openai",
        VENV,
        "openai_talk.py",
        {
            "openai": ("1011", EXPIRED),
            "azure": ("1011", EXPIRED),
            "xai": ("1011", EXPIRED),
            "gpt_live": ("1011", "expired"),
        },
        {
            "azure_dated": "its beta client does; see tests/clients/test_simulator_cousins.py",
            "azure_voice_live": VOICE_LIVE,
        },
    ),
    Client(
        "openai (npm)",
        "openai",
        NODE,
        "openai_talk.mjs",
        {"openai": ("1011", EXPIRED), "azure": ("1011", EXPIRED), "xai": ("1011", EXPIRED)},
        {"azure_dated": PREVIEW, "azure_voice_live": VOICE_LIVE},
        tls=("openai", "azure", "xai"),
    ),
    Client(
        "@openai/agents-realtime",
        "@openai/agents-realtime",
        NODE,
        "agents_talk.mjs",
        {"openai": ("disconnected", EXPIRED), "azure": ("disconnected", EXPIRED)},
        {"azure_dated": PREVIEW, "azure_voice_live": VOICE_LIVE, "xai": XAI_SHAPES},
    ),
    Client(
        "google-genai",
        "google-genai",
        VENV,
        "genai_talk.py",
        {"gemini": ("1011", "goAway")},
        tls=("gemini",),
    ),
    Client(
        "@google/genai",
        "@google/genai",
        NODE,
        "genai_talk.mjs",
        {"gemini": ("1011", "goAway")},
    ),
    Client(
        "pydantic-ai",
        "pydantic-ai-slim",
        VENV,
        "pydantic_talk.py",
        {"openai": ("1011", EXPIRED), "gemini": ("1011", "Deadline expired"), "gpt_live": ("1011", "expired")},
        {
            "azure": "not tried",
            "azure_dated": PREVIEW,
            "azure_voice_live": "not tried",
            "xai": "has no setting for another address",
        },
        tls=("gemini",),
        races="delay 400ms on session.created optional",
        note="it counts its inputs, pieces of audio too, into the metadata of a response, so two recordings are put "
        "together by `mockserver learn`",
    ),
    Client(
        "elevenlabs",
        "elevenlabs",
        VENV,
        "elevenlabs_talk.py",
        {"elevenlabs": ("1011", "agent 1000")},
    ),
    Client(
        "@elevenlabs/client",
        "@elevenlabs/client",
        NODE,
        "elevenlabs_talk.mjs",
        {"elevenlabs": ("1011", "agent 1000")},
    ),
)
PAIRS = [(client, provider) for client in CLIENTS for provider in client.tells]
