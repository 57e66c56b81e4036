"""`/tools`, `/skills`, `/models`: what an agent can be made of."""

import time
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from agents import mcp_servers, selectors
from agents.endpoints import broker
from agents.llm.registry import model_info
from agents.tools.registry import registry

KEPT_SECONDS = 60.0

router = Router(tags=["catalogue"])
_models: dict[str, Any] = {"until": 0.0, "names": []}


class ToolOut(Schema):
    """Something that agents can call."""

    name: str
    description: str
    parameters: dict[str, Any]
    needs_approval: bool
    idempotent: bool
    timeout_seconds: float
    aliases: list[str]


class SkillOut(Schema):
    """Something that agents know how to do."""

    name: str
    description: str
    license: str
    compatibility: str
    metadata: dict[str, str]
    allowed_tools: list[str]
    files: list[str]
    warnings: list[str]


class ModelOut(Schema):
    """A model that agents can speak with; `null` where nothing is known of it."""

    name: str
    known: bool
    context_window: int | None
    output_limit: int | None
    vision: bool | None
    tools: bool
    reasoning: bool


@router.get("/tools", response=list[ToolOut])
def list_tools(request: HttpRequest) -> list[Any]:
    """All tools, those of MCP servers behind our own."""
    return [*registry.all(), *mcp_servers.all_tools()]


@router.get("/skills", response=list[SkillOut])
def list_skills(request: HttpRequest) -> list[dict[str, Any]]:
    """The skills that were found, as their files stand now."""
    names = set(SkillOut.model_fields) - {"files"}
    return [
        {name: getattr(skill, name) for name in names} | {"files": skill.files()}
        for skill in selectors.skills().skills.values()
    ]


@router.get("/models", response=list[ModelOut])
def list_models(request: HttpRequest) -> list[dict[str, Any]]:
    """The models that the servers of the settings offer; asked for anew once a minute."""
    if time.monotonic() > _models["until"]:
        found = broker().models()
        _models["names"] = [name for names in found.values() for name in names]
        _models["until"] = time.monotonic() + KEPT_SECONDS
    return [_told(name) for name in _models["names"]]


def _told(name: str) -> dict[str, Any]:
    info = model_info(name)
    return {"name": name} | {
        field: getattr(info, field) for field in ModelOut.model_fields if field != "name"
    }
