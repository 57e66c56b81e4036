"""MCP servers that were set up in the admin: what they offer, and what of that was accepted.

A server's descriptions are text that a model will read, so a person looks first: what a server
offers counts once it was accepted, and what it changes later does not until it was accepted again.
"""

import os
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.utils import timezone

from agents.errors import ToolError
from agents.models import McpServer
from agents.tools import Tool, mcp
from agents.tools.mcp import SEPARATOR, RemoteTool


def refresh(row: McpServer) -> None:
    """Ask a server what it offers. The first time that is accepted; later changes wait."""
    row.asked_at = timezone.now()
    try:
        offered = [each.model_dump() for each in mcp.list_tools(address_of(row))]
    except (ToolError, TimeoutError) as error:
        row.problem = str(error) or "It did not answer in time."
    else:
        row.problem = ""
        row.offered = offered
        if not row.accepted:
            row.accepted = offered
    row.save()


def accept(row: McpServer) -> None:
    """Let what a server offers now count."""
    row.accepted = row.offered
    row.save()


def changes(row: McpServer) -> list[str]:
    """Return what a server offers differently from what was accepted, for people."""
    accepted = {each["name"]: each for each in row.accepted}
    offered = {each["name"]: each for each in row.offered}
    new, gone = offered.keys() - accepted.keys(), accepted.keys() - offered.keys()
    found = [f"new: {name}: {offered[name]['description']}" for name in new]
    found += [f"gone: {name}" for name in gone]
    for name in offered.keys() & accepted.keys():
        now, before = offered[name], accepted[name]
        found += [
            f"changed: {name}, {part}: {before[part]!r} is now {now[part]!r}"
            for part in sorted(now)
            if now[part] != before.get(part)
        ]
    return sorted(found)


def tools_named(names: Iterable[str]) -> list[Tool]:
    """Return those of the servers' accepted tools that have one of these names."""
    wanted = {name for name in names if SEPARATOR in name}
    return [tool for tool in all_tools() if tool.name in wanted] if wanted else []


def all_tools() -> Iterator[Tool]:
    """Yield the accepted tools of all servers that are switched on."""
    for row in McpServer.objects.filter(active=True):
        server = address_of(row)
        for each in row.accepted:
            try:
                yield mcp.tool_of(server, RemoteTool.model_validate(each))
            except ValueError:
                continue  # a schema that is none


def address_of(row: McpServer) -> mcp.McpServer:
    """Return where a server is, with its token from the environment."""
    if not row.url:
        command = settings.MCP_COMMANDS.get(row.slug, ())
        return mcp.McpServer(row.slug, command=tuple(command))
    token = os.environ.get(row.token_variable, "") if row.token_variable else ""
    headers = (("Authorization", f"Bearer {token}"),) if token else ()
    return mcp.McpServer(row.slug, url=row.url, headers=headers)
