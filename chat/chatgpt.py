"""Conversations as ChatGPT exports them, read as our own files.

`conversations.json` is a list of conversations; each has a `mapping` of nodes, which know their
parent, and a `current_node`. Of the nodes, what a person or the assistant has said is taken.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Json = Any  # whatever the file holds

SHOWN = {"user", "assistant"}


def is_conversation(content: Json) -> bool:
    """Tell whether this is one of ChatGPT's conversations."""
    return isinstance(content, dict) and isinstance(content.get("mapping"), dict)


def converted(conversation: Json) -> dict[str, Json]:
    """Return a conversation as the fields of a `ThreadFile`."""
    nodes: dict[str, Json] = {
        key: node for key, node in conversation["mapping"].items() if isinstance(node, dict)
    }
    texts = {key: _text(node) for key, node in nodes.items()}
    said = [key for key in _in_order(nodes) if texts[key]]
    current = conversation.get("current_node")
    return {
        "title": _title(conversation.get("title")),
        "started_at": _time(conversation.get("create_time")),
        "head": _shown(current, nodes, texts) if current in nodes else None,
        "messages": [
            {
                "id": key,
                "parent": _shown(nodes[key].get("parent"), nodes, texts),
                "role": nodes[key]["message"]["author"]["role"],
                "content": texts[key],
                "created_at": _time(nodes[key]["message"].get("create_time")),
            }
            for key in said
        ],
    }


def _in_order(nodes: dict[str, Json]) -> Iterator[str]:
    """Yield the nodes so that each comes behind its parent."""
    children: dict[str | None, list[str]] = {}
    for key, node in nodes.items():
        parent = node.get("parent")
        children.setdefault(parent if parent in nodes else None, []).append(key)
    waiting = children.get(None, [])[::-1]
    while waiting:
        key = waiting.pop()
        yield key
        waiting += children.get(key, [])[::-1]


def _shown(key: Json, nodes: dict[str, Json], texts: dict[str, str]) -> str | None:
    """Return a node, or the nearest one above it, that is taken."""
    passed: set[str] = set()
    while isinstance(key, str) and key in nodes and key not in passed:
        if texts[key]:
            return key
        passed.add(key)
        key = nodes[key].get("parent")
    return None


def _text(node: Json) -> str:
    """Return what a node says, if a person or the assistant says it to the other."""
    message = node.get("message")
    if not isinstance(message, dict) or _of(message, "author").get("role") not in SHOWN:
        return ""
    if _of(message, "metadata").get("is_visually_hidden_from_conversation"):
        return ""
    if message.get("recipient") not in {None, "all"}:
        return ""  # what the assistant says to a tool
    content = _of(message, "content")
    if content.get("content_type") == "code":
        return f"```\n{content.get('text', '')}\n```"
    parts = content.get("parts")
    return "\n\n".join(filter(None, map(_part, parts if isinstance(parts, list) else []))).strip()


def _part(part: Json) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("content_type", "") if isinstance(part, dict) else ""
    if "image" in str(kind):
        return "[an image]"
    return str(part.get("text") or "") if isinstance(part, dict) else ""


def _of(fields: dict[str, Json], name: str) -> dict[str, Json]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def _title(title: Json) -> str:
    return title if isinstance(title, str) else ""


def _time(seconds: Json) -> str | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
