"""What the database says beforehand of how it will find rows.

Without statistics SQLite chooses alike for few rows and for millions, so a small database shows
what would be slow in a large one.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

TABLES = (
    "chat_message|chat_run|chat_lease|chat_delivery|chat_attachment|tracer_traceevent"
    "|telegram_bot_incoming|telegram_bot_post|telegram_bot_shown"
    r"|[T-W]\d"  # what Django calls the tables of queries in queries
)
ALL_OF_IT = r"(thread_id|stream|kind|chat_id)=\?"
BY_ALL = re.compile(
    rf"SCAN ({TABLES})\b|SEARCH ({TABLES}) USING (COVERING )?INDEX \w+ \({ALL_OF_IT}\)"
)
FIRST_ONES = re.compile(  # read in the index's order, and no further
    r'WHERE "chat_message"."thread_id" = %s ORDER BY "chat_message"."seq" ASC.* LIMIT'
)

Execute = Callable[..., object]


@contextmanager
def of_everything() -> Iterator[list[str]]:
    """Collect the queries that look at all rows of a thread, of a chat, or of everybody."""
    slow: list[str] = []

    def look(execute: Execute, sql: str, params: object, *more: Any) -> object:
        if sql.startswith("SELECT"):
            cursor = connection.cursor().cursor  # the one below, which this wrapper doesn't see
            cursor.execute("EXPLAIN QUERY PLAN " + sql, params or ())
            plan = [row[3] for row in cursor if not FIRST_ONES.search(sql)]
            slow.extend(f"{step}: {sql}" for step in plan if BY_ALL.search(step))
        return execute(sql, params, *more)

    with connection.execute_wrapper(look):
        yield slow
