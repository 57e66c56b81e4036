"""Running a program that the model has written."""

from typing import Annotated

from pydantic import Field, JsonValue

from agents.text import clean
from agents.tools import sandbox
from agents.tools.context import ToolContext
from agents.tools.definition import tool

MOST_SECONDS = 60
MOST_CODE = 100_000


@tool(timeout_seconds=MOST_SECONDS + 30, in_order=True)
def code_runner(
    context: ToolContext,
    code: Annotated[str, Field(max_length=MOST_CODE, description="A Python program.")],
    seconds: Annotated[int, Field(ge=1, le=MOST_SECONDS, description="How long it may take.")] = 20,
) -> dict[str, JsonValue]:
    """Run a Python program and return what it prints.

    It has the standard library and the files of the workspace, in the folder it begins in; files
    that it writes there are kept. It has no network.
    """
    done = sandbox.run(code, seconds=seconds, context=context)
    told: dict[str, JsonValue] = {
        "exit_code": done.exit_code,
        "stdout": clean(done.stdout),
        "stderr": clean(done.stderr),
        "sandbox": sandbox.NAME,
    }
    if done.ended:
        told["ended"] = done.ended
    if done.changed:
        told["files_written"] = list(done.changed)
    if done.refused:
        told["files_not_kept"] = list(done.refused)
    return told
