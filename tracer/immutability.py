"""The trigger that keeps events as they are, whoever asks: Django, a shell, another program."""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "tracer_traceevent"
SENTENCE = "events are never changed or deleted"

_INSTALL: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER IF NOT EXISTS {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        (
            f"CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{SENTENCE}'; END $$"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
            f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()"
        ),
    ),
}
_REMOVE: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb}" for verb in ("update", "delete")),
    "postgresql": (f"DROP TRIGGER IF EXISTS {TABLE}_no_change ON {TABLE}",),
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the trigger in place, if it isn't there."""
    _execute(connection, _INSTALL)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the trigger away: for a migration backwards and for emptying a test database."""
    _execute(connection, _REMOVE)


def _execute(connection: BaseDatabaseWrapper, statements: dict[str, tuple[str, ...]]) -> None:
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
