"""A worker that lives, and is given no tasks any more: nobody has to restart it."""

import time
from pathlib import Path

from tests.acceptance.talker import Talker
from tests.support.installation import running

DEAF = """
from config.celery import app
print(app.control.cancel_consumer("celery", reply=True, timeout=5))
"""


async def test_a_deaf_worker_is_replaced_by_itself(tmp_path: Path) -> None:
    with running(tmp_path, THREAD_TITLES="false") as parley:
        before = parley.child("worker").pid
        assert "no longer consuming" in parley.command("shell", "-c", DEAF).stdout
        talker = Talker(parley.url, parley.api_key())
        async with talker.open(talker.thread("demo")) as talk:
            await talk.until("ready")
            said_at = time.monotonic()
            await talk.say("hello")
            await talk.until("run.completed")

        assert parley.child("worker").pid != before
        assert time.monotonic() - said_at < 30
        assert any("worker_hears_nothing" in line for line in parley.lines)
