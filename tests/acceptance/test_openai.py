"""`/v1` with OpenAI's own client, as it is."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from tests.acceptance.foreign import LOOK
from tests.acceptance.talker import Talker
from tests.support.installation import Installation, wait_until
from tests.support.stand_in import StandIn, script

SETUP = """
from agents.models import Agent
more = {"name": "Stand-in", "model": "openai/stand-in", "tools": ["calculator"],
        "system_prompt": "You are the stand-in."}
Agent.objects.update_or_create(slug="openai-stand-in", defaults=more)
more = {"name": "Asks", "model": "openai/stand-in", "tools": ["ask_user"]}
Agent.objects.update_or_create(slug="openai-asks", defaults=more)
"""
MODEL = "openai-stand-in"


@pytest.fixture(autouse=True, scope="module")
def _agents(parley: Installation) -> None:
    assert parley.command("shell", "-c", SETUP).returncode == 0


@pytest.fixture
def client(parley: Installation, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{parley.url}/v1", api_key=key, max_retries=0) as made:
        yield made


def user(content: str) -> Any:  # noqa: ANN401  (each client has a type of its own for it)
    return [{"role": "user", "content": content}]


def test_models_are_the_agents(client: openai.OpenAI) -> None:
    listed = {model.id for model in client.models.list()}

    assert {"demo", MODEL, "demo/embedding"} <= listed
    assert client.models.retrieve(MODEL).owned_by == "parley"
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("nobody")
    assert refused.value.code == "model_not_found"


def test_an_agent_answers_with_its_tools(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo", messages=user("What is 17*23?"))

    (choice,) = answer.choices
    assert "391" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 0


def test_it_streams_to_the_character(client: openai.OpenAI) -> None:
    wanted = client.chat.completions.create(model=MODEL, messages=user(script(tokens=500)))

    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=user(script(tokens=500, per_second=400)),
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said) == wanted.choices[0].message.content
    assert sum(map(bool, said)) > 5
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:-1]] == ["stop"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


async def test_many_at_once_from_a_coroutine(parley: Installation, key: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{parley.url}/v1", api_key=key) as client:

        async def ask(number: int) -> str:
            stream = await client.chat.completions.create(
                model=MODEL, messages=user(script(text=f"answer {number} " * 20)), stream=True
            )
            said = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return "".join(said)

        answers = await asyncio.gather(*(ask(number) for number in range(30)))

    assert answers == [f"answer {number} " * 20 for number in range(30)]


def test_what_the_agent_and_the_client_say_reaches_the_model(
    client: openai.OpenAI, shared_server: tuple[str, StandIn]
) -> None:
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Before."}]},
        {"role": "assistant", "content": "I see."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": script(text="ok")},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ],
        },
    ]

    client.chat.completions.create(
        model=MODEL,
        messages=messages,
        temperature=0.3,
        max_completion_tokens=77,
        stop=["END"],
        seed=5,
        top_p=0.5,
    )

    sent = shared_server[1].requests[-1]
    roles = [message["role"] for message in sent["messages"]]
    assert roles == ["system", "system", "user", "assistant", "user"]
    assert sent["messages"][0]["content"] == "You are the stand-in."
    assert sent["messages"][1]["content"] == "Be brief."
    assert sent["messages"][4]["content"][1]["image_url"]["url"].startswith("data:image/png")
    kept = {name: sent[name] for name in ("temperature", "max_tokens", "stop", "seed", "top_p")}
    assert kept == {
        "temperature": 0.3,
        "max_tokens": 77,
        "stop": ["END"],
        "seed": 5,
        "top_p": 0.5,
    }


@pytest.mark.parametrize("stream", [False, True])
def test_the_clients_tools_are_called_by_the_client(
    client: openai.OpenAI, shared_server: tuple[str, StandIn], stream: bool
) -> None:
    """The agent's own calls of the same round are made here, and are there when it goes on."""
    both = [
        {"name": "look", "arguments": '{"place": "the sea"}'},
        {"name": "calculator", "arguments": '{"expression": "6*7"}'},
        {"name": "look", "arguments": '{"place": "the hill"}'},
    ]
    messages = user(script(calls=both))
    if stream:
        with client.chat.completions.stream(model=MODEL, messages=messages, tools=[LOOK]) as told:  # type: ignore[list-item]
            answer: Any = told.get_final_completion()
    else:
        answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[LOOK])  # type: ignore[list-item]

    choice = answer.choices[0]
    calls = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["look", "look"]
    assert json.loads(calls[0].function.arguments) == {"place": "the sea"}
    assert len({call.id for call in calls}) == 2

    messages.append(choice.message.to_dict())
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {number}"}
        for number, call in enumerate(calls)
    ]
    final = client.chat.completions.create(
        model=MODEL,
        messages=[*messages, *user(script(text="Done."))],
        tools=[LOOK],  # type: ignore[list-item]
    )

    assert final.choices[0].message.content == "Done."
    sent = shared_server[1].requests[-1]["messages"]
    results = {m["tool_call_id"]: m["content"] for m in sent if m["role"] == "tool"}
    asked = next(m for m in sent if m["role"] == "assistant")["tool_calls"]
    assert [call["function"]["name"] for call in asked] == ["look", "calculator", "look"]
    assert set(results) == {call["id"] for call in asked}
    assert "42" in results[asked[1]["id"]]
    assert results[asked[2]["id"]] == "result 1"


def test_a_tool_can_be_forced_or_forbidden(
    client: openai.OpenAI, shared_server: tuple[str, StandIn]
) -> None:
    def ask(choice: str | Mapping[str, object]) -> dict[str, Any]:
        more: dict[str, Any] = {"tools": [LOOK], "tool_choice": choice}
        client.chat.completions.create(model=MODEL, messages=user(script(text="x")), **more)
        return shared_server[1].requests[-1]

    named = {"type": "function", "function": {"name": "look"}}
    assert ask(named)["tool_choice"] == named
    assert ask("required")["tool_choice"] == "required"
    assert ask("none")["tool_choice"] == "none"
    with pytest.raises(openai.BadRequestError, match="none of the tools"):
        ask({"type": "function", "function": {"name": "other"}})


class Place(BaseModel):
    """An object that is wanted."""

    name: str
    height: int


def test_objects_are_parsed(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(
        model="demo", messages=user("Give me a place."), response_format=Place
    )

    assert isinstance(parsed.choices[0].message.parsed, Place)


def test_texts_are_embedded(client: openai.OpenAI) -> None:
    one = client.embeddings.create(model="demo/embedding", input="the sea")
    more = client.embeddings.create(
        model="demo/embedding", input=["the sea", "a hill"], encoding_format="float"
    )

    assert [item.index for item in more.data] == [0, 1]
    assert one.data[0].embedding == pytest.approx(more.data[0].embedding, abs=1e-6)
    assert one.data[0].embedding != more.data[1].embedding
    assert one.usage.prompt_tokens > 0
    tokens = client.embeddings.create(model="demo/embedding", input=[[1820, 9581]])
    assert len(tokens.data[0].embedding) == len(one.data[0].embedding)
    refused: list[dict[str, Any]] = [
        {"input": []},
        {"input": "x", "dimensions": 8},
        {"input": ["", "x"]},
    ]
    for wrong in refused:
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="demo/embedding", **wrong)
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="openai/other", input="x")


WRONG: list[tuple[dict[str, Any], type[openai.APIStatusError], str]] = [
    ({"model": "nobody"}, openai.NotFoundError, "nobody"),
    ({"messages": []}, openai.BadRequestError, "messages"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, openai.BadRequestError, "role"),
    ({"n": 2}, openai.BadRequestError, "n is 1"),
    ({"temperature": 3}, openai.BadRequestError, "temperature"),
    ({"stop": ["a", "b", "c", "d", "e"]}, openai.BadRequestError, "four"),
    ({"tools": [LOOK, LOOK]}, openai.BadRequestError, "Two tools"),
    (
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": 1}}}]},
        openai.BadRequestError,
        "JSON Schema",
    ),
    (
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]},
        openai.BadRequestError,
        "has to follow",
    ),
    (
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
                *user("x"),
            ]
        },
        openai.BadRequestError,
        "no result",
    ),
]


@pytest.mark.parametrize(("change", "kind", "told"), WRONG)
def test_what_is_wrong_is_told_the_way_they_expect(
    client: openai.OpenAI, change: dict[str, Any], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        client.chat.completions.create(**{"model": MODEL, "messages": user("x"), **change})


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_fails_is_told_as_well(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.APIError) as failed:
        list(
            client.chat.completions.create(
                model=MODEL, messages=user(script(tokens=9, fail="drop", after=5)), stream=stream
            )
        )
    assert str(failed.value)


def test_keys_are_told_apart(parley: Installation, key: str) -> None:
    reads = parley.command("apikey", "create", "reads", "--scopes", "read").stdout.strip()
    body = {"model": "demo", "messages": user("x")}

    def post(token: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{parley.url}/v1/chat/completions", headers=headers, **more)

    for response, status, code in (
        (post("wrong", json=body), 401, "invalid_api_key"),
        (post(reads, json=body), 403, "missing_scope"),
        (post(key, content=b"{"), 400, None),
        (post(key, json=[1]), 400, None),
        (httpx.get(f"{parley.url}/v1/chat/completions"), 405, "method_not_allowed"),
        (httpx.get(f"{parley.url}/v1/nothing"), 404, "not_found"),
    ):
        assert response.status_code == status
        error = response.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["code"] == code
    assert openai.OpenAI(base_url=f"{parley.url}/v1", api_key=reads).models.list().data


def test_nothing_is_kept_unless_it_is_asked_for(
    client: openai.OpenAI, parley: Installation, key: str
) -> None:
    with httpx.Client(
        base_url=f"{parley.url}/api/v1", headers={"Authorization": f"Bearer {key}"}
    ) as rest:
        before = rest.get("/threads").json()["items"]
        client.chat.completions.create(model="demo", messages=user("Not kept"))
        assert rest.get("/threads").json()["items"] == before

        kept = client.chat.completions.with_raw_response.create(
            model="demo",
            messages=[*user("First"), {"role": "assistant", "content": "Yes."}, *user("Second")],
            extra_headers={"X-Parley-Thread": "new"},
        )
        thread = kept.headers["X-Parley-Thread"]
        stream = client.chat.completions.create(
            model="demo",
            messages=user("20 words"),
            stream=True,
            extra_headers={"X-Parley-Thread": thread},
        )
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)

        messages = rest.get(f"/threads/{thread}/messages").json()["items"]
    assert [message["content"] for message in messages[:3]] == ["First", "Yes.", "Second"]
    assert messages[3]["content"] == kept.parse().choices[0].message.content
    assert [message["content"] for message in messages[4:]] == ["20 words", said]
    assert messages[2]["channel"] == "openai"
    for header, status in (("nonsense", 404), ("00000000-0000-4000-8000-000000000000", 404)):
        with pytest.raises(openai.APIStatusError) as refused:
            client.chat.completions.create(
                model="demo", messages=user("x"), extra_headers={"X-Parley-Thread": header}
            )
        assert refused.value.status_code == status
    with pytest.raises(openai.BadRequestError, match="leave out"):
        client.chat.completions.create(
            model="demo",
            messages=user("x"),
            tools=[LOOK],  # type: ignore[list-item]
            extra_headers={"X-Parley-Thread": "new"},
        )


def test_a_person_can_only_be_asked_in_a_thread(client: openai.OpenAI) -> None:
    calls = [{"name": "ask_user", "arguments": '{"user_request": "Which?"}'}]
    alone = client.chat.completions.create(model="openai-asks", messages=user(script(calls=calls)))
    assert alone.choices[0].finish_reason == "stop"
    with pytest.raises(openai.APIStatusError, match="waits for a person"):
        client.chat.completions.create(
            model="openai-asks",
            messages=user(script(calls=calls)),
            extra_headers={"X-Parley-Thread": "new"},
        )


def test_every_step_is_in_the_record(client: openai.OpenAI, parley: Installation, key: str) -> None:
    client.chat.completions.create(model="demo", messages=user("What is 19*3?"))

    headers = {"Authorization": f"Bearer {key}"}
    url = f"{parley.url}/api/v1/events"
    (ended, *_) = httpx.get(
        url, params={"kind": "completion.ended", "limit": 1}, headers=headers
    ).json()["items"]
    run = {"correlation_id": ended["correlation_id"]}
    kinds = [each["kind"] for each in httpx.get(url, params=run, headers=headers).json()["items"]]
    assert kinds[::-1] == [
        "completion.asked",
        "llm.called",
        "llm.responded",
        "tool.called",
        "tool.returned",
        "llm.called",
        "llm.responded",
        "completion.ended",
    ]


def test_a_client_that_goes_ends_the_call_to_the_model(
    client: openai.OpenAI, shared_server: tuple[str, StandIn]
) -> None:
    server = shared_server[1]
    before = server.seen["cut"]
    stream = client.chat.completions.create(
        model=MODEL, messages=user(script(tokens=4000, per_second=20)), stream=True
    )
    for _, chunk in zip(range(5), stream, strict=False):
        assert chunk.choices

    stream.close()

    wait_until(lambda: server.seen["cut"] > before, seconds=5, what="the model's stream to be cut")


def test_a_worker_that_dies_is_told(
    parley: Installation, client: openai.OpenAI, talker: Talker
) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=user(script(tokens=4000, per_second=20)), stream=True
    )
    for _, chunk in zip(range(5), stream, strict=False):
        assert chunk.choices
    for process in parley.children_named("celery"):
        os.kill(process.pid, signal.SIGKILL)
    began = time.monotonic()

    with pytest.raises(openai.APIError, match="vanished"):
        list(stream)

    assert time.monotonic() - began < 20
    answer = client.chat.completions.create(model=MODEL, messages=user(script(text="back")))
    assert answer.choices[0].message.content == "back"
