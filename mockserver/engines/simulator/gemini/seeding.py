"""Contents that a client writes into the context, and what a model does not take among them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.engines.simulator.gemini import problems
from mockserver.engines.simulator.gemini.calls import output_of
from mockserver.engines.simulator.gemini.conversation import ContextItem, answered, called, heard, written
from mockserver.engines.simulator.gemini.problems import Closing
from mockserver.engines.simulator.gemini.setup import Setup
from mockserver.engines.simulator.voice.listening import Ear

_RATE = re.compile(r"rate=([0-9]{1,9})")


def entries(content: Mapping[str, Any], setup: Setup, ear: Ear) -> Iterator[ContextItem]:
    """One content as entries: its texts and images as one, then calls, results and audio."""
    role = content.get("role")
    if role is None and not setup.model.takes_no_role:
        raise problems.invalid()  # gemini.md#92
    if role not in (None, "user", "model", "function"):
        raise problems.invalid()  # gemini.md#92
    texts, images = [], 0
    for part in content.get("parts", ()):
        blob = part.get("inlineData", {})
        kind = blob.get("mimeType", "")
        if part.get("text"):
            texts.append(part["text"])
        elif kind.startswith("image/"):
            images += 1
        elif kind.startswith("audio/"):
            yield _audio(blob, kind, setup, ear)
        elif "functionCall" in part or "functionResponse" in part:
            yield _function(part, setup)
    if texts or images:
        yield written(role or "user", "\n".join(texts), images=images)


def _audio(blob: Mapping[str, Any], kind: str, setup: Setup, ear: Ear) -> ContextItem:
    if setup.model.generation == "2.5":
        raise Closing(1007, problems.PRECONDITION)  # gemini.md#61
    found = _RATE.search(kind)
    rate = int(found[1]) if found else 16_000
    if rate != 16_000:
        raise problems.not_implemented()  # gemini.md#63
    pcm = blob.get("data", b"")
    return heard(len(pcm) // 2 * 1_000 // rate, ear.hear(pcm[: len(pcm) // 2 * 2], rate))


def _function(part: Mapping[str, Any], setup: Setup) -> ContextItem:
    if setup.model.generation == "2.5":
        raise problems.invalid()  # gemini.md#55
    call = part.get("functionCall")
    if call is not None:
        arguments = json.dumps(call.get("args", {}), ensure_ascii=False)
        return called(call.get("id", ""), call.get("name", ""), arguments, "client")
    response = part["functionResponse"]
    if not isinstance(response.get("response"), dict):
        raise problems.invalid()
    return answered(response.get("id", ""), response.get("name", ""), output_of(response))
