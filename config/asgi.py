"""The ASGI application: pages and REST by Django, sockets by Channels."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter

from chat import mcp
from chat.routing import websocket_application


async def http_application(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
    """Hand a request to who answers it: MCP clients have a door of their own."""
    answer: Any = mcp.application if scope["path"].rstrip("/") == "/mcp" else django_application
    await answer(scope, receive, send)


application = ProtocolTypeRouter({"http": http_application, "websocket": websocket_application})
