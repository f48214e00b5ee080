"""The OpenAI family's own words for what goes wrong. ``{session}`` and ``{response}`` are filled with ids."""

from __future__ import annotations

from collections.abc import Mapping

from mockserver.dialects.problems import Problem, Trouble

PROBLEMS: Mapping[Trouble, Problem] = {
    # As in failed response.done events: type "tokens", code "rate_limit_exceeded" (openai.md#118). Organisation and
    # numbers are made up.
    "rate_limit": Problem(
        "rate_limit_exceeded",
        "Rate limit reached for gpt-realtime in organization org-mockserver on tokens per min (TPM): Limit 40000, "
        "Used 40000, Requested 3188. Please try again in 4.782s. Visit https://platform.openai.com/account/rate-limits "
        "to learn more.",
        type="tokens",
    ),
    # The same code for requests (openai.md#118), of which there are so many a day (openai.md#189).
    "request_limit": Problem(
        "rate_limit_exceeded",
        "Rate limit reached for gpt-realtime in organization org-mockserver on requests per day (RPD): Limit 1000, "
        "Used 1000, Requested 1. Please try again in 1m26.4s. Visit https://platform.openai.com/account/rate-limits to "
        "learn more.",
        type="requests",
    ),
    # The sentence and type of every OpenAI API (openai.md#152); clients treat this code as final (openai.md#151).
    "insufficient_quota": Problem(
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        type="insufficient_quota",
    ),
    # The real one has the code null (openai.md#119).
    "server_error": Problem(
        "server_error",
        "The server had an error while processing your request. Sorry about that! Please contact us through our help "
        "center at help.openai.com if the error persists. (include session ID in your message: {session}). We "
        "recommend you retry your request.",
        type="server_error",
    ),
    # After the upgrade: an error event, then close 3000 (openai.md#6).
    "invalid_key": Problem(
        "invalid_api_key",
        "Incorrect API key provided: mock. You can find your API key at https://platform.openai.com/account/api-keys.",
    ),
    # After 60 minutes, without a warning (openai.md#25).
    "session_expired": Problem("session_expired", "Your session hit the maximum duration of 60 minutes."),
    # To a client that asks for the beta (openai.md#12).
    "shape_retired": Problem(
        "beta_api_shape_disabled",
        "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
    ),
    # openai.md#107: while another response of the conversation is on its way.
    "reply_active": Problem(
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: {response}. Wait until the response is finished "
        "before creating a new one.",
    ),
    # openai.md#108: a cancel while no response is on its way.
    "nothing_to_cancel": Problem("response_cancel_not_active", "Cancellation failed: no active response found"),
}

DOES: Mapping[str, str] = {
    "active response": "openai.md#107",
    "beta retired": "openai.md#12",
    "cancel midway": "openai.md#113",
    "cancel not active": "openai.md#108",
    "done without created": "openai.md#121",
    "fail": "openai.md#117",
    "incomplete": "openai.md#111",
    "insufficient quota": "openai.md#151",
    "invalid key": "openai.md#6",
    "rate limit": "openai.md#118",
    "server error": "openai.md#119",
    "session expired": "openai.md#25",
}
"""Faults by their first words (``mockserver faults``) that the service has been seen to do itself."""
