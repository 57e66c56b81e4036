"""Lists a page at a time, by a cursor: nothing is left out or doubled while rows come and go."""

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from ninja import Field as Said
from ninja import Schema
from ninja.pagination import PaginationBase
from typing_extensions import override

from agents.errors import AgentError

MOST = 200
USUAL = 50


class BadCursor(AgentError):
    """A cursor that we have not given."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__("This cursor is not one of ours. Begin without one.")


class CursorPages(PaginationBase):
    """Pages of a queryset in one order, each with the cursor of the next one."""

    class Input(Schema):
        """What a caller may say."""

        cursor: Annotated[
            str | None, Said(max_length=500, description="The `next` of the page before.")
        ] = None
        limit: Annotated[int, Said(ge=1, le=MOST, description="How many at most.")] = USUAL

    class Output(Schema):
        """A page. `next` is the cursor of the one behind it, if there is one."""

        items: list[Any]
        next: str | None

    def __init__(self, *, order: tuple[str, ...], **kwargs: Any) -> None:
        """Make pages.

        Args:
            order: Fields that are unique together; all with "-" for downwards, or none.
            kwargs: Ninja's own.
        """
        super().__init__(**kwargs)
        self._order = order
        self._names = tuple(name.removeprefix("-") for name in order)

    @override
    def paginate_queryset(
        self, queryset: QuerySet[Any], pagination: Input, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        rows = queryset.order_by(*self._order)
        if pagination.cursor is not None:
            try:
                rows = rows.filter(self._behind(pagination.cursor, queryset.model))
            except (ValueError, TypeError, ValidationError, OverflowError) as error:
                raise BadCursor from error
        page = list(rows[: pagination.limit + 1])
        more = len(page) > pagination.limit
        page = page[: pagination.limit]
        return {"items": page, "next": self._cursor(page[-1]) if more else None}

    def _behind(self, cursor: str, model: type[Model]) -> Q:
        place = [
            (name, _field(model, name).to_python(value))
            for name, value in zip(self._names, _read(cursor), strict=True)
        ]
        side = "lt" if self._order[0].startswith("-") else "gt"
        behind = Q()
        for number, (name, value) in enumerate(place):
            behind |= Q(**dict(place[:number]), **{f"{name}__{side}": value})
        return behind

    def _cursor(self, row: Any) -> str:  # noqa: ANN401  (of whichever model)
        place = [_written(getattr(row, name)) for name in self._names]
        return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    found = model._meta.get_field(name)  # noqa: SLF001  (Django's own name)
    assert isinstance(found, Field)  # noqa: S101  (for the type checker: no relation)
    return found


def _written(value: object) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)


def _read(cursor: str) -> list[str | int]:
    """Read what `_cursor` wrote."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, RecursionError) as error:
        raise ValueError(cursor) from error
    if not isinstance(place, list) or not all(isinstance(each, str | int) for each in place):
        raise ValueError(cursor)
    return place
