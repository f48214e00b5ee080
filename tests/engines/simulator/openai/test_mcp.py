"""Remote MCP tools: the list, calls, failures, approval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mockserver.engines.simulator import McpCall, Scripted
from mockserver.engines.simulator.openai.tools import check_tools
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage

TOOLS = {"docs": [{"name": "search", "input_schema": {"type": "object"}}]}


def tool(label: str = "docs", **fields: Any) -> dict[str, Any]:
    return {"type": "mcp", "server_label": label, "server_url": "https://mcp.example", **fields}


@keeps("mcp-list")
def test_a_servers_tools_are_listed_after_the_update_and_once() -> None:
    stage = Stage(mcp=TOOLS)
    came = stage.update(tools=[tool()])
    assert stage.names(came) == [
        "session.updated",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
        "conversation.item.done",
        "mcp_list_tools.completed",
    ]
    item = came[1]["item"]
    assert (item["type"], item["server_label"], item["tools"][0]["name"]) == (
        "mcp_list_tools",
        "docs",
        "search",
    )
    assert stage.names(stage.update(tools=[tool()])) == ["session.updated"]


@keeps("mcp-list")
def test_a_server_that_the_simulator_does_not_know_cannot_be_reached() -> None:
    came = Stage(mcp=TOOLS).update(tools=[tool("other")])
    assert came[-1]["type"] == "mcp_list_tools.failed"
    assert came[-1]["item_id"] == came[1]["item"]["id"]


@keeps("mcp-address")
def test_a_server_needs_an_address() -> None:
    nowhere = {"type": "mcp", "server_label": "docs"}
    stage = Stage(mcp=TOOLS)
    came = stage.update(tools=[{**tool(), "server_label": "other"}, nowhere])
    assert stage.names(came) == ["error"]
    error = stage.error()
    assert (error["code"], error["param"], error["message"]) == (
        "missing_required_parameter",
        "session.tools[1].server_url",
        "Missing required parameter: 'session.tools[1].server_url'.",
    )
    named = Stage(mcp=TOOLS)
    named.update(tools=[tool()])
    again = named.update(tools=[nowhere])  # its label alone, once it is defined (openai.md#135)
    assert again[0]["session"]["tools"] == [tool()]
    named.send("response.create", response={"tools": [nowhere]})
    assert named.of("error") == []
    for address in ("server_url", "connector_id", "tunnel_id"):
        came = Stage(mcp=TOOLS).update(tools=[{**nowhere, address: "connector_gmail"}])
        assert came[0]["type"] == "session.updated"


@keeps("mcp-call")
def test_a_call_is_made_by_the_provider() -> None:
    for error in (None, "no such page"):
        call = McpCall("docs", "search", {"q": "tea"}, output="two pages", error=error)
        stage = Stage(replier=Scripted([call, "done"]))
        done = stage.ask("look", tools=[tool(require_approval="never")])
        assert stage.names()[3:] == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.mcp_call_arguments.delta",
            "response.mcp_call_arguments.done",
            "response.mcp_call.in_progress",
            f"response.mcp_call.{'failed' if error else 'completed'}",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        item = done["output"][0]
        assert item["output"] == (None if error else "two pages")
        assert (item["error"] or {}).get("message") == error
        stage.ask()
        assert ("two pages" in stage.contexts[1].words()) is (error is None)


@keeps("mcp-approval")
def test_a_call_that_needs_approval_is_asked_for_first() -> None:
    call = McpCall("docs", "search", {"q": "tea"}, output="two pages")
    stage = Stage(replier=Scripted([call] * 3))
    request = stage.ask("look", tools=[tool()])["output"][0]
    assert request["type"] == "mcp_approval_request"
    assert request["arguments"] == '{"q": "tea"}'
    for approve, then in ((False, "mcp_approval_request"), (True, "mcp_call")):
        answer = {
            "type": "mcp_approval_response",
            "approval_request_id": request["id"],
            "approve": approve,
        }
        stage.send("conversation.item.create", item=answer)
        assert stage.ask(tools=[tool()])["output"][0]["type"] == then


def test_thousands_of_servers_are_listed_in_bursts_and_once() -> None:
    labels = [f"server{number}" for number in range(1_000)]
    stage = Stage(check=False)
    came = stage.update(tools=[tool(label) for label in labels])
    assert len(came) < 200  # others are served before the rest comes
    again = stage.update(tools=[{"type": "mcp", "server_label": label} for label in labels])
    assert stage.names(again) == ["session.updated"]  # those that are still to come are asked already
    stage.wait(10_000)
    listed = [body["item"] for body in stage.of("conversation.item.added")]
    assert [item["server_label"] for item in listed] == labels
    assert stage.of("conversation.item.added")[-1]["previous_item_id"] == listed[-2]["id"]
    assert len(stage.of("mcp_list_tools.failed")) == len(labels)


def test_the_labels_that_are_known_are_looked_through_once_for_all_servers() -> None:
    known = _Counted(["one", "two", "three"])
    check_tools([{"type": "mcp", "server_label": label} for label in ("one", "two", "three")], known, "session.tools")
    assert known.looks == 1


class _Counted(list[str]):
    looks = 0

    def __iter__(self) -> Iterator[str]:
        self.looks += 1
        return super().__iter__()
