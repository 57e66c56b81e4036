"""Answers that are objects: wanted by schema, read leniently, checked strictly."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json
from typing_extensions import override

from agents.errors import LLMError

Result = TypeVar("Result")
Model = TypeVar("Model", bound=BaseModel)
Schema = dict[str, Any]

MOST_FAULTS = 5  # that a model is told of at once
_FENCE = re.compile(r"```(?:json)?\s*(.*?)(?:```|\Z)", re.DOTALL)
_DECODER = json.JSONDecoder()


class Form(ABC, Generic[Result]):
    """What an answer has to look like."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        """Its JSON Schema."""

        self._begin = "[" if schema.get("type") == "array" else "{"

    def parse(self, text: str) -> Result:
        """Read an object out of an answer.

        Raises:
            ValueError: There is none, or it doesn't fit; the sentence says how.
        """
        try:
            found, _ = _DECODER.raw_decode(self._object_in(text))
        except (ValueError, RecursionError) as error:
            msg = f"it is no JSON {'array' if self._begin == '[' else 'object'} ({error})."
            raise ValueError(msg) from error
        return self.check(found)

    def partial(self, text: str) -> Any | None:  # noqa: ANN401  (plain values of any form)
        """Read what is there of an object that is being written; None if nothing is yet."""
        try:
            found = from_json(self._object_in(text), allow_partial="trailing-strings")
        except ValueError:
            return None
        return found if isinstance(found, list if self._begin == "[" else dict) else None

    @abstractmethod
    def check(self, found: JsonValue) -> Result:
        """Return the object that a value is.

        Raises:
            ValueError: It doesn't fit; the sentence says how.
        """

    def _object_in(self, text: str) -> str:
        """Return an answer from where its object begins: models like to write around it."""
        if fenced := _FENCE.search(text):
            text = fenced[1]
        start = text.find(self._begin)
        return text[start:].strip() if start >= 0 else text.strip()


class ClassForm(Form[Model]):
    """The form of a Pydantic class."""

    def __init__(self, wanted: type[Model]) -> None:
        super().__init__(wanted.model_json_schema())
        self._wanted = wanted

    @override
    def check(self, found: JsonValue) -> Model:
        try:
            return self._wanted.model_validate(found)
        except ValidationError as error:
            faults = (_fault(each["loc"], each["msg"]) for each in error.errors())
            raise ValueError(_sentence(faults)) from error


class SchemaForm(Form[Any]):
    """The form of a JSON Schema: plain values."""

    def __init__(self, schema: Schema) -> None:
        from agents.tools.json_schema import validator  # noqa: PLC0415  (it takes a while to load)

        super().__init__(schema)
        self._validator = validator(schema)

    @override
    def check(self, found: JsonValue) -> Any:
        errors = sorted(self._validator.iter_errors(found), key=lambda each: list(each.path))
        if errors:
            raise ValueError(_sentence(_fault(each.path, each.message) for each in errors))
        return found


def form_of(wanted: type[BaseModel] | Schema) -> Form[Any]:
    """Return the form of a Pydantic class, or of a JSON Schema.

    Raises:
        ValueError: It is no JSON Schema.
    """
    return SchemaForm(wanted) if isinstance(wanted, dict) else ClassForm(wanted)


def instruction(schema: Schema) -> str:
    """Return what a model is told that is to answer with an object."""
    return (
        "Answer with one JSON value and nothing else, no Markdown around it. "
        f"It has to fit this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"
    )


def correction(fault: str) -> str:
    """Return what a model is told whose object doesn't fit."""
    return f"That does not fit: {fault} Answer again with the corrected JSON alone."


class Growing:
    """An object while it is written."""

    def __init__(self, form: Form[Any]) -> None:
        """Begin with nothing of an object of this form."""
        self._form = form
        self._text = ""
        self._shown: Any = None

    def add(self, piece: str) -> Any | None:  # noqa: ANN401  (plain values of any form)
        """Take the next characters; return what is there now, if there is more than before."""
        self._text += piece
        found = self._form.partial(self._text)
        if found == self._shown:
            return None
        self._shown = found
        return found

    def whole(self) -> Any:  # noqa: ANN401  (an object of any form)
        """Return the object, checked.

        Raises:
            LLMError: It doesn't fit (code "bad_object").
        """
        try:
            return self._form.parse(self._text)
        except ValueError as error:
            raise unfit(str(error)) from error


def unfit(fault: str) -> LLMError:
    """The model gave no object that fits, and was told so."""
    sentence = f"The model gave no answer of the wanted form: {fault}"
    return LLMError(sentence, code="bad_object", retryable=True)


def _fault(path: Iterable[int | str], said: str) -> str:
    return f"{'.'.join(map(str, path)) or 'the object'}: {said}"


def _sentence(faults: Iterable[str]) -> str:
    told = list(faults)
    more = f"; and {len(told) - MOST_FAULTS} more" if len(told) > MOST_FAULTS else ""
    return "; ".join(told[:MOST_FAULTS]) + more + "."
