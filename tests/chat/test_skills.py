"""Skills in a conversation: the catalogue, loading, naming one, and long threads."""

import json
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from agents.models import Agent
from agents.skills.selection import opening
from chat import gateway, history
from chat.models import Message, Run, Thread, User
from tests.chat.talk import ask, kinds
from tests.support.stand_in import StandIn, script
from tracer import log

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def write(folder: Path, name: str, body: str) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    file = folder / name / "SKILL.md"
    file.write_text(f"---\nname: {name}\ndescription: Does {name}.\n---\n{body}\n")
    return file


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A folder with two skills."""
    settings.SKILLS_DIRS = (tmp_path,)
    write(tmp_path, "pack", "Pack the bag first.")
    write(tmp_path, "tidy", "Tidy the room.")
    return tmp_path


@pytest.fixture
def model(scripted: tuple[Agent, StandIn], folder: Path) -> StandIn:
    """The server behind an agent that has the skill "pack"."""
    Agent.objects.filter(slug="scripted").update(skills=["pack", "gone"])
    return scripted[1]


@pytest.fixture
def thread(scripted_thread: Thread, model: StandIn) -> Thread:
    return scripted_thread


LOADING = script(calls=[{"name": "load_skill", "arguments": json.dumps({"name": "pack"})}])


def seen(model: StandIn) -> list[str]:
    """Return what the model was last shown, message by message."""
    return [each.get("content") or "" for each in model.requests[-1]["messages"]]


def test_a_model_knows_the_skills_of_its_agent(thread: Thread, model: StandIn) -> None:
    ask(thread, "Hello")

    assert seen(model)[0].endswith("- pack: Does pack.")
    assert "tidy" not in seen(model)[0]
    names = [tool["function"]["name"] for tool in model.requests[-1]["tools"]]
    assert {"load_skill", "read_skill_resource"} <= set(names)


def test_without_skills_there_is_nothing_of_them(thread: Thread, model: StandIn) -> None:
    Agent.objects.filter(slug="scripted").update(skills=[])

    ask(thread, "Hello")

    assert seen(model) == ["Hello"]
    assert "load_skill" not in str(model.requests[-1])


def test_a_skill_is_loaded_once_in_a_conversation(thread: Thread, model: StandIn) -> None:
    ask(thread, LOADING)
    ask(thread, LOADING)

    loaded = [text for text in seen(model) if text.startswith(opening("pack"))]
    assert len(loaded) == 1
    assert "Pack the bag first." in loaded[0]
    assert kinds(thread).count("skill.loaded") == 1
    again = gateway.fork(thread, actor="user:1", seq=1)
    ask(again, LOADING)
    assert kinds(again).count("skill.loaded") == 1


def test_a_person_names_a_skill(thread: Thread, model: StandIn) -> None:
    ask(thread, "/pack for two days")

    assert seen(model)[1] == "/pack for two days"
    assert seen(model)[2].startswith(opening("pack"))
    (entry,) = [each for each in history.of(thread).entries if each.role == "assistant"]
    assert [(step.name, step.state) for step in entry.steps] == [("Skill pack", "skill")]

    ask(thread, LOADING)
    texts = [text for text in seen(model) if text.startswith(opening("pack"))]
    assert len(texts) == 1


def test_what_was_loaded_stays_as_it_was(thread: Thread, model: StandIn, folder: Path) -> None:
    ask(thread, "/pack")
    write(folder, "pack", "Something else.")
    ask(thread, "on")

    assert "Pack the bag first." in "".join(seen(model))
    assert "Something else." not in "".join(seen(model))


def test_a_skill_that_is_not_the_agents_is_text(thread: Thread, model: StandIn) -> None:
    for said in ("/tidy", "/gone", "/etc/passwd"):
        ask(thread, said)
        assert seen(model)[-1] == said
    assert "skill.loaded" not in kinds(thread)


def test_a_loaded_skill_outlives_the_summary(
    thread: Thread, model: StandIn, settings: Settings
) -> None:
    settings.CONTEXT_TOKENS = 2_000
    ask(thread, LOADING)
    for number in range(6):
        ask(thread, script(text=f"{number} {'x' * 700}"))

    assert "context.compacted" in kinds(thread)
    system = seen(model)[0]
    assert "A SUMMARY" in system
    assert "Pack the bag first." in system
    (first, *_) = log.read(thread.stream, kinds=["context.compacted"])
    assert first.event.payload()["skills"] == ["pack"]
    asked = ask(thread, LOADING)
    assert "is loaded" in "".join(seen(model))
    assert Run.objects.get(id=asked.id).state == "completed"


def test_new_skills_are_there_at_once(thread: Thread, model: StandIn, folder: Path) -> None:
    ask(thread, "Hello")
    assert "Does new" not in seen(model)[0]
    Agent.objects.filter(slug="scripted").update(skills=["pack", "new"])

    write(folder, "new", "Now.")
    ask(thread, "Hello")
    assert "Does new" in seen(model)[0]

    (folder / "new" / "SKILL.md").unlink()
    ask(thread, "Hello")
    assert "Does new" not in seen(model)[0]


def test_the_admin_shows_what_was_found_and_what_is_broken(
    owner: User, model: StandIn, folder: Path
) -> None:
    write(folder, "bad", "").write_text("---\nname: bad\n---\n<b>x</b>")
    client = Client()
    client.force_login(owner)

    shown = client.get("/admin/agents/agent/skills/")
    agent = Agent.objects.get(slug="scripted")
    form = client.get(f"/admin/agents/agent/{agent.pk}/change/").content.decode()

    text = shown.content.decode()
    assert "Does pack." in text
    assert "It has no description" in text
    assert "<strong>pack</strong>: Does pack." in form
    assert "<strong>gone</strong>: It is not there any more." in form


def test_strangers_do_not_see_the_skills(stranger: User, model: StandIn) -> None:
    client = Client()
    client.force_login(stranger)

    assert client.get("/admin/agents/agent/skills/").status_code in {302, 403}


def test_the_message_stays_as_the_person_wrote_it(thread: Thread) -> None:
    run = ask(thread, "/pack for two days")

    assert Message.objects.get(id=run.message_id).content == "/pack for two days"
