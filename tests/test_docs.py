"""The docs say what the code has, and their examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import reverse

from agents.tools.registry import registry
from chat import errors
from config.api import api
from config.env import Env
from tracer.events import kinds

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = (ROOT / "docs/reference.md").read_text()
DOCS = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks/README.md"]
OURS = {"config", "chat", "agents", "tracer", "telegram_bot"}


def examples() -> list[str]:
    return [
        code
        for path in DOCS
        for code in re.findall(r"^```python\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
    ]


def test_every_setting_has_its_line() -> None:
    for name, field in Env.model_fields.items():
        assert f"| `{name.upper()}` |" in REFERENCE
        assert f"| {field.description} |" in REFERENCE


def test_every_kind_of_event_has_its_line() -> None:
    for kind in kinds():
        if not kind.startswith("test."):
            assert f"| `{kind}` |" in REFERENCE


def test_every_command_has_its_line() -> None:
    for name, app in get_commands().items():
        if app in OURS:
            assert re.search(rf"\| `{name}\b", REFERENCE), name


def test_every_tool_has_its_line() -> None:
    for tool in registry.all():
        assert f"| `{tool.name}` |" in REFERENCE
        for alias in tool.aliases:
            assert f"`{alias}`" in REFERENCE


def test_every_rest_path_has_its_line() -> None:
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method in methods:
            assert f"| `{method.upper()} {path}` |" in REFERENCE
    assert reverse("readyz") in REFERENCE


def test_every_error_code_has_its_line() -> None:
    codes = {each.code for each in vars(errors).values() if hasattr(each, "code")}
    for code in codes - {"chat_error", "bad_request", "lease_lost"}:
        assert f"`{code}`" in REFERENCE, code


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("code", examples(), ids=lambda code: code.split("\n", 1)[0])
def test_examples_run(code: str) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
