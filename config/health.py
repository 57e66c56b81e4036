"""Whether this process lives, and whether it can work."""

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from tracer import live


def healthz(_: HttpRequest) -> JsonResponse:
    """Answer: the process lives."""
    return JsonResponse({"status": "ok"})


def readyz(_: HttpRequest) -> JsonResponse:
    """Answer whether the database and Redis can be reached; 503 if not."""
    faults: dict[str, str] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        faults["database"] = type(error).__name__
    try:
        live.connection().ping()
    except redis.RedisError as error:
        faults["redis"] = type(error).__name__
    status = "unavailable" if faults else "ok"
    return JsonResponse({"status": status, **faults}, status=503 if faults else 200)
