"""Talking to an agent in the terminal."""

import re

from tests.support.installation import Installation
from tests.support.stand_in import script

SETUP = """
from agents.models import Agent
more = {"name": "Terminal", "model": "openai/stand-in", "tools": ["calculator"]}
Agent.objects.update_or_create(slug="terminal", defaults=more)
"""


def test_an_answer_streams_to_the_terminal(parley: Installation) -> None:
    first = parley.command("chat", "What is 17*23?", "--agent", "demo")

    assert first.returncode == 0
    assert "391" in first.stdout
    assert "calculator" in first.stderr
    found = re.search(r"thread ([0-9a-f-]{36})", first.stderr)
    assert found is not None
    again = parley.command("chat", "7 words", "--thread", found[1])
    assert again.stdout == "word1 word2 word3 word4 word5 word6 word7\n"
    assert found[1] in again.stderr
    traced = parley.command("trace", found[1], "--kind", "run.completed")
    assert len(traced.stdout.splitlines()) == 2


def test_what_goes_wrong_is_told(parley: Installation) -> None:
    assert parley.command("shell", "-c", SETUP).returncode == 0
    failing = script(tokens=9, fail="drop", after=5)

    failed = parley.command("chat", failing, "--agent", "terminal")

    assert failed.returncode == 1
    assert "0:" in failed.stdout
    assert failed.stderr.strip()
    for arguments, told in (
        (["x", "--agent", "nobody"], "no active agent"),
        (["x", "--thread", "nonsense"], "is no thread"),
        (["x", "--user", "nobody"], "no active person"),
        (["  "], "empty"),
    ):
        refused = parley.command("chat", *arguments)
        assert refused.returncode == 1
        assert told in refused.stderr
