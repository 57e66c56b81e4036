"""OpenAI's wire: requests as it wants them, chunks as it sends them."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from agents.llm import parameters
from agents.llm.registry import model_info
from agents.llm.request import Request, Sink
from agents.llm.speech import Speech
from agents.messages import Reply, ToolCall, Turn, Usage
from agents.text import clean
from agents.tools import Tool


def payload(request: Request, *, strict: bool = False) -> dict[str, Any]:
    """Return the body of a streaming chat completion.

    Args:
        request: What is asked.
        strict: Whether the server refuses parameters that it doesn't know.
    """
    info = model_info(request.model)
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [message(turn, thinking=info.wants_thinking) for turn in request.turns],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools and info.tools:
        body["tools"] = [function(tool) for tool in request.tools]
        if request.config.tool_choice is not None:
            body["tool_choice"] = _choice(request.config.tool_choice)
    elif request.tools:
        parameters.leave_out(request.model, {"tools": [tool.name for tool in request.tools]})
    return body | parameters.openai(request.config, info, strict=strict)


def _choice(wanted: str) -> str | dict[str, Any]:
    if wanted in {"auto", "none", "required"}:
        return wanted
    return {"type": "function", "function": {"name": wanted}}


def message(turn: Turn, *, thinking: bool = False) -> dict[str, Any]:
    """Return a turn as a message of the wire.

    Args:
        turn: The turn.
        thinking: Whether the model wants back what it thought before its calls.
    """
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.call_id, "content": turn.content}
    written: dict[str, Any] = {"role": turn.role, "content": _content(turn)}
    if turn.calls:
        written["content"] = turn.content or None
        written["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in turn.calls
        ]
    if turn.thinking and thinking:
        written["reasoning_content"] = turn.thinking
    return written


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    """Return a turn's text, or its pieces that are for a model."""
    if not turn.parts:
        return turn.content
    pieces: list[dict[str, Any]] = []
    for part in turn.parts:
        if "model" not in part.audience:
            continue
        if part.image:
            pieces.append({"type": "image_url", "image_url": {"url": part.image}})
        else:
            pieces.append({"type": "text", "text": part.text})
    return pieces


def function(tool: Tool) -> dict[str, Any]:
    """Return a tool the way a model is told of it."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }


class Assembly:
    """A reply put together from its chunks."""

    def __init__(self, sink: Sink) -> None:
        self.finish_reason: str | None = None
        self._speech = Speech(sink)
        self._calls: list[tuple[int, dict[str, str]]] = []
        self._at: dict[int, dict[str, str]] = {}  # the call that stands at an index by now
        self._usage: Usage | None = None
        self._signed: list[dict[str, Any]] = []

    def take(self, chunk: Mapping[str, Any]) -> None:
        """Take one chunk; its text goes to the sink at once.

        Raises:
            ValueError: It is no chunk.
        """
        try:
            if usage := chunk.get("usage"):
                self._usage = _usage(usage)
            for choice in chunk["choices"]:
                delta = choice.get("delta") or {}
                if piece := delta.get("content"):
                    self._speech.say(piece)
                elif thought := delta.get("reasoning_content") or delta.get("reasoning"):
                    self._speech.think(thought)
                for block in delta.get("thinking_blocks") or ():
                    self._take_signed(block)
                for call in delta.get("tool_calls") or ():
                    self._take_call(call)
                self.finish_reason = choice.get("finish_reason") or self.finish_reason
        except (AttributeError, KeyError, TypeError) as error:
            msg = f"no chunk of an answer: {error!r}"
            raise ValueError(msg) from error

    def reply(self) -> Reply:
        """Return the whole reply."""
        self._speech.end()
        calls = tuple(
            ToolCall(
                id=clean(call["id"]),
                name=clean(call["name"]),
                arguments=clean(call["arguments"]) or "{}",
            )
            for _, call in sorted(self._calls, key=itemgetter(0))
        )
        return Reply(
            content=self._speech.content,
            thinking=self._speech.thoughts,
            calls=calls,
            usage=self._usage,
            signed=tuple(block for block in self._signed if _is_signed(block)),
            finish_reason=self.finish_reason or "stop",
        )

    def _take_signed(self, piece: Mapping[str, Any]) -> None:
        """Take a piece of what LiteLLM tells of signed thinking; a signature ends a block."""
        last = self._signed[-1] if self._signed else None
        if last is None or _is_signed(last) or last["type"] != piece["type"]:
            self._signed.append({"type": piece["type"]})
        for name, value in piece.items():
            if name != "type" and isinstance(value, str):
                self._signed[-1][name] = self._signed[-1].get(name, "") + value

    def _take_call(self, piece: Mapping[str, Any]) -> None:
        place = piece.get("index")
        if place is None:  # some servers send each call whole, without an index
            place = len(self._calls)
        call = self._at.get(place)
        identity = piece.get("id") or ""
        if call is None or (call["id"] and identity not in {"", call["id"]}):
            call = {"id": "", "name": "", "arguments": ""}  # (or give all calls the same index)
            self._at[place] = call
            self._calls.append((place, call))
        called = piece.get("function") or {}
        call["id"] = call["id"] or identity
        call["name"] += called.get("name") or ""
        call["arguments"] += called.get("arguments") or ""


def _is_signed(block: Mapping[str, Any]) -> bool:
    return bool(block.get("signature") or block.get("data"))


def _usage(told: Mapping[str, Any]) -> Usage:
    into = told.get("prompt_tokens_details") or {}
    out = told.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=told.get("prompt_tokens") or 0,
        completion_tokens=told.get("completion_tokens") or 0,
        cached_tokens=into.get("cached_tokens") or 0,
        reasoning_tokens=out.get("reasoning_tokens") or 0,
        written_tokens=told.get("cache_creation_input_tokens") or 0,
    )
