"""The environment, read once and typed. An error names the variable."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r"\d{3,20}:[\w-]{20,100}")
OPENAI_URL = "https://api.openai.com/v1"


class ConfigError(Exception):
    """A setting is wrong; the sentence names it. For whoever operates Parley."""


class Env(BaseSettings):
    """Every setting, with the sentence that stands in `.env.example`."""

    model_config = SettingsConfigDict(
        env_file=BASE_DIR / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    parley_data_dir: Path = Field(
        default=BASE_DIR / "var", description="Where the database, the key and Redis' files lie."
    )
    parley_host: str = Field(
        default="127.0.0.1", description="The address to listen on; 0.0.0.0 for every network."
    )
    parley_port: int = Field(default=8000, ge=1, le=65535, description="The port to listen on.")
    parley_server: Literal["daphne", "uvicorn"] = Field(
        default="uvicorn", description="The ASGI server: uvicorn or daphne."
    )
    parley_workers: int = Field(
        default=1, ge=1, description="How many worker processes to run on this machine."
    )
    parley_owner: str = Field(default="owner", description="The name of the first user.")
    secret_key: SecretStr | None = Field(
        default=None, description="Signs sessions; made and kept in the data folder if left out."
    )
    debug: bool = Field(default=False, description="Shows errors in the browser; never in public.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("127.0.0.1", "localhost", "[::1]"),
        description="The names that Parley is reached by, separated by commas.",
    )
    csrf_trusted_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins behind a proxy, such as https://chat.example.org."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins whose pages may use the REST API, with an API key."
    )
    api_requests_per_minute: int = Field(
        default=1_200, ge=1, description="How often an API key may come in a minute."
    )
    time_zone: str = Field(default="UTC", description="The time zone of people and of tools.")
    database_url: str = Field(
        default="", description="postgres://user:password@host/name; SQLite if left out."
    )
    redis_url: str = Field(
        default="", description="redis://host:6379/0; a Redis of Parley's own if left out."
    )
    openai_api_key: SecretStr = Field(
        default=SecretStr(""), description="The key for models named openai/…"
    )
    openai_base_url: str = Field(
        default="", description="Any OpenAI-compatible server: vLLM, llama-swap, LM Studio …"
    )
    openai_model: str = Field(
        default="", description="The first agent's model there; the server's first if left out."
    )
    anthropic_api_key: SecretStr = Field(
        default=SecretStr(""), description="The key for models named anthropic/…"
    )
    anthropic_model: str = Field(
        default="claude-sonnet-4-5", description="The model of the first Anthropic agent."
    )
    ollama_host: str = Field(
        default="", description="Where Ollama listens, such as http://127.0.0.1:11434."
    )
    llm_connect_seconds: float = Field(
        default=10, gt=0, description="How long to wait for a connection to a model server."
    )
    llm_first_token_seconds: float = Field(
        default=180, gt=0, description="How long to wait for the first token; it may load first."
    )
    llm_between_tokens_seconds: float = Field(
        default=60, gt=0, description="How long to wait for each further token."
    )
    llm_retries: int = Field(
        default=2, ge=0, le=10, description="How often to ask a model server again that fails."
    )
    llm_rate_limits: Annotated[dict[str, int], NoDecode] = Field(
        default={},
        description="Calls a minute by a model's prefix, for all workers: openai=60,anthropic=30.",
    )
    llm_cache_seconds: int = Field(
        default=0,
        ge=0,
        description="How long the same question gets the same answer; 0: never.",
    )
    transcription_model: str = Field(
        default="", description="Who listens to voice messages, such as openai/whisper-1."
    )
    telegram_bot_token: SecretStr = Field(
        default=SecretStr(""), description="The bot's token, from @BotFather; no bot without it."
    )
    telegram_webhook_url: str = Field(
        default="",
        description="Parley's own https address, for Telegram to send to; asked for if left out.",
    )
    telegram_api_url: str = Field(
        default="https://api.telegram.org",
        description="Where the Bot API is: Telegram's, or yours.",
    )
    message_max_bytes: int = Field(
        default=100_000, ge=1, description="The longest message a person may send, in bytes."
    )
    attachment_max_bytes: int = Field(
        default=10_000_000, ge=1, description="The largest file that goes with a message, in bytes."
    )
    context_tokens: int = Field(
        default=32_768,
        ge=1_000,
        description="How much a model is shown at most, in tokens; what is older is summarised.",
    )
    search_backend: Literal["", "brave", "duckduckgo", "searxng", "serpapi"] = Field(
        default="", description="Who searches the web for tools."
    )
    search_url: str = Field(
        default="", description="Where that is, such as a SearXNG of one's own."
    )
    search_api_key: SecretStr = Field(default=SecretStr(""), description="The key that it wants.")
    embedding_models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("demo/embedding",),
        description="Models that /v1/embeddings offers, by name, separated by commas.",
    )
    private_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(), description="Networks that tools may reach beside the public one: 10.1.0.0/16."
    )
    mcp_tools: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Tools that /mcp offers, by name, separated by commas."
    )
    mcp_commands: dict[str, tuple[str, ...]] = Field(
        default={},
        description='MCP servers that Parley starts, by slug, in JSON: {"files": ["cmd", "arg"]}.',
    )
    skills_dirs: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="More folders with skills, separated by commas; they count first."
    )
    import_max_bytes: int = Field(
        default=20_000_000, ge=1_000, description="The largest file of threads, in bytes."
    )
    hook_max_bytes: int = Field(
        default=256_000, ge=1, description="The most that a program may publish at once, in bytes."
    )
    queue_per_thread: int = Field(
        default=50, ge=1, description="How many answers may be on their way in one thread."
    )
    queue_per_owner: int = Field(
        default=300, ge=1, description="How many answers may be on their way for one person."
    )
    queue_total: int = Field(
        default=2_000, ge=1, description="How many answers may be on their way for everybody."
    )
    approval_hours: float = Field(
        default=24, gt=0, description="How long a run waits for a person to decide, in hours."
    )
    shutdown_seconds: float = Field(
        default=4, ge=0, description="How long runs may finish when a worker is told to end."
    )
    slow_client_seconds: float = Field(
        default=20, gt=0, description="How long a client may take for a frame before it is let go."
    )
    thread_titles: bool = Field(
        default=True, description="Whether the agent names a thread after its first answer."
    )
    worker_threads: int = Field(
        default=256, ge=1, description="How many runs one worker process carries at once."
    )
    signin_minutes: int = Field(
        default=60, ge=1, description="How long a sign-in link is good, in minutes."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @field_validator(
        "allowed_hosts",
        "csrf_trusted_origins",
        "cors_origins",
        "embedding_models",
        "mcp_tools",
        "private_networks",
        "skills_dirs",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("llm_rate_limits", mode="before")
    @classmethod
    def _limits(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        limits = {name.strip(): number.strip() for name, _, number in pairs}
        if not all(number.isdecimal() and int(number) > 0 for number in limits.values()):
            msg = "it is like openai=60,anthropic=30: whole numbers above 0"
            raise ValueError(msg)
        return limits

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or parts.netloc != origin.partition("//")[2]:
                msg = "they are like https://chat.example.org, separated by commas"
                raise ValueError(msg)
        return value

    @field_validator("telegram_bot_token")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not TOKEN.fullmatch(value.get_secret_value()):
            msg = "it is like 123456789:AA…, as @BotFather gives it"
            raise ValueError(msg)
        return value

    @field_validator("telegram_webhook_url")
    @classmethod
    def _is_https(cls, value: str) -> str:
        if value and not value.startswith("https://"):
            msg = "it begins with https://; Telegram sends nowhere else"
            raise ValueError(msg)
        return value.rstrip("/")

    @field_validator("openai_base_url", "ollama_host", "telegram_api_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            msg = "it begins with http:// or https://"
            raise ValueError(msg)
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            msg = "it begins with redis://, rediss:// or unix://"
            raise ValueError(msg)
        return value

    @property
    def llm_endpoints(self) -> dict[str, tuple[str, str]]:
        """Model servers by the prefix of their models: address and key."""
        found: dict[str, tuple[str, str]] = {}
        key = self.openai_api_key.get_secret_value()
        if self.openai_base_url or key:
            found["openai"] = (self.openai_base_url or OPENAI_URL, key)
        if self.ollama_host:
            found["ollama"] = (self.ollama_host, "")
        return found


def read_env() -> Env:
    """Read the environment and `.env`.

    Raises:
        ConfigError: A variable's value doesn't fit; the sentence names it.
    """
    try:
        return Env()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "The environment"
        message = first["msg"].removeprefix("Value error, ")
        msg = f"The setting {name} is wrong: {message}. It is explained in .env.example."
        raise ConfigError(msg) from error
