"""What time it is."""

from agents.errors import ToolError
from agents.tools.context import ToolContext
from agents.tools.definition import tool


@tool(timeout_seconds=5, idempotent=True, aliases=("get_current_datetime",))
def current_datetime(
    context: ToolContext, format_string: str = "%Y-%m-%d %H:%M:%S"
) -> dict[str, str | float]:
    """Tell the current date and time in the person's time zone.

    Args:
        context: The run.
        format_string: How to write it, in strftime codes.
    """
    now = context.now
    try:
        written = now.strftime(format_string)
    except ValueError as error:
        msg = f"{format_string!r} is no date format: {error}"
        raise ToolError(msg) from error
    return {
        "current_datetime": written,
        "timestamp": now.timestamp(),
        "timezone": context.time_zone.key,
    }
