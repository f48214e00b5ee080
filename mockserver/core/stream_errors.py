"""The errors of AWS' event streams by name: a dialect knows them without the framing."""

from __future__ import annotations

EXCEPTIONS = frozenset(
    {
        *("internalServerException", "modelStreamErrorException", "validationException", "throttlingException"),
        *("modelTimeoutException", "serviceUnavailableException"),
    }
)
"""The errors that a model's stream can end with (nova_sonic.md#20)."""
