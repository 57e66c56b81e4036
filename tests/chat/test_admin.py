"""The admin of conversations: edits are events, facts stay."""

import pytest
from django.test import Client

from agents.models import Agent
from chat import credentials
from chat.models import ApiKey, Message, Run, Thread, User
from tests.chat.talk import ask, kinds
from tracer.log import read
from tracer.models import Label, TraceEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


@pytest.fixture
def admin(client: Client, owner: User) -> Client:
    """A browser in the admin."""
    client.force_login(owner)
    return client


PAGES = [
    "agents/agent",
    "chat/apikey",
    "chat/message",
    "chat/run",
    "chat/thread",
    "chat/user",
    "tracer/traceevent",
]


@pytest.mark.parametrize("page", PAGES)
def test_each_list_and_its_search_work(admin: Client, thread: Thread, page: str) -> None:
    ask(thread, "What is 17*23?")

    assert admin.get(f"/admin/{page}/").status_code == 200
    assert admin.get(f"/admin/{page}/?q=demo").status_code == 200


def test_an_edit_of_a_message_is_an_event(admin: Client, thread: Thread) -> None:
    message = Message.objects.get(id=ask(thread, "Helo").message_id)
    address = f"/admin/chat/message/{message.pk}/change/"
    assert b"Helo" in admin.get(address).content

    admin.post(address, {"content": "Hello"})

    message.refresh_from_db()
    assert message.content == "Hello"
    last = list(read(thread.stream))[-1]
    assert (last.kind, last.actor) == ("message.edited", f"user:{thread.owner_id}")
    refused = admin.post(address, {"content": " "})
    assert b"The message is empty" in refused.content


def test_an_edit_of_a_thread_is_an_event(admin: Client, thread: Thread) -> None:
    Agent.objects.create(slug="other", name="Other", model="demo/x")
    address = f"/admin/chat/thread/{thread.pk}/change/"

    admin.post(address, {"title": "Named", "agent": "other", "state": "archived"})
    admin.post(address, {"title": "Named", "agent": "other", "state": "archived"})

    thread.refresh_from_db()
    assert (thread.title, thread.agent, thread.state) == ("Named", "other", "archived")
    assert kinds(thread)[1:] == ["thread.renamed", "thread.agent_changed", "thread.archived"]
    assert (
        b"The title is empty"
        in admin.post(address, {"title": "", "agent": "other", "state": "active"}).content
    )


def test_threads_are_archived_together(admin: Client, thread: Thread) -> None:
    body = {"action": "archive_selected", "_selected_action": [str(thread.pk)]}
    admin.post("/admin/chat/thread/", body)
    thread.refresh_from_db()
    assert thread.state == "archived"

    admin.post("/admin/chat/thread/", {**body, "action": "restore_selected"})
    thread.refresh_from_db()
    assert thread.state == "active"


def test_rows_of_the_stream_are_not_added_or_deleted_by_hand(admin: Client, thread: Thread) -> None:
    run = ask(thread, "Hello")
    event = TraceEvent.objects.filter(stream=thread.stream).first()
    assert event is not None
    for page, row in (
        ("chat/thread", thread.pk),
        ("chat/message", run.message_id),
        ("chat/run", run.pk),
        ("tracer/traceevent", event.pk),
    ):
        assert admin.get(f"/admin/{page}/add/").status_code == 403
        assert admin.post(f"/admin/{page}/{row}/delete/", {"post": "yes"}).status_code == 403
        assert admin.get(f"/admin/{page}/{row}/change/").status_code == 200
    assert admin.post(f"/admin/chat/run/{run.pk}/change/", {"state": "failed"}).status_code == 403
    assert Run.objects.get().state == "completed"


def test_an_event_gets_a_label_and_stays_as_it_is(admin: Client, thread: Thread) -> None:
    event = TraceEvent.objects.get(stream=thread.stream, seq=1)
    form = {
        "kind": "message.added",
        "label-TOTAL_FORMS": "1",
        "label-INITIAL_FORMS": "0",
        "label-0-label": "odd",
        "label-0-note": "Look at this.",
    }

    admin.post(f"/admin/tracer/traceevent/{event.pk}/change/", form)

    label = Label.objects.get()
    assert (label.event_id, label.label, label.note) == (event.pk, "odd", "Look at this.")
    assert TraceEvent.objects.get(pk=event.pk).kind == "thread.started"
    assert b"odd" in admin.get("/admin/tracer/traceevent/").content


def test_what_models_wrote_is_text_in_the_admin(admin: Client, thread: Thread) -> None:
    run = ask(thread, "<script>alert(1)</script>")

    for page in (
        "/admin/chat/message/",
        f"/admin/chat/message/{run.answer_id}/change/",
        "/admin/tracer/traceevent/",
    ):
        assert b"<script>alert(1)" not in admin.get(page).content
    for event in TraceEvent.objects.filter(stream=thread.stream):
        page = f"/admin/tracer/traceevent/{event.pk}/change/"
        assert b"<script>alert(1)" not in admin.get(page).content


def test_keys_are_revoked_and_never_shown(admin: Client, owner: User) -> None:
    key = credentials.create_api_key(name="k", user=owner)
    row = ApiKey.objects.get()

    assert key.encode() not in admin.get(f"/admin/chat/apikey/{row.pk}/change/").content
    admin.post("/admin/chat/apikey/", {"action": "revoke", "_selected_action": [str(row.pk)]})

    assert credentials.api_key(key) is None


def test_a_person_without_rights_is_kept_out(client: Client, stranger: User) -> None:
    client.force_login(stranger)

    assert client.get("/admin/chat/thread/").status_code == 302
