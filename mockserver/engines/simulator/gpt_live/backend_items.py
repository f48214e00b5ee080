"""What a client may put before the backend: input items of the Responses API (gpt_live.md#68)."""

from __future__ import annotations

from mockserver.engines.simulator.shapes import ANY_OBJECT, Shape, record, text, variants

_BREAK = Shape(("object", "null"))
_IMAGE = Shape(
    fields={
        "type": text(),
        "detail": text("high", "low", "auto", "original"),
        "image_url": text(null=True),
        "file_id": text(null=True),
        "prompt_cache_breakpoint": _BREAK,
    },
    one_of=("image_url", "file_id"),
)
_FILE = Shape(
    fields={
        **dict.fromkeys(("file_id", "file_url", "file_data", "filename", "detail"), text(null=True)),
        "type": text(),
        "prompt_cache_breakpoint": _BREAK,
    },
    one_of=("file_id", "file_url", "file_data"),
)
_INPUT = {
    "input_text": record("text", type=text(), text=text(), prompt_cache_breakpoint=_BREAK),
    "input_image": _IMAGE,
    "input_file": _FILE,
}
_SAID = {
    "output_text": Shape(fields={"type": text(), "text": text()}, required=("text",), open=True),
    "refusal": record("refusal", type=text(), refusal=text()),
}
_STATUS = text("in_progress", "completed", "incomplete", null=True)
_MESSAGE = record(
    "role",
    "content",
    type=text(),
    id=text(null=True),
    role=text("user", "assistant", "system", "developer"),
    content=Shape(("string", "array"), of=variants("type", {**_INPUT, **_SAID})),
    status=_STATUS,
    phase=text("commentary", "final_answer", null=True),
)
_OUTPUT = record(
    "call_id",
    "output",
    type=text(),
    id=text(null=True),
    call_id=text(),
    output=Shape(("string", "array"), of=variants("type", _INPUT)),
    name=text(null=True),
    namespace=text(null=True),
    caller=Shape(("object", "null")),
    status=_STATUS,
)
OTHERS = (
    *("item_reference", "function_call", "reasoning", "compaction", "compaction_trigger", "configuration_update"),
    *("file_search_call", "web_search_call", "computer_call", "computer_call_output", "image_generation_call"),
    *("code_interpreter_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output"),
    *("apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"),
    *("mcp_call", "custom_tool_call", "custom_tool_call_output", "tool_search_call", "tool_search_output"),
    *("additional_tools", "program", "program_output"),
)
"""Kinds that exist, and are not read here."""
ITEM = variants(
    "type",
    {"message": _MESSAGE, "function_call_output": _OUTPUT, **dict.fromkeys(OTHERS, ANY_OBJECT)},
    default="message",
)
