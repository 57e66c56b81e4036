"""What an agent remembers of a person, and their earlier conversations."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue

from agents.errors import ToolError
from agents.text import clean
from agents.tools.context import ToolContext
from agents.tools.definition import tool
from agents.tools.memory import MOST_FACTS, fitting, words

Count = Annotated[int, Field(ge=1, le=50, description="How many at most.")]


@tool(in_order=True)
def remember(
    context: ToolContext,
    fact: Annotated[
        str,
        Field(min_length=1, max_length=1_000, description="One fact, understood by itself."),
    ],
) -> dict[str, JsonValue]:
    """Keep a fact about the person or their work for later conversations."""
    said = " ".join(clean(fact).split())
    facts = context.memory.facts()
    for known in facts:
        if known.content.casefold() == said.casefold():
            return {"remembered": known.content, "id": str(known.id), "note": "It was known."}
    if len(facts) >= MOST_FACTS:
        msg = f"{MOST_FACTS} facts are kept, which is all there is room for. Forget some."
        raise ToolError(msg)
    return {"remembered": said, "id": str(context.memory.remember(said))}


@tool(idempotent=True)
def recall(
    context: ToolContext,
    query: Annotated[
        str, Field(max_length=300, description="Words that it has to do with; empty for all.")
    ] = "",
    count: Count = 10,
) -> dict[str, JsonValue]:
    """Look up what you have been told to remember in earlier conversations."""
    facts = context.memory.facts()
    found = fitting(facts, query, count=count) if words(query) else list(facts)[-count:]
    told: list[JsonValue] = [{"id": str(each.id), "fact": each.content} for each in found]
    return {"facts": told, "kept_in_all": len(facts)}


@tool(idempotent=True, in_order=True)
def forget(
    context: ToolContext, fact: Annotated[UUID, Field(description="The id of the fact.")]
) -> str:
    """Forget a fact that is not right any more, or that the person wants forgotten."""
    if not context.memory.forget(fact):
        msg = f"No fact {fact} is kept. Look it up with recall."
        raise ToolError(msg)
    return "It is forgotten."


@tool(idempotent=True)
def search_threads(
    context: ToolContext,
    query: Annotated[str, Field(min_length=2, max_length=300, description="Words that were said.")],
    count: Count = 10,
) -> dict[str, JsonValue]:
    """Search the person's earlier conversations for messages that have all of these words."""
    if not words(query):
        msg = f"{query!r} has no words to search for."
        raise ToolError(msg)
    found = context.memory.search(query, count=count)
    return {"messages": [each.model_dump(mode="json") for each in found]}


MEMORY_TOOLS = (forget, recall, remember, search_threads)
