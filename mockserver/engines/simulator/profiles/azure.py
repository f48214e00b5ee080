"""Azure OpenAI, v1: the GA shapes under ``/openai/v1/realtime`` (CLIENTS 1; captures azure-*)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mockserver.engines.simulator.profiles.base import Profile

PARTS = ("response.content_part.added", "response.content_part.done")


class Azure(Profile):
    """``model`` in the query is the name of a deployment, so any name may exist."""

    name = "azure"
    rate_limits = None  # none in 12 responses (FACTS 31)

    def knows_model(self, model: str) -> bool:
        """A deployment is named by whoever made it."""
        return bool(model)

    def outgoing(self, body: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """The part of content_part events stands there twice (C: both azure captures)."""
        if body["type"] in PARTS:
            body = {**body, "content": body["part"]}
        yield body
