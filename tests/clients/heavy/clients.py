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

    @property
    def python(self) -> str | Path:
        return sys.executable if self.name == "venv" else INSTALLED / self.name / "bin" / "python"

    def command(self, script: str) -> tuple[str | Path, ...]:
        if self.name != "node":
            return self.python, HERE / script
        # Node looks for packages beside the script.
        for one in HERE.glob("*.mjs"):
            shutil.copy(one, INSTALLED / "node")
        return "node", INSTALLED / "node" / script

    def version(self, package: str) -> str:
        match self.name:
            case "node":
                found = json.loads((INSTALLED / "node" / "node_modules" / package / "package.json").read_text())
                return str(found["version"])
            case "venv":
                return metadata.version(package)
            case _:
                code = f"from importlib.metadata import version; print(version({package!r}))"
                run = (self.python, "-c", code)
                return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()


VENV, NODE, PIPECAT = Home("venv"), Home("node"), Home("pipecat")
AWS, PIPECAT_AWS = Home("aws"), Home("pipecat-aws")


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
    counts: tuple[str, ...] = ()  # where it tells the server how much audio it has sent: replayed at its own pace only
    note: str = ""

    @cached_property
    def version(self) -> str:
        return self.home.version(self.package)


RENEWED = "Chat history should be sent completely before streaming audio"
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
        "livekit-plugins-ultravox",
        "livekit-plugins-ultravox",
        VENV,
        "livekit_talk.py",
        {"ultravox": ("closed unexpectedly", "closed unexpectedly")},
        settings={"urgent_empty_text": "interrupts"},
        note="an interruption of its agent sends a text without a word, and its `deferResponse` is lost on the way, so "
        "that the service may answer it (ultravox.md#26): `urgent_empty_text=interrupts`",
    ),
    Client(
        "livekit-plugins-phonic",
        "livekit-plugins-phonic",
        VENV,
        "livekit_talk.py",
        {"phonic": ("1011", "^$")},
    ),
    Client(
        "livekit-plugins-nvidia",
        "livekit-plugins-nvidia",
        VENV,
        "personaplex_talk.py",
        {"personaplex": (".", "^$|closing transport")},
        note="there are no tools on the wire of PersonaPlex, so its talk has no tool round",
    ),
    Client(
        "livekit-plugins-aws",
        "livekit-plugins-aws",
        AWS,
        "livekit_aws_talk.py",
        {"nova_sonic": (RENEWED, RENEWED)},
        tls=("nova_sonic",),
        note="the stream that it begins anew gets audio before its history is there, which the service "
        "refuses (livekit/agents#5626); within an AgentSession the first answer is not heard, for the plugin announces "
        "one generation twice, and the user's speech between",
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
            "ultravox": ("send error", "send error"),
        },
        {"azure_dated": PREVIEW},
        tls=("gemini", "azure_voice_live"),
        races="delay 400ms on session.created optional",
        connects={"gemini": 2},
        note="its first session.update holds the tools only where its context was there before session.created, so a "
        "recording with and one without a delay are put together by `mockserver learn`; with Gemini it gives its first "
        "connection up, however far that has come",
    ),
    Client(
        "pipecat-ai[aws-nova-sonic]",
        "pipecat-ai",
        PIPECAT_AWS,
        "pipecat_talk.py",
        {"nova_sonic": ("Too many requests", "timed out")},
        tls=("nova_sonic",),
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
        counts=("openai",),
        note="it counts its inputs, pieces of audio too, into the metadata of a response, so recordings are put "
        "together by `mockserver learn`, and those of OpenAI are replayed at the recorded pace",
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
    Client("phonic", "phonic", VENV, "phonic_talk.py", {"phonic": ("1011", "1000|ended")}),
    Client(
        "aws-sdk-bedrock-runtime",
        "aws-sdk-bedrock-runtime",
        AWS,
        "bedrock_talk.py",
        {"nova_sonic": ("ThrottlingException: Too many requests", "ModelTimeoutException: Model has timed out")},
        tls=("nova_sonic",),
    ),
    Client(
        "@aws-sdk/client-bedrock-runtime",
        "@aws-sdk/client-bedrock-runtime",
        NODE,
        "bedrock_talk.mjs",
        {"nova_sonic": ("ThrottlingException: Too many requests", "ModelTimeoutException: Model has timed out")},
    ),
)
PAIRS = [(client, provider) for client in CLIENTS for provider in client.tells]
