"""A model server that nobody here wrote: LiteLLM's proxy, in an environment of its own."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support import needs
from tests.support.installation import ROOT, free_port, wait_until

START_SECONDS = 60
KEY = "sk-of-the-proxy"


@contextmanager
def serving(folder: Path, upstream: str) -> Iterator[str]:
    """Serve models that the scripted server is behind; yield the base URL.

    Args:
        folder: Where its configuration and its log go.
        upstream: The scripted server's address, without a path.
    """
    program = needs.program(
        str(ROOT / ".venv-proxy" / "bin" / "litellm"), hint="`make proxy` installs it"
    )
    relayed = {"model": "openai/stand-in", "api_base": f"{upstream}/v1", "api_key": "none"}
    ollama = {"model": "ollama_chat/stand-in", "api_base": upstream}
    written = {
        "model_list": [
            {"model_name": "relayed", "litellm_params": relayed},
            {"model_name": "from-ollama", "litellm_params": ollama},
        ],
        "general_settings": {"master_key": KEY},
        "router_settings": {"disable_cooldowns": True, "num_retries": 0},
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }
    config, port = folder / "config.yaml", free_port()
    config.write_text(json.dumps(written))  # (all JSON is YAML)
    arguments = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    environment = {"PATH": os.environ["PATH"], "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603
            arguments, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_until(lambda: _is_up(port), seconds=START_SECONDS, what="the proxy")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(20)


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/liveliness").is_success
    except httpx.TransportError:
        return False
