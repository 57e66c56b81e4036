"""The ASGI application: pages and REST by Django, sockets by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter

from chat.routing import websocket_application

application = ProtocolTypeRouter({"http": django_application, "websocket": websocket_application})
