"""What a worker process does beside its tasks: renew its leases, obey stops, pick up what is left.

Every worker looks after runs that nobody sees to, so that one that dies is replaced by
whichever is left, within seconds and without beat.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import cache

import redis
import structlog
from celery.signals import task_received
from celery.worker import state
from django.conf import settings
from django.db import DatabaseError, connection

from chat import control, leases
from chat.hearing import Hearing
from chat.models import Run
from chat.tasks import resume_abandoned, resume_runs

SWITCH_SECONDS = 0.001  # the loop that streams gets the processor back soon
RENEW_SECONDS = 0.75
LOOK_SECONDS = 0.4
SWEEPS = 5  # looks for vanished workers for each look at everything
RECONNECT_SECONDS = 0.5
WAIT_SECONDS = 0.05
LEAVE_SECONDS = 5.0  # on top of what runs have to finish

hearing = Hearing()
logger = structlog.get_logger(__name__)


def start() -> None:
    """Start the process's helpers. They end with it."""
    sys.setswitchinterval(SWITCH_SECONDS)
    task_received.connect(_on_task, weak=False)
    for work in (_renew, _sweep, _obey):
        threading.Thread(target=_for_ever, args=(work,), name=work.__name__, daemon=True).start()


def _on_task(**_: object) -> None:
    hearing.heard()


def leave() -> None:
    """Shut down in good order: let runs finish for a while, then hand the others over.

    Returns at once; Celery waits for the threads of the runs.
    """
    control.leave()
    threading.Thread(target=_hand_over_late, name="leave", daemon=True).start()


def _hand_over_late() -> None:
    deadline = time.monotonic() + settings.SHUTDOWN_SECONDS
    while control.running() and time.monotonic() < deadline:
        time.sleep(WAIT_SECONDS)
    if left := control.hand_over():
        logger.warning("runs_handed_over", runs=left)


def _for_ever(work: Callable[[], None]) -> None:
    while True:
        try:
            work()
        except (DatabaseError, redis.RedisError, OSError) as error:
            logger.warning("helper_failed", helper=work.__name__, error=str(error))
            connection.close()
            time.sleep(RECONNECT_SECONDS)


def _renew() -> None:
    """Renew our leases, and look for stops that were requested while Redis was away."""
    if ours := control.running():
        leases.renew()
        stopped = Run.objects.filter(id__in=ours, cancel_requested=True)
        for run in stopped.values_list("id", flat=True):
            control.cancel(run)
    time.sleep(RENEW_SECONDS)


def _sweep() -> None:
    """Pick up what no worker sees to."""
    inherit()
    for _ in range(SWEEPS):
        if not control.leaving():
            resume_abandoned()
        time.sleep(LOOK_SECONDS)
    if not control.leaving():
        _look_whether_we_hear()


def _look_whether_we_hear() -> None:
    """Pick up what waits; end this process if it takes nothing of it. Another one replaces it."""
    try:
        waiting = resume_runs()
    except BaseException:
        hearing.heard()  # without Redis or the database nobody knows
        raise
    full = len(state.reserved_requests) >= settings.CELERY_WORKER_CONCURRENCY
    if hearing.is_deaf(waiting=waiting, full=full, now=time.monotonic()):
        logger.error("worker_hears_nothing", waiting=waiting)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(settings.SHUTDOWN_SECONDS + LEAVE_SECONDS)
        os._exit(os.EX_SOFTWARE)  # Celery hangs, and doesn't hear that either


@cache
def inherit() -> None:
    """Take over from the process in whose place we are, once: nobody need wait for its leases."""
    if gone := os.environ.get("PARLEY_PREDECESSOR"):
        leases.forfeit(gone)


def _obey() -> None:
    """Stop runs as soon as somebody asks for it."""
    for run in control.listen():
        control.cancel(run)
