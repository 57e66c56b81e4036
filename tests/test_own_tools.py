"""A package of somebody else's, written as docs/tools.md says, adds a tool."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support.installation import OURS, ROOT

ASK = """
from agents.llm import Asking, Broker
from agents.tools.registry import registry

reply = Broker().generate("demo/x", 'roll_dice({"sides": 1})', Asking(registry.all()))
print(reply.content)
"""


def test_a_tool_is_added_in_ten_lines(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    (project,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    module = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[1]
    points = tomllib.loads(project)["project"]["entry-points"]["parley.tools"]
    assert len([line for line in module.splitlines() if line.strip()]) <= 10
    (tmp_path / "parley_dice.py").write_text(module, encoding="utf-8")
    installed = tmp_path / "parley_dice-1.0.dist-info"  # what installing it leaves
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: parley-dice\nVersion: 1.0\n")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (installed / "entry_points.txt").write_text(f"[parley.tools]\n{lines}")
    environment = {key: value for key, value in os.environ.items() if not OURS.match(key)}
    environment["PYTHONPATH"] = f"{tmp_path}:{ROOT}"

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ASK],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "`roll_dice`: 1" in done.stdout
