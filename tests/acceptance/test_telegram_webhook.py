"""The bot where Telegram sends its updates: registered, with the secret, and answered."""

from pathlib import Path

import httpx

from tests.acceptance.telegram import CODE, Phone, settings
from tests.support import bot_api, stand_in
from tests.support.installation import running, wait_until

ADDRESS = "https://chat.example.org"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


def test_updates_that_are_sent_are_answered(
    shared_server: tuple[str, stand_in.StandIn], tmp_path: Path
) -> None:
    with bot_api.serving() as (address, api):
        given = settings(address, shared_server[0]) | {"TELEGRAM_WEBHOOK_URL": ADDRESS}
        with running(tmp_path, **given) as bot:
            wait_until(lambda: api.webhook, seconds=15, what="the webhook")
            assert api.webhook["url"] == f"{ADDRESS}/telegram/webhook/"
            phone = Phone(bot, api)
            code = bot.command("shell", "-c", CODE).stdout.split()[-1]
            update = {"update_id": 1, "message": api.message(f"/start {code}")}
            path, headers = f"{bot.url}/telegram/webhook/", {HEADER: api.webhook["secret_token"]}
            assert httpx.post(path, json=update, headers={HEADER: "wrong"}).status_code == 403
            assert httpx.post(path, json=update, headers=headers).status_code == 200
            phone.sees("Hello owner")
            question = api.message(stand_in.script(text="by webhook"))
            for _ in range(2):
                body = {"update_id": 2, "message": question}
                httpx.post(path, json=body, headers=headers)
            phone.sees("by webhook")

    assert phone.count("by webhook") == 1
    assert not api.asked("getUpdates")
