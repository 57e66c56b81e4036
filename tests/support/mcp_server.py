"""An MCP server, by the official package: `python -m tests.support.mcp_server [port]`.

Without a port it speaks over its standard streams.
"""

import os
import sys
from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

server = MCPServer("stand-in")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: Annotated[int, Field(description="The other one.", ge=0)] = 1) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def fail(reason: str) -> str:
    """Fail."""
    raise ToolError(reason)


@server.tool(name="tell.environment")
def tell_environment(name: str) -> str:
    """Tell a variable of the environment, and the process."""
    return f"{name}={os.environ.get(name)} in {os.getpid()}"


@server.tool()
def end() -> str:
    """End this server in the middle of the call."""
    os._exit(3)


def main() -> None:
    """Serve."""
    if len(sys.argv) == 1:
        server.run("stdio")
        return
    import uvicorn  # noqa: PLC0415  (for those who want a port)

    application = server.streamable_http_app()

    async def guarded(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        if scope["type"] == "http":
            given = Request(scope).headers.get("authorization")
            if given != "Bearer the-token":
                refused: Response = JSONResponse({"error": "no"}, status_code=401)
                await refused(scope, receive, send)
                return
        await application(scope, receive, send)

    uvicorn.run(guarded, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
