"""What a test needs from the machine: skipped where it is missing, but never in CI."""

import os
import shutil

import pytest


def program(*names: str, hint: str) -> str:
    """Return the first program that is installed; skip, or in CI fail, without one."""
    for name in names:
        if found := shutil.which(name):
            return found
    reason = f"{names[0]} is not installed: {hint}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
