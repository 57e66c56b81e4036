"""The built-in offline model: it streams and calls tools, and says that it is a demo."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from pydantic import JsonValue, TypeAdapter
from typing_extensions import override

from agents.llm.request import Provider, Request, Sink
from agents.messages import Reply, ToolCall, Turn, Usage

SECONDS_PER_WORD = 0.02
MAX_WORDS = 5_000
TITLE_WORDS = 6
QUOTED_WORDS = 12
SKILL = "<skill "  # the text of one, which stands behind the message that names it
DIMENSIONS = 256
JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)

_ISO_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_DATE = re.compile(
    r"\b(?:(?:next|this|last|coming)\s+"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|(?:next|last)\s+(?:week|month|year)"
    r"|in\s+\d+\s+(?:day|week|month|year)s?"
    r"|\d+\s+(?:day|week|month|year)s?\s+ago"
    r"|the\s+day\s+after\s+tomorrow|the\s+day\s+before\s+yesterday|tomorrow|yesterday)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:what(?:'s| is)? (?:the )?(?:current )?time|time is it|current (?:date|time)"
    r"|what day is it|(?:date|day) (?:is it )?today|today's date|right now)\b",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"(?:sqrt\(|[-(]*\d)[\d\s.,()]*(?:(?:\*\*|[-+*/\u00d7\u00f7^%])[\s(]*[-]?[\d.(]+[\d\s.()]*)+\)*"
    r"|sqrt\([\d.\s]+\)"
)
_CALL = re.compile(r"\b([a-z_][a-z0-9_]*)\(\{")
_DECODER = json.JSONDecoder()
_WORDS = re.compile(r"\b(\d{1,5}) words\b", re.IGNORECASE)
_CONVERSATION = re.compile(r"<conversation>\n(.*)\n</conversation>\Z", re.DOTALL)
_PERSON = re.compile(r"^person: (.+)$", re.MULTILINE)
_TITLE = re.compile(r"title\b.*?conversation.*?:\s*(.+)", re.IGNORECASE | re.DOTALL)

INTRODUCTION = (
    "I am Parley's **built-in demo model**: I run offline, know nothing of the world and "
    "can't think, but I really stream and I really call tools. "
    "Ask me *“What is 17\\*23, and what date is next Tuesday?”*, or *“What time is it?”*, or "
    "for *“300 words”* to watch a longer answer. "
    "For a real model, give this agent one in the admin.\n\n"
)


class Demo(Provider):
    """A model without a network: rules instead of weights."""

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        asked = (turn.content for turn in reversed(request.turns) if turn.role == "user")
        question = next((text for text in asked if not text.startswith(SKILL)), "")
        results = _results(request.turns)
        prompt_tokens = sum(len(turn.content) // 4 + 4 for turn in request.turns)
        if not results and (calls := _wanted(question, {tool.name for tool in request.tools})):
            usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=12 * len(calls))
            return Reply(content="", calls=calls, usage=usage, finish_reason="tool_calls")
        schema = request.config.schema_wanted
        answer = json.dumps(example(schema, schema)) if schema else _answer(question, results)
        said = ""
        for word in _words(answer):
            await asyncio.sleep(SECONDS_PER_WORD)
            sink.add(word)
            said += word
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=len(said.split()))
        return Reply(content=said, usage=usage)

    @override
    async def models(self) -> list[str]:
        return ["assistant"]

    @override
    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        return [_embedded(text) for text in texts]


def example(schema: dict[str, Any], root: dict[str, Any]) -> JsonValue:
    """Return the plainest value that fits a JSON Schema: the demo's answer where one is wanted.

    Args:
        schema: What it has to fit.
        root: Where the schema's references lead.
    """
    if "$ref" in schema:
        return example(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return JSON.validate_python(choices[0])
    if either := schema.get("anyOf") or schema.get("oneOf"):
        return example(either[0], root)
    match schema.get("type"):
        case "object":
            wanted = schema.get("properties", {})
            value: JsonValue = {name: example(each, root) for name, each in wanted.items()}
        case "array":
            value = [example(schema["items"], root)] if "items" in schema else []
        case kind:
            plain: dict[str, JsonValue] = {"integer": 1, "number": 1.5, "boolean": True}
            value = plain.get(str(kind), None if kind == "null" else "demo")
    return value


def _embedded(text: str) -> list[float]:
    """Return a vector by the words of a text: alike for texts with the same words, no more."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        place = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % DIMENSIONS
        vector[place] += 1.0
    length = sum(value * value for value in vector) ** 0.5
    return [value / length for value in vector] if length else vector


def _results(turns: Sequence[Turn]) -> list[tuple[ToolCall, str]]:
    """Return the results that stand at the end of a conversation, with their calls.

    What the system says behind them, as after a breakdown, is no reason to call once more.
    """
    contents: dict[str | None, str] = {}
    for turn in reversed(turns):
        if turn.role == "tool":
            contents[turn.call_id] = turn.content
        elif turn.calls:
            return [(call, contents.get(call.id, "")) for call in turn.calls]
        elif turn.role != "system":
            break
    return []


def _wanted(question: str, offered: set[str]) -> tuple[ToolCall, ...]:
    """Read from a question which tools it wants called."""
    if _TITLE.search(question) or _CONVERSATION.search(question):
        return ()
    if written := _written_out(question, offered):
        return written
    wanted: list[tuple[str, dict[str, str]]] = []
    wanted += [("calculator", {"expression": each}) for each in _sums(question)]
    wanted += [("resolve_date", {"relative_date_found": each}) for each in _DATE.findall(question)]
    if _TIME.search(question):
        wanted.append(("current_datetime", {}))
    return tuple(
        ToolCall(id=f"call_{uuid4().hex}", name=name, arguments=json.dumps(arguments))
        for name, arguments in wanted
        if name in offered
    )


def _written_out(question: str, offered: set[str]) -> tuple[ToolCall, ...]:
    """Return the calls that a question writes out, such as `read_file({"path": "a.md"})`."""
    calls: list[ToolCall] = []
    for found in _CALL.finditer(question):
        name, start = found[1], found.end() - 1
        if name not in offered:
            continue
        try:
            arguments, _ = _DECODER.raw_decode(question[start:])
        except ValueError:
            continue
        written = json.dumps(arguments, ensure_ascii=False)
        calls.append(ToolCall(id=f"call_{uuid4().hex}", name=name, arguments=written))
    return tuple(calls)


def _sums(question: str) -> list[str]:
    plain = _ISO_DATE.sub(" ", question)
    return [each.strip(" .,") for each in _SUM.findall(plain)]


def _answer(question: str, results: list[tuple[ToolCall, str]]) -> str:
    if found := _TITLE.search(question):
        return " ".join(found[1].split()[:TITLE_WORDS])
    if found := _CONVERSATION.search(question):
        return _summary(found[1])
    if results:
        lines = [f"- {_sentence(call, content)}" for call, content in results]
        return "Here is what the tools say:\n\n" + "\n".join(lines) + "\n\n*(demo model)*"
    if found := _WORDS.search(question):
        return _long_text(min(int(found[1]), MAX_WORDS))
    quoted = " ".join(question.split())[:200]
    return f"{INTRODUCTION}You wrote: “{quoted}”"


def _summary(conversation: str) -> str:
    """Quote what a person has said: no summary, but what the demo can do towards one."""
    asked = [" ".join(said.split()[:QUOTED_WORDS]) for said in _PERSON.findall(conversation)]
    lines = [f"- “{each}”" for each in asked]
    return "The demo model can't summarise. The person's messages began:\n\n" + "\n".join(lines)


def _sentence(call: ToolCall, content: str) -> str:
    try:
        result = json.loads(content)
    except ValueError:
        result = content
    if not isinstance(result, dict):
        return f"`{call.name}`: {result}"
    if "error" in result:
        return f"`{call.name}` failed: {result['error']}"
    write = _SENTENCES.get(call.name)
    return write(result) if write else f"`{call.name}`: `{content[:200]}`"


_SENTENCES: dict[str, Callable[[dict[str, object]], str]] = {
    "calculator": lambda result: f"`{result['expression']}` = **{result['result']}**",
    "resolve_date": lambda result: f"“{result['relative_date']}” is **{result['resolved_date']}**",
    "current_datetime": lambda result: (
        f"It is **{result['current_datetime']}** ({result['timezone']})"
    ),
}


def _long_text(count: int) -> str:
    words = [f"word{number}" for number in range(1, count + 1)]
    lines = [" ".join(words[start : start + 12]) for start in range(0, count, 12)]
    paragraphs = ["\n".join(lines[start : start + 5]) for start in range(0, len(lines), 5)]
    return "\n\n".join(paragraphs)


def _words(text: str) -> Iterator[str]:
    """Cut a text into words, each with the white space behind it."""
    yield from re.findall(r"\S+\s*|\s+", text)
