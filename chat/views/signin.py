"""Signing in by a link, and out."""

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from chat import credentials

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
def signin(request: HttpRequest) -> HttpResponse:
    """Tell who is signed out how to get in."""
    if request.user.is_authenticated:
        return redirect(_next(request))
    return render(request, "chat/signin.html", status=403)


def by_token(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in who has a good link; the link is used up."""
    user = credentials.redeem(token)
    if user is None:
        if request.user.is_authenticated:
            return redirect("home")  # somebody who is in already has opened their link again
        return render(request, "chat/signin.html", {"refused": True}, status=403)
    login(request, user, backend=BACKEND)
    return redirect(_next(request))


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    logout(request)
    return redirect("signin")


def _next(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}):
        return wanted
    return reverse("home")
