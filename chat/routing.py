"""The addresses of sockets."""

from typing import Any

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.urls import path

from chat.consumers import ThreadConsumer
from chat.sockets import with_user

_routes: list[Any] = [  # (Django's stubs know views, not sockets)
    path("ws/threads/<str:thread>/", ThreadConsumer.as_asgi()),  # type: ignore[arg-type]
    path("<path:elsewhere>", WebsocketDenier.as_asgi()),  # type: ignore[arg-type]
]

websocket_application = with_user(URLRouter(_routes))
