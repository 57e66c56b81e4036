"""Where Telegram sends updates to: checked, kept, and answered at once. The bot handles them."""

import hmac
import json
from typing import Any

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from telegram_bot import inbox
from telegram_bot.identity import webhook_secret

HEADER = "X-Telegram-Bot-Api-Secret-Token"
MOST_BYTES = 1_000_000

logger = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Take an update in. What can't be read is answered all the same, or it would come again."""
    if not (settings.TELEGRAM_BOT_TOKEN and settings.TELEGRAM_WEBHOOK_URL):
        raise Http404
    given = request.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode(), webhook_secret().encode()):
        return JsonResponse({"ok": False}, status=403)
    update = _readable(request.body)
    if update is None:
        logger.warning("update_not_readable", size=len(request.body))
    else:
        inbox.keep([update])
    return JsonResponse({"ok": True})


def _readable(body: bytes) -> dict[str, Any] | None:
    if len(body) > MOST_BYTES:
        return None
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    number = content.get("update_id") if isinstance(content, dict) else None
    return content if isinstance(number, int) and not isinstance(number, bool) else None
