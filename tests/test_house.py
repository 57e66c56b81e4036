"""The rules of the house that no linter knows."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "telegram_bot", "chat", "agents", "tracer")
MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 60


def modules() -> Iterator[Path]:
    for package in (*PACKAGES, "tests", "benchmarks"):
        yield from (p for p in (ROOT / package).rglob("*.py") if "migrations" not in p.parts)


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_small(path: Path) -> None:
    text = path.read_text()

    assert len(text.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, node.name


def loaded(code: str) -> set[str]:
    """Run code in a bare process and return the names of the modules it has loaded."""
    program = f"{code}\nimport sys; print(' '.join(sys.modules))"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_a_web_process_has_not_loaded_the_heavy_packages() -> None:
    assert not {"litellm", "tiktoken", "openai"} & loaded("import config.asgi")


def test_a_worker_has_not_loaded_litellm_before_it_is_needed() -> None:
    code = "import config.asgi; from config.celery import app; app.loader.import_default_modules()"

    assert "litellm" not in loaded(code)


def test_the_library_has_not_loaded_the_web() -> None:
    code = "import agents.runner, agents.llm, agents.tools.registry, agents.tools.execution"

    assert not {"django", "celery", "channels", "ninja", "redis", "litellm"} & loaded(code)


def test_requirements_name_no_place_and_have_hashes() -> None:
    for name in ("runtime", "dev"):
        text = (ROOT / f"requirements/{name}.txt").read_text()
        assert "http" not in text.replace("httpcore", "").replace("httptools", "").replace(
            "httpx-sse", ""
        ).replace("httpx2", "").replace("httpx", "").replace("aiohttp", "")
        pins = [line for line in text.splitlines() if line and not line.startswith(" ")]
        assert all("==" in pin and pin.endswith("\\") for pin in pins)
