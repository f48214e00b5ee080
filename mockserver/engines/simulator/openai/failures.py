"""What a failed response says of its failure (openai.md#117)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.dialects.problems import Problem, Trouble
from mockserver.engines.simulator.replies.reply import Failure

NO_SCOPES = Problem(
    "inference_not_authorized_error",
    "You have insufficient permissions for this operation. Missing scopes: model.request.",
)
"""A restricted key (openai.md#120); the sentence goes on there."""


def error_of(failure: Failure, problems: Mapping[Trouble, Problem], session_id: str) -> dict[str, Any]:
    """Type, code and message: what the test gave, and the provider's own for the code where it gave none.

    The code of a ``server_error`` is null (openai.md#119). The words for a code that nobody has seen are ours.
    """
    # Of two with one code the first is meant.
    known = {problem.kind: problem for problem in reversed((*problems.values(), NO_SCOPES))}
    natural = known["server_error"] if failure.code is None else known.get(failure.code)
    type_ = failure.type or (natural.type if natural is not None else "invalid_request_error")
    if failure.code is None and type_ != "server_error":
        natural = None
    words = natural.message if natural is not None else f"The response failed: {failure.code or type_}."
    message = words.replace("{session}", session_id) if failure.message is None else failure.message
    return {"type": type_, "code": failure.code, "message": message}
