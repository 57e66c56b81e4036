"""`manage.py rebuild`: rows are what their events say."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from chat import gateway
from chat.models import Message, Run, Thread
from tests.chat.talk import ask, say

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("rebuild", *arguments, stdout=out)
    return out.getvalue()


def test_after_a_conversation_there_is_no_difference(thread: Thread) -> None:
    ask(thread, "What is 17*23?")
    say(thread, "more")
    gateway.stop(thread, actor="user:1")
    gateway.rename(thread, title="Sums", actor="user:1")

    assert "0 differed" in told("--check")
    assert "0 differed" in told()
    assert Message.objects.count() == 3


def test_check_finds_a_row_that_was_changed_by_hand_and_leaves_it(thread: Thread) -> None:
    ask(thread, "Hello")
    Message.objects.filter(role="user").update(content="Goodbye")
    Run.objects.all().delete()

    with pytest.raises(CommandError, match="2 of 3 rows differ"):
        told("--check")
    assert Message.objects.get(role="user").content == "Goodbye"

    assert "Message" in told()
    assert Message.objects.get(role="user").content == "Hello"
    assert Run.objects.get().state == "completed"
    assert "0 differed" in told("--check")


def test_a_row_without_events_goes(thread: Thread) -> None:
    stray = Thread.objects.get()
    stray.pk = "00000000-0000-4000-8000-000000000000"
    stray.save(force_insert=True)

    told()

    assert Thread.objects.count() == 1
