"""Objects from a JSON Schema, and what models write around them."""

from typing import Any

import pytest
from pydantic import BaseModel, RootModel

from agents.errors import LLMError
from agents.llm import Broker, Endpoint
from agents.llm.structured import form_of
from tests.support.stand_in import StandIn, script

MODEL = "openai/stand-in"
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"$ref": "#/$defs/age"}},
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"age": {"type": "integer", "minimum": 0}},
}


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


@pytest.fixture
def broker(model_server: tuple[str, StandIn]) -> Broker:
    return Broker({"openai": Endpoint(model_server[0])})


def test_a_schema_gives_plain_values(broker: Broker, model_server: tuple[str, StandIn]) -> None:
    said = script(text='{"name": "Ada", "age": 36}')

    assert broker.generate_object(MODEL, said, wanted=PERSON) == {"name": "Ada", "age": 36}
    *_, last = broker.stream_object(MODEL, said, wanted=PERSON)
    assert last == {"name": "Ada", "age": 36}
    sent = model_server[1].requests[-1]["response_format"]["json_schema"]["schema"]
    assert sent == PERSON


async def test_the_same_from_coroutines(broker: Broker) -> None:
    said = script(text='{"name": "Ada", "age": 36}')

    assert await broker.agenerate_object(MODEL, said, wanted=PERSON) == {"name": "Ada", "age": 36}
    found = [each async for each in broker.astream_object(MODEL, said, wanted=PERSON)]
    assert found[-1] == {"name": "Ada", "age": 36}
    assert found[0] != found[-1]


def test_an_object_that_does_not_fit_is_told_why(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    with pytest.raises(LLMError) as failed:
        broker.generate_object(MODEL, script(text='{"name": "Ada", "age": -1}'), wanted=PERSON)

    assert failed.value.code == "bad_object"
    told = [each["content"] for each in model_server[1].requests[-1]["messages"]]
    assert any("age: -1 is less than the minimum of 0" in each for each in told)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "nonsense"}, "is no JSON Schema"),
        ({"properties": {"a": {"$ref": "#/$defs/missing"}}}, "missing"),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "which is not in it"),
    ],
)
def test_a_bad_schema_is_refused_before_anybody_is_asked(
    broker: Broker, model_server: tuple[str, StandIn], schema: dict[str, Any], message: str
) -> None:
    before = len(model_server[1].requests)

    with pytest.raises(ValueError, match=message):
        broker.generate_object(MODEL, "Hello", wanted=schema)

    assert len(model_server[1].requests) == before


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "age": 36}',
        'Sure! {"name": "Ada", "age": 36} Anything else?',
        'Here:\n```json\n{"name": "Ada", "age": 36}\n```\nThere.',
        '```\n{"name": "Ada", "age": 36}',
    ],
)
def test_what_stands_around_an_object_is_passed_over(text: str) -> None:
    assert form_of(Person).parse(text) == Person(name="Ada", age=36)
    assert form_of(PERSON).parse(text) == {"name": "Ada", "age": 36}


@pytest.mark.parametrize("text", ["", "I can't.", '{"name": ', "[" * 100_000, '["a"]'])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        form_of(Person).parse(text)


def test_arrays_are_wanted_too() -> None:
    names: type[BaseModel] = RootModel[list[str]]

    schema: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    for wanted in (names, schema):
        form = form_of(wanted)
        found = form.parse('The names: ["Ada", "Grace"]')
        assert (found.root if isinstance(found, RootModel) else found) == ["Ada", "Grace"]
        assert form.partial('The names: ["Ada", "Gr') == ["Ada", "Gr"]


def test_many_faults_are_told_of_in_part() -> None:
    wanted: dict[str, Any] = {
        "type": "object",
        "properties": {f"f{n}": {"type": "integer"} for n in range(9)},
    }

    with pytest.raises(ValueError, match="and 4 more"):
        form_of(wanted).parse("{" + ", ".join(f'"f{n}": "x"' for n in range(9)) + "}")
