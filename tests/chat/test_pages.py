"""The pages without a script: sign in, begin, say, stop, try again, rename, archive."""

import pytest
from django.test import Client

from agents.events import LLMResponded
from agents.models import Agent
from chat import gateway
from chat.models import Message, Run, Thread, User
from tests.chat.talk import ask, say
from tests.support.stand_in import StandIn
from tracer.log import append

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


@pytest.fixture
def page(client: Client, owner: User, demo: Agent) -> Client:
    """A browser that is signed in."""
    client.force_login(owner)
    return client


def test_who_is_signed_out_sees_how_to_get_in(client: Client, thread: Thread) -> None:
    assert client.get("/").status_code == 403
    for path in (f"/threads/{thread.id}/", "/admin/", "/admin/chat/thread/"):
        response = client.get(path, follow=True)
        assert response.status_code == 403
        assert b"manage.py signin" in response.content


def test_a_thread_begins_with_its_first_message(page: Client) -> None:
    response = page.post("/", {"content": "Hello", "agent": "demo"})

    thread = Thread.objects.get()
    assert response.url == f"/threads/{thread.id}/"  # type: ignore[attr-defined]
    assert Message.objects.get().content == "Hello"


def test_a_refused_first_message_is_not_lost(page: Client) -> None:
    response = page.post("/", {"content": "Hello", "agent": "nobody"})

    assert response.status_code == 422
    assert b"no active agent" in response.content
    assert b">Hello</textarea>" in response.content
    assert Thread.objects.count() == 0


def test_a_thread_shows_its_messages_and_steps(page: Client, thread: Thread) -> None:
    ask(thread, "What is 17*23? <b>")

    html = page.get(f"/threads/{thread.id}/").content.decode()

    assert "What is 17*23? &lt;b&gt;" in html
    assert "<strong>391</strong>" in html
    assert '<span class="tool">calculator</span>' in html
    assert "{&quot;expression&quot;: &quot;17*23&quot;}" in html
    assert 'data-last-seq="12"' in html


def test_a_failure_is_shown_with_a_button(
    page: Client, scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    run = ask(scripted_thread, '{"tokens": 9, "fail": "500"}')

    html = page.get(f"/threads/{scripted_thread.id}/").content.decode()
    assert run.error is not None
    assert run.error["detail"].split(".")[0] in html

    page.post(f"/threads/{scripted_thread.id}/", {"action": "retry"})
    assert Run.objects.filter(state="queued").count() == 1


def test_an_answer_on_its_way_can_be_stopped(page: Client, thread: Thread) -> None:
    say(thread, "Hello")
    assert 'data-state="queued"' in page.get(f"/threads/{thread.id}/").content.decode()

    page.post(f"/threads/{thread.id}/", {"action": "stop"})

    assert Run.objects.get().state == "cancelled"
    refused = page.post(f"/threads/{thread.id}/", {"action": "stop"})
    assert b"Nothing is running here." in refused.content


def test_a_page_steers_pages_and_shows_what_was_thought(page: Client, thread: Thread) -> None:
    first = ask(thread, "one")
    path = f"/threads/{thread.id}/"
    thought = LLMResponded(run=first.id, attempt=1, model="m", content="", thinking="Hmm, one.")
    append(thread.stream, thought, correlation_id=first.id)
    assert b"Hmm, one." in page.get(path).content

    second = say(thread, "two")
    page.post(path, {"content": "and three", "steer": "on"})
    assert Run.objects.count() == 2
    assert Message.objects.get(content="and three").run_id == second.run

    page.post(path, {"action": "head", "message": str(first.answer_id)})
    page.post(path, {"content": "uno", "replaces": str(first.message_id)})
    assert Message.objects.get(content="uno").parent_id is None
    wording = page.get(f"{path}?edit={first.message_id}").content.decode()
    assert ">one</textarea>" in wording


def test_a_thread_is_renamed_and_archived(page: Client, thread: Thread) -> None:
    assert page.get(f"/threads/{thread.id}/rename/").status_code == 200
    page.post(f"/threads/{thread.id}/rename/", {"title": "New name"})
    refused = page.post(f"/threads/{thread.id}/rename/", {"title": " "})
    page.post(f"/threads/{thread.id}/archive/")

    assert refused.status_code == 422
    thread.refresh_from_db()
    assert (thread.title, thread.state) == ("New name", "archived")
    page.post(f"/threads/{thread.id}/archive/")
    thread.refresh_from_db()
    assert thread.state == "active"


def test_others_threads_are_not_there(page: Client, stranger: User) -> None:
    foreign = gateway.start(owner=stranger, actor="user:2")

    for path in ("", "rename/"):
        assert page.get(f"/threads/{foreign.id}/{path}").status_code == 404
    assert page.post(f"/threads/{foreign.id}/archive/").status_code == 404
    assert page.post(f"/threads/{foreign.id}/", {"content": "x"}).status_code == 404
    assert Message.objects.count() == 0


def test_the_chat_has_a_strict_policy_and_the_admin_its_own(page: Client) -> None:
    chat = page.get("/").headers["Content-Security-Policy"]
    admin = page.get("/admin/").headers["Content-Security-Policy"]

    assert "script-src 'self';" in chat
    assert "unsafe" not in chat
    assert "'unsafe-eval'" in admin
    for policy in (chat, admin):
        assert "frame-ancestors 'none'" in policy
