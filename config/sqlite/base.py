"""SQLite with its connections kept for whoever needs one next, as Django does it for Postgres.

To open one costs as much processor time as half a dozen queries: settings, functions, and reading
the schema with its first query. Turns give theirs back around every wait, requests at their end.
"""

import atexit
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

from django.db.backends.sqlite3 import base
from typing_extensions import override

MOST_IDLE = 8

Place = tuple[int, int]  # device and inode: a file that was put in another's place is another one


class _Idle(NamedTuple):
    place: Place
    connection: sqlite3.Connection


class Pool:
    """The open connections of this process that nobody uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Idle] = []
        self._process = os.getpid()

    def take(self, place: Place) -> sqlite3.Connection | None:
        """Return a connection to a file, if there is one."""
        with self._lock:
            self._forget_the_parents()
            for number, each in enumerate(self._idle):
                if each.place == place:
                    return self._idle.pop(number).connection
        return None

    def keep(self, place: Place, connection: sqlite3.Connection) -> bool:
        """Keep a connection that is in order; tell whether there was room for it."""
        with self._lock:
            self._forget_the_parents()
            if len(self._idle) >= MOST_IDLE:
                return False
            self._idle.append(_Idle(place, connection))
        return True

    def close(self) -> None:
        """Close all that nobody uses."""
        with self._lock:
            self._forget_the_parents()
            for each in self._idle:
                each.connection.close()
            self._idle.clear()

    def _forget_the_parents(self) -> None:
        """A process that was forked must not use the connections of its parent."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._idle.clear()


pool = Pool()
atexit.register(pool.close)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's connection, whose closing gives the real one to the pool if that is in order."""

    @override
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._place: Place | None = None
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    @override
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        place = _place(conn_params["database"])
        opened = pool.take(place) if place else None
        if opened is None:
            opened = super().get_new_connection(conn_params)
            place = _place(conn_params["database"])  # it may have been made just now
        self._place = place
        self._cursors = WeakSet()
        return opened

    @override
    def create_cursor(self, name: str | None = None) -> sqlite3.Cursor:
        made: sqlite3.Cursor = super().create_cursor(name)
        self._cursors.add(made)
        return made

    @override
    def disable_constraint_checking(self) -> bool:
        self._place = None  # whatever is done to this one, nobody else gets it
        return super().disable_constraint_checking()

    def _close(self) -> None:
        """Give the connection back; close it after an error, or within a transaction.

        A cursor that somebody has not read to its end would show the next one old rows.
        """
        connection, place = self.connection, self._place
        if connection is None:
            return
        if place and not self.errors_occurred and not connection.in_transaction:
            for cursor in self._cursors:
                cursor.close()
            if pool.keep(place, connection):
                return
        with self.wrap_database_errors:
            connection.close()


def _place(name: object) -> Place | None:
    """Return which file this is; None if it isn't one."""
    try:
        found = Path(str(name)).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
