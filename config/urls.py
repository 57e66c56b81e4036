"""All addresses: pages, admin, REST, health."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from chat.api.openai import views as openai
from chat.views import pages, signin
from config.api import api
from config.health import healthz, readyz
from config.metrics import metrics
from config.problems import no_such_path
from telegram_bot import views as telegram
from telegram_bot.webhook import webhook

urlpatterns = [
    path("", pages.home, name="home"),
    path("signin/", signin.signin, name="signin"),
    path("signout/", signin.signout, name="signout"),
    path("threads/<uuid:thread_id>/", pages.thread, name="thread"),
    path("threads/<uuid:thread_id>/archive/", pages.archive, name="archive"),
    path("threads/import/", pages.import_threads, name="import"),
    path("threads/<uuid:thread_id>/delete/", pages.delete, name="delete"),
    path("threads/<uuid:thread_id>/export/", pages.export, name="export"),
    path("threads/<uuid:thread_id>/rename/", pages.rename, name="rename"),
    path("threads/<uuid:thread_id>/fork/", pages.fork, name="fork"),
    path("threads/<uuid:thread_id>/at/", pages.moment, name="thread-moment"),
    path("threads/<uuid:thread_id>/at/<int:seq>/", pages.at, name="thread-at"),
    path("admin/login/", signin.signin),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    re_path(r"^api/v1/.*", csrf_exempt(no_such_path)),
    path("v1/models", openai.models),
    path("v1/models/<path:name>", openai.model),
    path("v1/chat/completions", openai.chat_completions),
    path("v1/embeddings", openai.embeddings),
    path("v1/<path:path>", csrf_exempt(openai.nothing)),
    path("telegram/", telegram.link, name="telegram"),
    path("telegram/<int:account>/unlink/", telegram.unlink, name="telegram-unlink"),
    path("telegram/webhook/", webhook, name="telegram-webhook"),
    path("favicon.ico", RedirectView.as_view(url=static("chat/icon.svg"))),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
