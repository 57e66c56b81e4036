"""Django's settings. Every value that differs between installations comes from `env.py`."""

import os
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from corsheaders.defaults import default_headers

from config import folder, logs
from config.env import BASE_DIR, ConfigError, read_env

django_stubs_ext.monkeypatch()  # typed forms and admins, such as ModelForm[Agent]

env = read_env()
DATA_DIR: Path = folder.prepare(env.parley_data_dir)

SECRET_KEY = env.secret_key.get_secret_value() if env.secret_key else folder.secret_key(DATA_DIR)
DEBUG = env.debug
ALLOWED_HOSTS = list(env.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(env.csrf_trusted_origins)

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "corsheaders",
    "ninja",
    "config",
    "tracer",
    "agents",
    "chat",
    "telegram_bot",
]
MIDDLEWARE = [
    "config.metrics.count_requests",
    "django.middleware.security.SecurityMiddleware",
    "config.security.content_security_policy",
    "config.security.rate_headers",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last, since it is synchronous: in front, each request would change threads three times.
    "whitenoise.middleware.WhiteNoiseMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Database ---------------------------------------------------------------------------------------

SQLITE: dict[str, Any] = {
    "ENGINE": "config.sqlite",
    "NAME": DATA_DIR / "parley.sqlite3",
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    },
}


def database(url: str) -> dict[str, Any]:
    """Return the database of a URL; SQLite in the data folder without one."""
    if not url:
        return SQLITE
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as error:
        msg = "The setting DATABASE_URL is wrong: it looks like postgres://user:password@host/name."
        raise ConfigError(msg) from error
    if found["ENGINE"] != "django.db.backends.postgresql":
        msg = "The setting DATABASE_URL is wrong: Parley runs on Postgres or, without it, SQLite."
        raise ConfigError(msg)
    pool = {"min_size": 1, "max_size": 20, "timeout": 20}
    return found | {"CONN_MAX_AGE": 0, "OPTIONS": {**found.get("OPTIONS", {}), "pool": pool}}


DATABASE_URL = env.database_url
DATABASES = {"default": database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People -----------------------------------------------------------------------------------------

AUTH_USER_MODEL = "chat.User"
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "signin"
OWNER_NAME = env.parley_owner
SIGNIN_SECONDS = env.signin_minutes * 60
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_SAMESITE = "Lax"

# Pages of other origins may ask with an API key, where that is set; never with a session.
CORS_ALLOWED_ORIGINS = list(env.cors_origins)
CORS_URLS_REGEX = r"^/(api/v1|v1)/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = [
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "x-parley-thread",
]
CORS_EXPOSE_HEADERS = [
    "ETag",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Parley-Thread",
]
IMPORT_MAX_BYTES = env.import_max_bytes
HOOK_MAX_BYTES = env.hook_max_bytes
DATA_UPLOAD_MAX_MEMORY_SIZE = max(IMPORT_MAX_BYTES, env.attachment_max_bytes, 2_500_000)
API_REQUESTS_PER_MINUTE = env.api_requests_per_minute

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Language, time, files --------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.time_zone
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / folder.STATIC
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# Redis, Celery ----------------------------------------------------------------------------------

REDIS_SOCKET: Path = folder.redis_socket(DATA_DIR)
REDIS_IS_OURS = not env.redis_url
REDIS_URL = env.redis_url or f"unix://{REDIS_SOCKET}"

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 12 * 3600,  # a lease decides who runs, not a second delivery
    "socket_connect_timeout": 2,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.1}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = env.worker_threads
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "resume-runs": {"task": "chat.tasks.resume_runs", "schedule": 10.0},
    "deliver-due": {"task": "chat.tasks.deliver_due", "schedule": 5.0},
}

# Models -----------------------------------------------------------------------------------------

LLM_ENDPOINTS = env.llm_endpoints
LLM_CONNECT_SECONDS = env.llm_connect_seconds
LLM_FIRST_TOKEN_SECONDS = env.llm_first_token_seconds
LLM_BETWEEN_TOKENS_SECONDS = env.llm_between_tokens_seconds
LLM_RETRIES = env.llm_retries
LLM_RATE_LIMITS = env.llm_rate_limits
LLM_CACHE_SECONDS = env.llm_cache_seconds
OPENAI_MODEL = env.openai_model
ANTHROPIC_API_KEY = env.anthropic_api_key.get_secret_value()
ANTHROPIC_MODEL = env.anthropic_model

# Chat -------------------------------------------------------------------------------------------

MESSAGE_MAX_BYTES = env.message_max_bytes
ATTACHMENT_MAX_BYTES = env.attachment_max_bytes
CONTEXT_TOKENS = env.context_tokens
SEARCH_BACKEND = env.search_backend
SEARCH_URL = env.search_url
SEARCH_API_KEY = env.search_api_key.get_secret_value()
EMBEDDING_MODELS = env.embedding_models
TRANSCRIPTION_MODEL = env.transcription_model
PRIVATE_NETWORKS = env.private_networks
MCP_COMMANDS = env.mcp_commands
MCP_TOOLS = env.mcp_tools
SKILLS_DIRS = (
    *env.skills_dirs,
    Path.cwd() / "skills",
    Path.cwd() / ".agents" / "skills",
    Path(os.path.expanduser("~")) / ".agents" / "skills",  # noqa: PTH111  (there may be no home)
    BASE_DIR / "skills",
)
QUEUE_PER_THREAD = env.queue_per_thread
QUEUE_PER_OWNER = env.queue_per_owner
QUEUE_TOTAL = env.queue_total
APPROVAL_HOURS = env.approval_hours
SLOW_CLIENT_SECONDS = env.slow_client_seconds
SHUTDOWN_SECONDS = env.shutdown_seconds
THREAD_TITLES = env.thread_titles

# Telegram ---------------------------------------------------------------------------------------

TELEGRAM_BOT_TOKEN = env.telegram_bot_token.get_secret_value()
TELEGRAM_WEBHOOK_URL = env.telegram_webhook_url
TELEGRAM_API_URL = env.telegram_api_url
TELEGRAM_LINK_URL = "https://t.me"

# Listening and logging --------------------------------------------------------------------------

HOST = env.parley_host
PORT = env.parley_port
ASGI_SERVER = env.parley_server
WORKERS = env.parley_workers
LOGGING_CONFIG = None
logs.configure(env.log_level)

UNFOLD = {
    "SITE_TITLE": "Parley",
    "SITE_HEADER": "Parley",
    "SITE_URL": "/",
    "SITE_SYMBOL": "forum",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
