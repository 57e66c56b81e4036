"""The files for many machines fit their schema and our commands."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TOOL = shutil.which("docker-compose")


@pytest.mark.skipif(TOOL is None, reason="docker-compose is not installed; .ci/run installs it")
def test_the_compose_file_fits_its_schema() -> None:
    assert TOOL is not None
    environment = {"PATH": "/usr/bin:/bin", "SECRET_KEY": "x", "POSTGRES_PASSWORD": "x"}
    done = subprocess.run(  # noqa: S603
        [TOOL, "-f", str(ROOT / "docker-compose.yml"), "config", "-q"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_topology_is_complete() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    assert set(services) == {
        "postgres",
        "redis",
        "migrate",
        "web",
        "worker",
        "beat",
        "telegram",
        "flower",
    }
    for name in ("web", "worker", "beat", "flower"):
        assert {"migrate"} <= set(services[name]["depends_on"])
        assert services[name]["environment"]["DATABASE_URL"].startswith("postgres://")
