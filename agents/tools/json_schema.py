"""JSON Schemas that somebody else has written: checked before a model is asked."""

from collections.abc import Iterator

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, Schema


def validator(schema: dict[str, JsonValue]) -> Draft202012Validator:
    """Return what checks values by a schema. References to elsewhere are not followed.

    Raises:
        ValueError: It is no JSON Schema, or refers to something that is not in it.
    """
    none: Registry[Schema] = Registry()
    try:
        Draft202012Validator.check_schema(schema)
        resolver = none.with_resource("", DRAFT202012.create_resource(schema)).resolver()
        for reference in _references(schema):
            resolver.lookup(reference)
    except SchemaError as error:
        msg = f"This is no JSON Schema: {error.message}"
        raise ValueError(msg) from error
    except Unresolvable as error:
        msg = f"This JSON Schema refers to {error.ref!r}, which is not in it."
        raise ValueError(msg) from error
    return Draft202012Validator(schema, registry=none)


def _references(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
