"""What tests of the Telegram channel share."""

import pytest
from pytest_django import Settings

from agents.llm.providers import demo as demo_provider
from agents.models import Agent
from chat.models import User
from telegram_bot.models import Account
from tests.support.bot_api import TOKEN
from tests.telegram_bot.person import Person


@pytest.fixture(autouse=True)
def _with_a_bot(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a bot set up, and the demo model speak without its pauses."""
    settings.TELEGRAM_BOT_TOKEN = TOKEN
    monkeypatch.setattr(demo_provider, "SECONDS_PER_WORD", 0)


@pytest.fixture
def account(owner: User, demo: Agent) -> Account:
    """The owner's account, linked."""
    return Account.objects.create(telegram_id=7, user=owner, name="Ada")


@pytest.fixture
def ada(account: Account) -> Person:
    """The owner, in a private chat."""
    return Person(number=account.telegram_id)
