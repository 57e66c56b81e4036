"""How soon Telegram is answered, on this machine: a bot, a Bot API server, and many chats at once.

Each chat sends a message and waits for its answer. Two times are measured: from a message's coming
to the Bot API server until the model is asked, and from there until the answer is sent. The floor
is one bare `sendMessage` by python-telegram-bot to the same server.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from agents import loop
from tests.support import bot_api, stand_in
from tests.support.bot_api import BotApi
from tests.support.installation import Installation, running, wait_until
from tests.support.stand_in import StandIn, script

CODE = """
from agents.models import Agent
from chat import credentials
from telegram_bot.models import Account
for number in range({chats}):
    Account.objects.create(telegram_id=1000 + number, user=credentials.owner())
"""
FLOOR_TIMES = 200


def floor(address: str) -> list[float]:
    """Return how long bare calls take, in ms."""
    from telegram import Bot  # noqa: PLC0415  (after the settings of its Parley)

    times: list[float] = []

    async def go() -> None:
        async with Bot(bot_api.TOKEN, base_url=f"{address}/bot") as bot:
            for number in range(FLOOR_TIMES):
                began = time.monotonic()
                await bot.send_message(1, f"text {number}")
                times.append((time.monotonic() - began) * 1000)

    loop.wait(go())
    return times


def measure(api: BotApi, model: StandIn, chats: range) -> tuple[list[float], list[float]]:
    """Have some chats say something at once; return the two times of each, in ms."""
    sent: dict[int, float] = {}
    for chat in chats:
        sent[chat] = time.monotonic()
        api.say(script(text=f"answer {chat}"), chat=chat, sender=chat)
    wait_until(lambda: all(api.shown[chat] for chat in chats), seconds=120, what="all answers")
    asked: dict[int, float] = {}
    for request, at in zip(model.requests, model.times, strict=True):
        asked[int(json.loads(request["messages"][-1]["content"])["text"].split()[1])] = at
    shown = {int(given["chat_id"]): at for name, given, at in api.calls if name == "sendMessage"}
    there = [(asked[chat] - sent[chat]) * 1000 for chat in chats]
    return there, [(shown[chat] - asked[chat]) * 1000 for chat in chats]


def line(name: str, times: list[float]) -> str:
    """Write a line of the table."""
    cuts = quantiles(times, n=100)
    return f"| {name:<46} | {len(times):>5} | {cuts[49]:>7.1f} | {cuts[94]:>7.1f} |"


def prepare(parley: Installation, *, chats: int) -> None:
    """Link an account for each chat."""
    done = parley.command("shell", "-c", CODE.format(chats=chats))
    if done.returncode:
        raise SystemExit(done.stderr)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chats", type=int, default=30)
    count = parser.parse_args().chats
    with (
        bot_api.serving() as (address, api),
        stand_in.serving() as (model_address, model),
        tempfile.TemporaryDirectory() as folder,
    ):
        settings = {
            "TELEGRAM_BOT_TOKEN": bot_api.TOKEN,
            "TELEGRAM_API_URL": address,
            "OPENAI_BASE_URL": model_address,
            "THREAD_TITLES": "false",
        }
        with running(Path(folder), **settings) as parley:
            prepare(parley, chats=2 * count)
            wait_until(lambda: api.commands, seconds=30, what="the bot")
            alone = [
                measure(api, model, range(chat, chat + 1)) for chat in range(1000, 1000 + count)
            ]
            together = measure(api, model, range(1000 + count, 1000 + 2 * count))
        print(f"| {'':<46} | times | p50 ms  | p95 ms  |\n|---|---|---|---|")
        print(line("floor: a bare sendMessage", floor(address)))
        print(line("one by one: message to model", [each for there, _ in alone for each in there]))
        print(line("one by one: model to answer", [each for _, back in alone for each in back]))
        print(line(f"{count} at once: message to model", together[0]))
        print(line(f"{count} at once: model to answer", together[1]))


if __name__ == "__main__":
    main()
