"""Every example runs, with the demo model, on a machine without a network."""

import os
import subprocess
import sys

import pytest

from tests.support.installation import OURS, ROOT

EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py") if path.stem != "common")
SAID = {
    "broker_examples": "42",
    "broker_as_tool": "asked somebody else",
    "chat_session": "messages in all",
    "chat_session_with_tool": "next Friday",
    "coding_file_tool": "Hello, Parley!",
    "current_datetime": "It is",
    "design_analysis": "agents/tools/definition.py",
    "embeddings": "256 dimensions",
    "ensures_files_exist": "missing.md",
    "ephemeral_task_manager": "▶ 1. Write the first draft",
    "file_deduplication": "2 files are the same",
    "file_tool": "Hello from a file.",
    "image_analysis": "demo model",
    "list_models": "demo: demo/assistant",
    "model_characterization": "objects",
    "oversized_embeddings": "length 1.000",
    "parallel_tool_calls": "42",
    "raw": '"max_tokens": 100',
    "simple_llm": "demo model",
    "simple_structured": "demo (1.5)",
    "simple_tool": "next Friday",
    "streaming": "391",
    "tell_user": "told: Half of it is done.",
    "tokenizer": "6 tokens",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs(name: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not OURS.match(key)}

    done = subprocess.run(  # noqa: S603
        [sys.executable, f"examples/{name}.py"],
        cwd=ROOT,
        env=environment,
        input="What date is next Friday?\n\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert SAID[name] in done.stdout


def test_every_example_is_expected_to_say_something() -> None:
    assert sorted(SAID) == EXAMPLES
