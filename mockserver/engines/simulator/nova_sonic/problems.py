"""What the service says no with, in its words."""

from __future__ import annotations

INVALID = "Invalid input request, please fix your input and try again."
"""Words of the service for input that is wrong in ways that are not told (nova_sonic.md#45); here for all of them."""
TOO_EARLY = "Chat history should be sent completely before streaming audio."
"""nova_sonic.md#41"""
TOO_MUCH = "Chat history is over max limit"
"""nova_sonic.md#43"""
TOOL_RESULT = "Tool Response parsing error"
"""nova_sonic.md#44"""
TOO_LONG = "Model has timed out in processing the request. Try your request again."
"""nova_sonic.md#48"""
NO_MODEL = "The provided model identifier is invalid."
"""nova_sonic.md#63"""
TOO_MANY = "Too many requests, please wait before trying again."
"""nova_sonic.md#62"""
FILTERED = "The response was blocked by our content filters"
"""Only the end of it is known (nova_sonic.md#49)."""


def no_input(seconds: float) -> str:
    """Nothing was heard for so long (nova_sonic.md#42)."""
    return (
        "Timed out waiting for audio bytes or interactive content. Please ensure gaps between audio bytes and "
        f"interactive content are less than {seconds:g} seconds."
    )


class WrongInput(Exception):
    """What ends a stream. ``why``: for the journal, where the service's own words say nothing."""

    def __init__(self, why: str, message: str = INVALID, kind: str = "validationException") -> None:
        super().__init__(why)
        self.message = message
        self.kind = kind
