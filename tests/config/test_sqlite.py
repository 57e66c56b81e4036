"""The pool of SQLite's connections: who gets one, and which are never given again."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError

from config.sqlite import base
from config.sqlite.base import MOST_IDLE, DatabaseWrapper, Pool

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """An empty pool."""
    made = Pool()
    monkeypatch.setattr(base, "pool", made)
    yield made
    made.close()


def wrapper(file: Path, **options: object) -> DatabaseWrapper:
    """Return what a thread of Django's has: made anew for each."""
    settings = {
        "ENGINE": "config.sqlite",
        "NAME": file,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", **options},
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "TIME_ZONE": None,
        "USER": "",
        "PASSWORD": "",
        "HOST": "",
        "PORT": "",
        "TEST": {"NAME": None},
    }
    return DatabaseWrapper(settings, alias="pooled")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with three numbers."""
    place = tmp_path / "numbers.sqlite3"
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE number (value INTEGER)")
        connection.executemany("INSERT INTO number VALUES (?)", [(1,), (2,), (3,)])
    connection.close()
    return place


def used(database: DatabaseWrapper) -> sqlite3.Connection:
    """Use a connection, give it back, and return it."""
    with database.cursor() as cursor:
        cursor.execute("SELECT value FROM number")
        cursor.fetchall()
    held = database.connection
    database.close()
    assert isinstance(held, sqlite3.Connection)
    return held


def test_the_next_one_gets_it(file: Path) -> None:
    first = used(wrapper(file))

    found: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: found.append(used(wrapper(file))))
    thread.start()
    thread.join()

    assert found == [first]


def test_two_at_a_time_have_one_each(file: Path) -> None:
    one, other = wrapper(file), wrapper(file)
    one.ensure_connection()
    other.ensure_connection()

    assert one.connection is not other.connection
    one.close()
    other.close()


def test_another_file_in_its_place_is_opened(file: Path) -> None:
    first = used(wrapper(file))
    restored = file.with_name("restored.sqlite3")
    with sqlite3.connect(restored) as connection:
        connection.execute("CREATE TABLE number (value INTEGER)")
    connection.close()
    restored.replace(file)

    assert used(wrapper(file)) is not first


def test_after_an_error_it_is_closed(file: Path) -> None:
    database = wrapper(file)
    with database.cursor() as cursor, pytest.raises(DatabaseError):
        cursor.execute("SELECT value FROM nowhere")
    failed = database.connection
    database.close()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        failed.execute("SELECT 1")
    assert used(wrapper(file)) is not failed


def test_an_open_transaction_is_nobody_elses(file: Path) -> None:
    database = wrapper(file)
    with database.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO number VALUES (4)")
    database.close()

    other = wrapper(file)
    with other.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM number")
        assert cursor.fetchone() == (3,)
        cursor.execute("INSERT INTO number VALUES (5)")  # nobody has the lock
    other.close()


def test_what_was_not_read_to_its_end_keeps_no_old_rows(file: Path) -> None:
    database = wrapper(file)
    cursor = database.cursor()
    cursor.execute("SELECT value FROM number")
    assert cursor.fetchone() == (1,)
    held = database.connection
    database.close()
    with sqlite3.connect(file) as elsewhere:
        elsewhere.execute("INSERT INTO number VALUES (4)")
    elsewhere.close()

    other = wrapper(file)
    with other.cursor() as anew:
        anew.execute("SELECT COUNT(*) FROM number")
        assert (anew.fetchone(), other.connection) == ((4,), held)
        anew.execute("INSERT INTO number VALUES (5)")
    other.close()
    with pytest.raises(DatabaseError):
        cursor.fetchone()


def test_one_without_constraints_is_not_given_on(file: Path) -> None:
    database = wrapper(file)
    database.ensure_connection()
    first = database.connection
    database.disable_constraint_checking()
    database.close()

    assert used(wrapper(file)) is not first


def test_only_a_few_are_kept(pool: Pool, file: Path) -> None:
    many = [wrapper(file) for _ in range(MOST_IDLE + 2)]
    for each in many:
        each.ensure_connection()
    held = [each.connection for each in many]
    for each in many:
        each.close()

    for connection in held[:MOST_IDLE]:
        connection.execute("SELECT 1")
    for connection in held[MOST_IDLE:]:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
    pool.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        held[0].execute("SELECT 1")


def test_a_child_does_not_use_its_parents(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = used(wrapper(file))
    process = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: process + 1)

    assert used(wrapper(file)) is not first


def test_a_database_that_is_made_by_its_first_use_is_kept_as_well(tmp_path: Path) -> None:
    database = wrapper(tmp_path / "new.sqlite3")
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE number (value INTEGER)")
    first = database.connection
    database.close()

    assert used(wrapper(tmp_path / "new.sqlite3")) is first


def test_one_in_memory_stays_with_who_has_it() -> None:
    database = wrapper(Path(":memory:"))
    database.settings_dict["NAME"] = ":memory:"
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE number (value INTEGER)")
    database.close()

    other = wrapper(Path(":memory:"))
    other.settings_dict["NAME"] = ":memory:"
    with other.cursor() as cursor, pytest.raises(DatabaseError):
        cursor.execute("SELECT value FROM number")
