"""Anthropic's wire for the scripted model server: messages, streamed as typed events."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.support.stand_in import Script, StandIn, paced, script_of, words

SIGNATURE = "c2lnbmVk"


def add(stand_in: StandIn, application: web.Application) -> None:
    """Have a server answer on this wire, too."""

    async def messages(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        stand_in.requests.append(body)
        script = script_of(_plain(body["messages"]))
        if script.fail in {"429", "500", "401"}:
            error = {"type": "error", "error": {"type": "api_error", "message": "scripted"}}
            return web.json_response(error, status=int(script.fail))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await _stream(script, response)
        return response

    application.router.add_post("/v1/messages", messages)


async def _stream(script: Script, response: web.StreamResponse) -> None:
    async def send(kind: str, **data: Any) -> None:
        event = json.dumps({"type": kind, **data}, ensure_ascii=False)
        await response.write(f"event: {kind}\ndata: {event}\n\n".encode())

    usage = {"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 5}
    usage["cache_creation_input_tokens"] = 3
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": usage}
    await send("message_start", message={**message, "model": "claude", "stop_reason": None})
    count = 0
    if script.thinks:
        await _think(script.thinks, send)
    await send("content_block_start", index=1, content_block={"type": "text", "text": ""})
    async for piece in paced(script, script.pieces()):
        await send("content_block_delta", index=1, delta={"type": "text_delta", "text": piece})
        count += 1
    await send("content_block_stop", index=1)
    for number, call in enumerate(script.calls, 2):
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": call.name, "input": {}}
        await send("content_block_start", index=number, content_block=block)
        for start in range(0, len(call.arguments), 5):
            part = {"type": "input_json_delta", "partial_json": call.arguments[start : start + 5]}
            await send("content_block_delta", index=number, delta=part)
        await send("content_block_stop", index=number)
    reason = "tool_use" if script.calls else "end_turn"
    await send("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": count})
    await send("message_stop")


async def _think(text: str, send: Callable[..., Awaitable[None]]) -> None:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    await send("content_block_start", index=0, content_block=block)
    for word in words(text):
        delta = {"type": "thinking_delta", "thinking": word}
        await send("content_block_delta", index=0, delta=delta)
    signed = {"type": "signature_delta", "signature": SIGNATURE}
    await send("content_block_delta", index=0, delta=signed)
    await send("content_block_stop", index=0)


def _plain(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return Anthropic's messages as the script's reader knows them: results as tool messages."""
    plain: list[dict[str, Any]] = []
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            if block["type"] == "tool_result":
                plain.append({"role": "tool", "content": text_of(block["content"])})
            elif block["type"] == "text":
                plain.append({"role": message["role"], "content": block["text"]})
    return plain


def text_of(content: Any) -> str:  # noqa: ANN401  (a text, or blocks)
    """Return the text of a content."""
    if isinstance(content, str):
        return content
    return " ".join(block.get("text", "") for block in content)
