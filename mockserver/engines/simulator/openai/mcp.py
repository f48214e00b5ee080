"""Remote MCP tools: the list of a server's tools, and whether a call needs the user's approval.

No recording shows any of it (openai.md#181): names and fields are the schema's, the order of events is that of the
provider's guide (openai.md#134, openai.md#137).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mockserver.engines.simulator.openai.conversation import Conversation
from mockserver.engines.simulator.openai.items import Item
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.replies.reply import McpCall
from mockserver.engines.simulator.voice.captions import in_bursts

EVENTS = 4
"""That tell of one server's tools."""


def list_tools(wire: Wire, conversation: Conversation, tools: Sequence[Mapping[str, Any]]) -> None:
    """After session.update: ask each MCP server that is new for its tools.

    A server answers if the simulator was given its tools (``mcp={"label": [...]}``); any other cannot be reached.
    """
    known = {item.extra["server_label"] for item in conversation.items if item.type == "mcp_list_tools"}
    known |= conversation.asked
    new = {str(tool.get("server_label")): None for tool in tools if tool.get("type") == "mcp"}
    labels = [label for label in new if label not in known]
    conversation.asked.update(labels)
    wire.play("lists of tools", _listed(wire, conversation, labels))


def _listed(wire: Wire, conversation: Conversation, labels: Sequence[str]) -> Iterator[float]:
    """Server after server, in bursts where there are many: nobody else waits for all of them."""
    for number, label in enumerate(labels):
        yield in_bursts(EVENTS * number)
        conversation.asked.discard(label)
        offered = wire.options.mcp.get(label)
        item = Item(wire.mint("item"), "mcp_list_tools", "response")
        item.extra = {"server_label": label, "tools": [_tool(one) for one in offered or ()]}
        conversation.insert(item)
        conversation.announce(item)
        wire.emit("mcp_list_tools.in_progress", item_id=item.id)
        conversation.finish(item)
        wire.emit("mcp_list_tools.completed" if offered is not None else "mcp_list_tools.failed", item_id=item.id)


def _tool(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": None, "annotations": None, "input_schema": {"type": "object"}, **given}


def needs_approval(conversation: Conversation, tools: Sequence[Mapping[str, Any]], call: McpCall) -> bool:
    """Whether the user has to be asked first: unless the tool says never, or the user has approved this call."""
    tool = next((one for one in tools if one.get("server_label") == call.server), None)
    wanted = (tool or {}).get("require_approval") or "always"
    if wanted == "never":
        return False
    if isinstance(wanted, Mapping) and call.name in (wanted.get("never") or {}).get("tool_names", ()):
        return False
    asked = {
        item.id
        for item in conversation.items
        if item.type == "mcp_approval_request" and (item.extra["server_label"], item.name) == (call.server, call.name)
    }
    return not any(
        item.type == "mcp_approval_response" and item.extra["approve"] and item.extra["approval_request_id"] in asked
        for item in conversation.items
    )
