"""`/v1` with clients that nobody here wrote: LiteLLM and LangChain."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from tests.acceptance.foreign import LOOK
from tests.support.installation import Installation
from tests.support.stand_in import script

SETUP = """
from agents.models import Agent
more = {"name": "Stand-in", "model": "openai/stand-in", "tools": ["calculator"]}
Agent.objects.update_or_create(slug="other-clients", defaults=more)
"""
MODEL = "other-clients"
CALLS = script(calls=[{"name": "look", "arguments": '{"place": "x"}'}])


@pytest.fixture(autouse=True, scope="module")
def _agents(parley: Installation) -> None:
    assert parley.command("shell", "-c", SETUP).returncode == 0


class Place(BaseModel):
    """An object that is wanted."""

    name: str
    height: int


def test_litellm_as_a_client(parley: Installation, key: str) -> None:
    common: dict[str, Any] = {
        "model": f"openai/{MODEL}",
        "api_base": f"{parley.url}/v1",
        "api_key": key,
    }

    import litellm  # (it takes seconds)

    def ask(content: str, **more: Any) -> Any:  # noqa: ANN401  (the package's own)
        messages = [{"role": "user", "content": content}]
        return litellm.completion(messages=messages, **common, **more)

    assert ask(script(text="Hello")).choices[0].message.content == "Hello"
    chunks = list(ask(script(tokens=50), stream=True))
    assert "49:" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    (call,) = ask(CALLS, tools=[LOOK]).choices[0].message.tool_calls
    assert call.function.name == "look"


def test_langchain_as_a_client(parley: Installation, key: str) -> None:
    common: dict[str, Any] = {"base_url": f"{parley.url}/v1", "api_key": key, "max_retries": 0}
    open_chat: Any = ChatOpenAI  # (its types know its fields by other names)
    chat = open_chat(**common, model=MODEL)

    assert chat.invoke(script(text="Hello")).content == "Hello"
    assert "49:" in "".join(str(chunk.content) for chunk in chat.stream(script(tokens=50)))
    asked = HumanMessage(CALLS)
    bound = chat.bind_tools([LOOK])
    wanted = bound.invoke([asked])
    (call,) = wanted.tool_calls
    assert (call["name"], call["args"]) == ("look", {"place": "x"})
    result = ToolMessage("seen", tool_call_id=call["id"])
    final = bound.invoke([asked, wanted, result, HumanMessage(script(text="Done."))])
    assert final.content == "Done."
    place = open_chat(**common, model="demo").with_structured_output(Place).invoke("A place.")
    assert isinstance(place, Place)
    embedding = OpenAIEmbeddings(model="demo/embedding", check_embedding_ctx_length=False, **common)
    assert len(embedding.embed_documents(["a", "b"])) == 2
