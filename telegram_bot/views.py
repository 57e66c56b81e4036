"""The page that links Telegram accounts with the person who looks at it."""

from typing import Any

import segno
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chat.models import User
from telegram_bot import identity, links
from telegram_bot.models import Account

QR_SCALE = 5


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest) -> HttpResponse:
    """Show who is linked; make a code that links one more."""
    bot = identity.known()
    shown: dict[str, Any] = {
        "accounts": Account.objects.filter(user=_person(request)),
        "switched_on": bool(settings.TELEGRAM_BOT_TOKEN),
        "bot": bot,
    }
    if request.method == "POST" and settings.TELEGRAM_BOT_TOKEN:
        code = links.make_code(_person(request))
        shown |= {"code": code, "minutes": links.CODE_TIME.seconds // 60}
        if bot is not None and bot.username:
            address = links.deep_link(bot.username, code)
            shown |= {"address": address, "qr": _qr(address)}
    return render(request, "telegram/link.html", shown)


@login_required
@require_POST
def unlink(request: HttpRequest, account: int) -> HttpResponse:
    """Have an account stand for this person no more."""
    links.unlink(get_object_or_404(Account, pk=account, user=_person(request)))
    return redirect("telegram")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  (they are signed in)
    return request.user


def _qr(address: str) -> SafeString:
    """Draw an address as a QR code, in SVG."""
    drawn = segno.make(address, error="m").svg_inline(
        scale=QR_SCALE, border=3, dark="#000", light="#fff"
    )
    return mark_safe(drawn)  # noqa: S308  (drawn here, from an address of ours)
