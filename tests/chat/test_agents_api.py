"""Agents over REST and in the terminal: made, changed, carried elsewhere."""

import json
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from agents import documents
from agents.api import catalogue
from agents.errors import BadAgent
from agents.models import Agent
from chat import credentials
from chat.models import User

Response: TypeAlias = Any  # the test client gives its responses more than their class has

pytestmark = pytest.mark.django_db

HELPER = {
    "slug": "helper",
    "name": "Helper",
    "model": "demo/assistant",
    "system_prompt": "Grüße in few words.\nSecond line.",
    "temperature": 0.2,
    "stop": ["END", "STOP"],
    "tools": ["calculator"],
    "skills": [],
    "delegates": ["demo"],
    "fallback_models": ["demo/other"],
}


@pytest.fixture
def api(owner: User, demo: Agent) -> Client:
    key = credentials.create_api_key(name="test", user=owner)
    return Client(headers={"Authorization": f"Bearer {key}"})


def send(api: Client, method: str, path: str, body: object = None, **headers: str) -> Response:
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.generic(
        method, f"/api/v1{path}", json.dumps(body), content_type="application/json", headers=kept
    )


def test_an_agent_is_made_read_changed_and_taken_away(api: Client) -> None:
    made = send(api, "POST", "/agents", HELPER)
    assert made.status_code == 201
    assert {name: made.json()[name] for name in HELPER} == HELPER
    agent = Agent.objects.get(slug="helper")
    assert (agent.stop_texts, agent.fallback_models) == ("END\nSTOP", "demo/other")

    changed = send(api, "PATCH", "/agents/helper", {"temperature": None, "active": False})

    assert changed.json()["temperature"] is None
    assert changed.json()["system_prompt"] == HELPER["system_prompt"]
    assert [each["slug"] for each in api.get("/api/v1/agents").json()["items"]] == ["demo"]
    off = api.get("/api/v1/agents?state=inactive").json()["items"]
    assert [each["slug"] for each in off] == ["helper"]
    assert send(api, "DELETE", "/agents/helper").status_code == 204
    assert api.get("/api/v1/agents/helper").json()["code"] == "unknown_agent"


def test_nobody_overwrites_what_another_has_changed(api: Client) -> None:
    first = api.get("/api/v1/agents/demo")
    mark = first.headers["ETag"]
    same = api.get("/api/v1/agents/demo", headers={"If-None-Match": mark})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", mark)

    changed = send(api, "PATCH", "/agents/demo", {"description": "New"}, If_Match=mark)
    late = send(api, "PATCH", "/agents/demo", {"description": "Late"}, If_Match=mark)

    assert changed.headers["ETag"] not in {mark, ""}
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert Agent.objects.get(slug="demo").description == "New"
    assert send(api, "DELETE", "/agents/demo", If_Match=mark).status_code == 412
    whichever = send(api, "PATCH", "/agents/demo", {"description": "x"}, If_Match="*")
    assert whichever.status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"slug": "demo"}, 409, "agent_exists"),
        ({"slug": "import"}, 422, "bad_agent"),
        ({"slug": "with space"}, 422, "invalid"),
        ({"name": ""}, 422, "invalid"),
        ({"temperature": 3}, 422, "invalid"),
        ({"tools": ["nothing"]}, 422, "bad_agent"),
        ({"approvals": ["nothing"]}, 422, "bad_agent"),
        ({"skills": ["nothing"]}, 422, "bad_agent"),
        ({"delegates": ["nobody"]}, 422, "bad_agent"),
        ({"system_prompt": "a\x00b"}, 422, "bad_agent"),
        ({"seed": 10**30}, 422, "invalid"),
        ({"colour": "red"}, 422, "invalid"),
    ],
)
def test_what_no_agent_can_be_is_refused(
    api: Client, change: dict[str, Any], status: int, code: str
) -> None:
    refused = send(api, "POST", "/agents", HELPER | change)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert Agent.objects.count() == 1


def test_a_person_with_the_right_may_set_agents_up(stranger: User, demo: Agent) -> None:
    page = Client()
    page.force_login(stranger)
    assert page.patch("/api/v1/agents/demo", {}, content_type="application/json").status_code == 403

    stranger.user_permissions.add(Permission.objects.get(codename="change_agent"))

    assert page.patch("/api/v1/agents/demo", {}, content_type="application/json").status_code == 200
    assert page.delete("/api/v1/agents/demo").json()["code"] == "not_allowed"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_an_agent_is_carried_elsewhere(api: Client, form: str) -> None:
    send(api, "POST", "/agents", HELPER)
    before = documents.document(Agent.objects.get(slug="helper"))

    file = api.get(f"/api/v1/agents/helper/export?format={form}")

    assert file.headers["Content-Disposition"] == f'attachment; filename="helper.{form}"'
    content = yaml.safe_load(file.content)
    assert content["agents"][0]["system_prompt"] == HELPER["system_prompt"]
    there = api.post("/api/v1/agents/import", file.content, content_type=f"application/{form}")
    assert (there.status_code, there.json()["code"]) == (409, "agent_exists")
    Agent.objects.filter(slug="helper").delete()
    made = api.post("/api/v1/agents/import", file.content, content_type=f"application/{form}")
    assert (made.status_code, made.json()) == (201, {"agents": ["helper"]})
    assert documents.document(Agent.objects.get(slug="helper")) == before
    Agent.objects.filter(slug="helper").update(name="Other")
    again = api.post(
        "/api/v1/agents/import?replace=true", file.content, content_type=f"application/{form}"
    )
    assert again.status_code == 201
    assert Agent.objects.get(slug="helper").name == "Helper"


def test_a_file_is_taken_as_a_whole_or_not_at_all(demo: Agent) -> None:
    two = [HELPER, HELPER | {"slug": "second", "delegates": ["helper"], "tools": ["nothing"]}]
    file = {"format": "parley.agents", "version": 1, "agents": two}
    with pytest.raises(BadAgent, match="nothing"):
        documents.load(json.dumps(file))
    assert Agent.objects.count() == 1

    two[1]["tools"] = []

    assert len(documents.load(json.dumps(file | {"agents": two[::-1]}))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "just words",
        "format: parley.agents\nversion: 2\nagents: []",
        "format: parley.agents\nversion: 1\nagents: [{}]",
        "a: &a [x]\nb: *a",
        "!!python/object/apply:os.system ['true']",
        "- " * 5000,
        json.dumps({"format": "parley.agents", "version": 1, "agents": [HELPER, HELPER]}),
        "x" * 2_000_001,
    ],
)
def test_what_is_no_file_of_agents_is_refused(demo: Agent, text: str) -> None:
    with pytest.raises(BadAgent):
        documents.load(text)

    assert Agent.objects.count() == 1


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("agents", *arguments, stdout=out)
    return out.getvalue()


def test_agents_in_the_terminal(
    demo: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agents.yaml"
    assert run("list") == "demo  Demo  demo/assistant\n"

    run("export", "demo", "--output", str(file))
    with pytest.raises(CommandError, match="already"):
        run("import", str(file))
    assert run("import", "--replace", str(file)) == "demo\n"
    text = run("export")
    Agent.objects.all().delete()
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(text.encode())))
    assert run("import", "-") == "demo\n"
    for wrong, told in (
        (["export", "nobody"], "no agent 'nobody'"),
        (["import", str(tmp_path / "nothing")], "can't be read"),
        (["export", "--output", str(tmp_path)], "can't be written"),
    ):
        with pytest.raises(CommandError, match=told):
            run(*wrong)


def test_what_agents_are_made_of(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_models", {"until": 0.0, "names": []})
    tools = {tool["name"]: tool for tool in api.get("/api/v1/tools").json()}
    assert tools["calculator"]["parameters"]["required"] == ["expression"]
    assert tools["write_file"]["idempotent"] is not None
    skills = {skill["name"]: skill for skill in api.get("/api/v1/skills").json()}
    assert all(skill["description"] for skill in skills.values())
    assert len(skills) >= 5
    models = {model["name"]: model for model in api.get("/api/v1/models").json()}
    assert models["demo/assistant"]["known"] is False
    assert api.get("/api/v1/models").json()[0]["name"] in models
