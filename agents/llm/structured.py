"""Answers that are objects: wanted by schema, read leniently, checked strictly."""

import json
import re
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json

from agents.errors import LLMError

Model = TypeVar("Model", bound=BaseModel)

_FENCE = re.compile(r"```(?:json)?\s*(.*?)(?:```|\Z)", re.DOTALL)


def instruction(schema: dict[str, JsonValue]) -> str:
    """Return what a model is told that is to answer with an object."""
    return (
        "Answer with one JSON object and nothing else, no Markdown around it. "
        f"It has to fit this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"
    )


def correction(fault: str) -> str:
    """Return what a model is told whose object doesn't fit."""
    return f"That does not fit: {fault} Answer again with the corrected JSON object alone."


def parse(text: str, wanted: type[Model]) -> Model:
    """Read an object out of an answer.

    Raises:
        ValueError: There is none, or it doesn't fit; the sentence says how.
    """
    try:
        return wanted.model_validate(from_json(_object_in(text)))
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, each['loc'])) or 'the object'}: {each['msg']}"
            for each in error.errors()
        )
        msg = "; ".join(faults) + "."
        raise ValueError(msg) from error
    except ValueError as error:
        msg = f"it is no JSON object ({error})."
        raise ValueError(msg) from error


def partial(text: str) -> dict[str, Any] | None:
    """Read what is there of an object that is still being written; None if nothing is yet."""
    try:
        found = from_json(_object_in(text), allow_partial="trailing-strings")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


class Growing(Generic[Model]):
    """An object while it is written."""

    def __init__(self, wanted: type[Model]) -> None:
        """Begin with nothing of an object of this class."""
        self._wanted = wanted
        self._text = ""
        self._shown: dict[str, Any] | None = None

    def add(self, piece: str) -> dict[str, Any] | None:
        """Take the next characters; return what is there now, if there is more than before."""
        self._text += piece
        found = partial(self._text)
        if found == self._shown:
            return None
        self._shown = found
        return found

    def whole(self) -> Model:
        """Return the object, checked.

        Raises:
            LLMError: It doesn't fit (code "bad_object").
        """
        try:
            return parse(self._text, self._wanted)
        except ValueError as error:
            raise unfit(str(error)) from error


def unfit(fault: str) -> LLMError:
    """The model gave no object that fits, and was told so."""
    sentence = f"The model gave no answer of the wanted form: {fault}"
    return LLMError(sentence, code="bad_object", retryable=True)


def _object_in(text: str) -> str:
    """Return the part of an answer that is the object: models like to write around it."""
    if fenced := _FENCE.search(text):
        text = fenced[1]
    start = text.find("{")
    return text[start:].strip() if start >= 0 else text.strip()
