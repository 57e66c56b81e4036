"""The trigger that keeps events as they are, whoever asks: Django, a shell, another program.

One change is let through: an event's fields may be deleted for good (`log.purge`), all of them,
with its place in the stream, its kind and its time kept.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "tracer_traceevent"
SENTENCE = "events are never changed or deleted"
KEPT = (
    "id",
    "stream",
    "seq",
    "kind",
    "correlation_id",
    "causation_id",
    "actor",
    "duration_ms",
    "at",
)
PURGED = '{"purged": true}'

_SAME = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in KEPT)
_REMOVE: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb}" for verb in ("update", "delete")),
    "postgresql": (f"DROP TRIGGER IF EXISTS {TABLE}_no_change ON {TABLE}",),
}
_INSTALL: dict[str, tuple[str, ...]] = {
    "sqlite": (
        *_REMOVE["sqlite"],
        (
            f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} "
            f"WHEN NOT (NEW.data = '{PURGED}' AND {_SAME}) "
            f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
        ),
        (
            f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
        ),
    ),
    "postgresql": (
        (
            f"CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN "
            f"IF TG_OP = 'UPDATE' AND NEW.data = '{PURGED}'::jsonb "
            f"AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data' THEN RETURN NEW; END IF; "
            f"RAISE EXCEPTION '{SENTENCE}'; END $$"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
            f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()"
        ),
    ),
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the trigger in place, as it is to be now."""
    _execute(connection, _INSTALL)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the trigger away: for a migration backwards and for emptying a test database."""
    _execute(connection, _REMOVE)


def _execute(connection: BaseDatabaseWrapper, statements: dict[str, tuple[str, ...]]) -> None:
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
