"""What a table of shapes cannot say of tools: names of functions, and remote servers with and without an address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mockserver.engines.simulator.openai import problems

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
ADDRESSES = ("server_url", "connector_id", "tunnel_id")


def check_tools(tools: Sequence[Mapping[str, Any]], known: Iterable[str], param: str) -> None:
    """Raise what is wrong with them. ``known``: labels of servers that the session has already.

    Functions: openai.md#43. Servers: a label that is new needs an address (openai.md#135); what else the guide refuses
    is openai.md#136.
    """
    labels: set[str] = set()
    there = frozenset(known)
    for number, tool in enumerate(tools):
        place = f"{param}[{number}]"
        if tool.get("type") != "mcp":
            name = tool.get("name")
            if isinstance(name, str) and not _NAME.fullmatch(name):
                raise problems.bad_function_name(f"{place}.name")
            continue
        label = tool.get("server_label") or ""
        if label in labels:
            raise problems.clashing_tools(f"the label '{label}' is used twice.", f"{place}.server_label")
        labels.add(label)
        if not any(tool.get(name) for name in ADDRESSES) and label not in there:
            raise problems.missing(f"{place}.{ADDRESSES[0]}")
        if tool.get("server_url") and tool.get("connector_id"):
            raise problems.clashing_tools("give a server_url or a connector_id, not both.", f"{place}.connector_id")
        headers = tool.get("headers")
        authorized = isinstance(headers, Mapping) and any(name.lower() == "authorization" for name in headers)
        if tool.get("authorization") and authorized:
            raise problems.clashing_tools("the header Authorization is given twice.", f"{place}.authorization")


def with_addresses(tools: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tools in which a server that is named by its label alone is the one that was there before (openai.md#135)."""
    known = labelled(before)
    return [
        {**known[tool["server_label"]], **tool}
        if tool.get("type") == "mcp" and tool.get("server_label") in known
        else dict(tool)
        for tool in tools
    ]


def labelled(tools: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The remote servers among them, by label."""
    return {str(tool.get("server_label")): tool for tool in tools if tool.get("type") == "mcp"}
