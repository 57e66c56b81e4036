"""What comes with messages: files that are fetched, voices that are listened to."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from agents import endpoints, loop
from chat.models import Attachment, Message
from telegram_bot.api import Api
from telegram_bot.arrivals import fetch
from telegram_bot.handlers.talk import Arrived
from telegram_bot.wire import Update
from tests.support import bot_api
from tests.support.bot_api import BotApi
from tests.support.stand_in import StandIn
from tests.telegram_bot.person import Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_committed")]


@pytest.fixture
def api(settings: Settings) -> Iterator[BotApi]:
    """A Bot API server, and the settings that lead to it."""
    with bot_api.serving() as (address, served):
        settings.TELEGRAM_API_URL = address
        yield served


@pytest.fixture
def listening(model_server: tuple[str, StandIn], settings: Settings) -> Iterator[StandIn]:
    """A model that listens."""
    settings.LLM_ENDPOINTS = {"openai": (model_server[0], "")}
    settings.LLM_RETRIES = 0
    settings.TRANSCRIPTION_MODEL = "openai/whisper"
    endpoints.broker.cache_clear()
    yield model_server[1]
    endpoints.broker.cache_clear()


def arrive(person: Person, **more: Any) -> Arrived:
    """Fetch what comes with a message."""

    async def go() -> Arrived:
        client = Api(bot_api.TOKEN)
        try:
            message = person.message(**more)
            return await fetch(client, Update.model_validate({"update_id": 5, "message": message}))
        finally:
            await client.close()

    return loop.wait(go())


def test_a_file_is_fetched_once(api: BotApi, ada: Person) -> None:
    api.files["files/1"] = b"text"
    first, second = (
        arrive(ada, document={"file_id": "1", "file_name": "../a.txt"}) for _ in range(2)
    )

    kept = Attachment.objects.get()
    assert (kept.name, bytes(kept.content)) == (".._a.txt", b"text")
    assert first.files == second.files == [kept.id]
    assert first.problems == []


def test_of_a_photo_the_largest_is_fetched(api: BotApi, ada: Person) -> None:
    api.files["files/large"] = b"\xff\xd8\xff\xe0"
    sizes = [{"file_id": "small", "file_size": 1}, {"file_id": "large", "file_size": 4}]
    arrive(ada, photo=sizes)

    assert Attachment.objects.get().media_type == "image/jpeg"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ({"file_id": "1", "file_size": 30_000_000}, "a.bin: it is larger than 10 MB."),
        ({"file_id": "none", "file_size": 3}, "a.bin: Telegram did not hand it out."),
        ({"file_id": "bin", "file_size": 3}, "a.bin: Only images"),
    ],
)
def test_what_can_not_be_taken_is_told(
    api: BotApi, ada: Person, file: dict[str, Any], told: str
) -> None:
    api.files["files/bin"] = b"\0\1\2"
    arrived = arrive(ada, document={**file, "file_name": "a.bin"})

    assert arrived.problems[0].startswith(told)
    assert arrived.files == []


def test_nothing_of_strangers_is_fetched(api: BotApi, ada: Person) -> None:
    arrive(Person(number=66, chat=66), document={"file_id": "1"})

    assert not api.asked("getFile")


def test_a_voice_is_listened_to(api: BotApi, ada: Person, listening: StandIn) -> None:
    api.files["files/v"] = b"What time is it?"
    arrived = arrive(ada, voice={"file_id": "v", "file_size": 16})
    assert listening.requests[-1] == {"model": "whisper", "name": "voice.ogg"}
    ada.write(voice={"file_id": "v"}, files=arrived)

    assert ada.read() == ["I heard: What time is it?"]
    assert Message.objects.get().content == "What time is it?"


def test_a_voice_that_nobody_understands_is_told(
    api: BotApi, ada: Person, listening: StandIn
) -> None:
    api.files["files/v"] = b""
    arrived = arrive(ada, voice={"file_id": "v"})
    ada.write(voice={"file_id": "v"}, files=arrived)

    (told,) = ada.read()
    assert told.startswith("voice.ogg: ")
    assert "no speech" in told


def test_without_a_model_nobody_listens(api: BotApi, ada: Person) -> None:
    arrived = arrive(ada, voice={"file_id": "v"})
    ada.write(voice={"file_id": "v"}, files=arrived)

    assert ada.read() == ["I can't listen to voice messages here. Please write it."]
    assert not api.asked("getFile")
