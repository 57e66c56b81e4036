"""What the bot asks its database all the time: nothing looks at all that ever came or went."""

import pytest
from django.db import connection

from telegram_bot import inbox, posts, watching
from telegram_bot.models import Chat
from tests.support.queries import of_everything
from tests.telegram_bot.person import Person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="asks SQLite for its plans"),
]


def test_nothing_looks_at_all_that_there_was(ada: Person) -> None:
    ada.write("one")
    ada.read()
    chat = Chat.objects.get(chat_id=ada.number)

    with of_everything() as slow:
        ada.write("/help")
        assert inbox.chats() == []
        assert posts.chats_waiting() == [chat.pk]
        assert posts.first_of(chat.pk) is not None
        assert len(watching.under_way()) == 1
        ada.read()

    assert slow == []
