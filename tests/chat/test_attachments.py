"""Files that go with messages: what is taken, who sees it, what a model is shown."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from agents.llm.registry import ModelInfo
from agents.models import Agent
from chat import attachments, context, gateway, tasks
from chat.errors import BadAttachment, EmptyMessage, NoSuchAttachment, TooManyAttachments
from chat.models import Attachment, Message, Run, Thread, User
from tests.chat.talk import ask, kinds, say, work
from tests.support.stand_in import StandIn, script

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.png", PNG, "image/png"),
        ("liar.txt", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.py", b"print(1)", "text/plain"),
        ("page.html", b"<script>alert(1)</script>", "text/plain"),
        ("drawing.svg", b"<svg onload='alert(1)'/>", "text/plain"),
    ],
)
def test_kinds_are_seen_from_the_content(
    owner: User, name: str, content: bytes, media_type: str
) -> None:
    kept = attachments.keep(owner, name=name, content=content)

    assert (kept.media_type, kept.size, kept.name) == (media_type, len(content), name)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "empty"), (b"\0\1\2", "Only images"), (b"%PDF-1.7 \0\xff", "Only images")],
)
def test_what_nobody_can_read_is_refused(owner: User, content: bytes, told: str) -> None:
    with pytest.raises(BadAttachment, match=told):
        attachments.keep(owner, name="x", content=content)


def test_what_is_too_large_is_refused(owner: User, settings: Settings) -> None:
    settings.ATTACHMENT_MAX_BYTES = 10
    with pytest.raises(BadAttachment, match="11 bytes; the limit is 10"):
        attachments.keep(owner, name="x", content=b"x" * 11)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a\0b\n", "x" * 500 + ".txt"])
def test_names_are_made_harmless(owner: User, name: str) -> None:
    kept = attachments.keep(owner, name=name, content=b"x")

    assert 0 < len(kept.name) <= 200
    assert not set("/\0\n") & set(kept.name)


def test_a_model_reads_texts_and_sees_images(
    scripted: tuple[Agent, StandIn],
    scripted_thread: Thread,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [
        attachments.keep(owner, name="a.py", content=b"print(1)"),
        attachments.keep(owner, name="dot.png", content=PNG),
    ]
    content = gateway.Content(script(text="seen"), tuple(each.id for each in files))
    run = ask(scripted_thread, content)

    sent = scripted[1].requests[-1]["messages"][-1]["content"]
    texts = [piece["text"] for piece in sent if piece["type"] == "text"]
    assert "a.py\n```python\nprint(1)\n```" in texts
    assert sent[-1]["image_url"]["url"].startswith("data:image/png;base64,")
    blind = ModelInfo(name="x", vision=False)
    monkeypatch.setattr(context, "model_info", lambda _: blind)
    say(scripted_thread, script(text="more"))
    work(scripted_thread)
    asked = scripted[1].requests[-1]["messages"][0]["content"]
    told = asked if isinstance(asked, str) else "".join(each.get("text", "") for each in asked)
    assert "[dot.png: an image, which this model can't see.]" in told
    assert "image_url" not in str(asked)
    assert run.state == Run.State.COMPLETED


def test_a_long_text_is_cut_for_the_model_and_kept_whole(owner: User) -> None:
    content = b"a" * 100_000
    kept = attachments.keep(owner, name="a.txt", content=content)
    (_, part) = attachments.parts("Look", [kept], sees_images=True)

    assert len(part.text) < 62_000
    assert "characters are left out here" in part.text
    assert bytes(Attachment.objects.get().content) == content


def test_another_wording_keeps_the_files(thread: Thread, owner: User) -> None:
    kept = attachments.keep(owner, name="a.txt", content=b"x")
    first = say(thread, gateway.Content("Look", (kept.id,)))
    say(thread, "Look again", place=gateway.Place(replaces=first.message))

    assert [m.attached for m in Message.objects.filter(role="user")] == [(kept,), (kept,)]


def test_a_file_may_come_without_a_word(thread: Thread, owner: User) -> None:
    kept = attachments.keep(owner, name="a.txt", content=b"x")
    say(thread, gateway.Content("", (kept.id,)))
    with pytest.raises(EmptyMessage):
        say(thread, gateway.Content(""))

    assert kinds(thread) == ["thread.started", "message.added", "run.queued"]


def test_files_of_others_and_of_other_threads_are_not_sent(
    thread: Thread, owner: User, stranger: User
) -> None:
    theirs = attachments.keep(stranger, name="a.txt", content=b"x")
    sent = attachments.keep(owner, name="a.txt", content=b"x")
    elsewhere = gateway.start(owner=owner, actor="user:1")
    say(elsewhere, gateway.Content("x", (sent.id,)))
    for each in (theirs.id, sent.id, uuid4()):
        with pytest.raises(NoSuchAttachment):
            say(thread, gateway.Content("x", (each,)))
    many = [attachments.keep(owner, name="x", content=b"x").id for _ in range(11)]
    with pytest.raises(TooManyAttachments):
        say(thread, gateway.Content("x", tuple(many)))

    assert not thread.messages.exists()


def test_what_is_never_sent_goes_and_so_does_a_deleted_thread(thread: Thread, owner: User) -> None:
    unsent = attachments.keep(owner, name="a.txt", content=b"x")
    sent = attachments.keep(owner, name="b.txt", content=b"x")
    fresh = attachments.keep(owner, name="c.txt", content=b"x")
    ask(thread, gateway.Content("x", (sent.id,)))
    old = timezone.now() - timedelta(days=2)
    Attachment.objects.exclude(id=fresh.id).update(created_at=old)
    tasks.deliver_due()
    assert set(Attachment.objects.values_list("id", flat=True)) == {sent.id, fresh.id}
    gateway.delete(thread, actor="user:1")

    assert set(Attachment.objects.values_list("id", flat=True)) == {fresh.id}
    assert unsent.id != fresh.id


def test_rest_uploads_sends_and_gives_back(client: Client, thread: Thread, owner: User) -> None:
    client.force_login(owner)
    file = SimpleUploadedFile("ä <b>.html", b"<script>alert(1)</script>")
    made = client.post("/api/v1/attachments", {"file": file})
    assert made.status_code == 201
    body = {"content": "", "attachments": [made.json()["id"]]}
    path = f"/api/v1/threads/{thread.id}/messages"
    assert client.post(path, body, content_type="application/json").status_code == 202
    (message,) = client.get(path).json()["items"]
    assert message["attachments"] == [made.json()]

    got = client.get(f"/api/v1/attachments/{made.json()['id']}")
    assert got.content == b"<script>alert(1)</script>"
    assert got["Content-Type"] == "text/plain"
    assert got["Content-Disposition"].startswith("attachment; filename*=")
    assert "sandbox" in got["Content-Security-Policy"]
    assert got["X-Content-Type-Options"] == "nosniff"
    refused = client.post("/api/v1/attachments", {"file": SimpleUploadedFile("x", b"\0")})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_attachment")
    page = client.get(f"/threads/{thread.id}/").content.decode()
    assert "ä &lt;b&gt;.html" in page
    assert "<b>.html" not in page


def test_the_page_sends_files_without_a_script(client: Client, owner: User, demo: Agent) -> None:
    client.force_login(owner)
    form = {"content": "Look", "agent": "demo", "files": SimpleUploadedFile("a.png", PNG)}
    assert client.post("/", form).status_code == 302
    thread = Thread.objects.get()
    page = client.get(f"/threads/{thread.id}/").content.decode()
    assert f'<img src="/api/v1/attachments/{Attachment.objects.get().id}"' in page
    refused = client.post(f"/threads/{thread.id}/", {**form, "files": SimpleUploadedFile("a", b"")})

    assert refused.status_code == 422
    assert "The file is empty." in refused.content.decode()
    assert thread.messages.count() == 1


def test_an_agent_sends_a_file(
    scripted: tuple[Agent, StandIn], scripted_thread: Thread, client: Client, owner: User
) -> None:
    agent = scripted[0]
    agent.tools = ["write_file", "send_file"]
    agent.save()
    write = {"name": "write_file", "arguments": '{"path": "a/b.csv", "content": "1,2"}'}
    ask(scripted_thread, script(calls=[write]))
    send = {"name": "send_file", "arguments": '{"path": "a/b.csv", "caption": "<Here>"}'}
    missing = {"name": "send_file", "arguments": '{"path": "none"}'}
    ask(scripted_thread, script(calls=[send, missing]))

    sent = Attachment.objects.get()
    assert (sent.name, bytes(sent.content), sent.thread) == ("b.csv", b"1,2", scripted_thread.id)
    assert kinds(scripted_thread).count("file.sent") == 1
    assert kinds(scripted_thread).count("tool.failed") == 1
    client.force_login(owner)
    page = client.get(f"/threads/{scripted_thread.id}/").content.decode()
    assert f"/api/v1/attachments/{sent.id}" in page
