"""Settings of the tests: a folder of their own, and nothing from the person's environment."""

import os
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="parley-tests-"))
for name in list(os.environ):
    if name.startswith(("OPENAI_", "ANTHROPIC_", "OLLAMA_", "PARLEY_", "LLM_", "REDIS_")):
        del os.environ[name]
os.environ["PARLEY_DATA_DIR"] = str(FOLDER)
os.environ["LOG_LEVEL"] = "ERROR"

from config.env import BASE_DIR  # noqa: E402
from config.settings import *  # noqa: E402, F403  (settings are a module of names)
from config.settings import DATABASES  # noqa: E402

if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": FOLDER / "test.sqlite3"}  # threads share a file

SKILLS_DIRS = (BASE_DIR / "skills",)  # none of the person's own
WHITENOISE_USE_FINDERS = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
