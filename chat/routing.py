"""The addresses of sockets."""

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.urls import path

from chat.consumers import ThreadConsumer
from chat.sockets import with_user

websocket_application = with_user(
    URLRouter(
        [
            path("ws/threads/<str:thread>/", ThreadConsumer.as_asgi()),
            path("<path:elsewhere>", WebsocketDenier.as_asgi()),
        ]
    )
)
