"""A Bot API server on this machine: it takes what Telegram takes, and keeps what people would see.

Run it by itself with `python -m tests.support.bot_api`: it prints its address.
"""

import asyncio
import contextlib
import itertools
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tests.support.serving import in_a_thread
from tests.support.telegram_html import NotAccepted, text_of

TOKEN = "123456:stand-in-token-of-the-tests"
USERNAME = "parley_bot"
LIMIT = 4_096
CAPITAL = re.compile(r"[A-Z]")
Json = dict[str, Any]
FILE = {"file_id": "f", "file_unique_id": "u"}


class Failure(Exception):
    """What the server refuses, as it says so."""

    def __init__(self, code: int, told: str, **parameters: Any) -> None:
        super().__init__(told)
        self.code, self.told, self.parameters = code, told, parameters


class BotApi:
    """The server, what its chats show, and what was asked of it.

    Attributes:
        shown: The messages that stand in a chat, by id, in order.
        calls: Each call: its method and parameters, with the time it came.
        fail: What the next calls of a method are refused with.
        hold: Methods whose calls are carried out, but whose answer is held back for ever.
        has_drafts: Whether it knows drafts.
    """

    def __init__(self) -> None:
        self.shown: defaultdict[int, dict[int, Json]] = defaultdict(dict)
        self.calls: list[tuple[str, Json, float]] = []
        self.drafts: list[Json] = []
        self.fail: defaultdict[str, list[Failure]] = defaultdict(list)
        self.hold: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.has_drafts = True
        self.webhook: Json = {}
        self.commands: list[Json] = []
        self.toasts: list[str] = []
        self.topics = itertools.count(100)
        self._updates: list[Json] = []
        self._numbers = itertools.count(1_000)
        self._messages = itertools.count(1)
        self._came = threading.Condition()

    # What people do ----------------------------------------------------------------------------

    def push(self, **update: Any) -> int:
        """Have something happen; return the update's id."""
        number = next(self._numbers)
        with self._came:
            self._updates.append({"update_id": number, **update})
            self._came.notify_all()
        return number

    def again(self, number: int, **update: Any) -> None:
        """Send an update with an id that was there before."""
        with self._came:
            self._updates.append({"update_id": number, **update})

    def say(self, text: str, *, chat: int = 7, sender: int = 7, **more: Any) -> Json:
        """Write something to the bot; return the message."""
        message = self.message(text, chat=chat, sender=sender, **more)
        self.push(message=message)
        return message

    def message(self, text: str = "", *, chat: int = 7, sender: int = 7, **more: Any) -> Json:
        """Make a message of a person's, without sending it."""
        private = {"id": chat, "type": "private", "first_name": "Ada"}
        group = {"id": chat, "type": "supergroup", "title": "A group"}
        made: Json = {
            "message_id": next(self._messages),
            "date": int(time.time()),
            "chat": private if chat > 0 else group,
            "from": {"id": sender, "is_bot": False, "first_name": "Ada", "username": "ada"},
        }
        if text:
            made["text"] = text
        return made | more

    def press(self, message: Json, label: str, *, sender: int = 7) -> int:
        """Press a button of a message of the bot's."""
        row = [each for row in message["reply_markup"]["inline_keyboard"] for each in row]
        data = next(each["callback_data"] for each in row if each["text"] == label)
        who = {"id": sender, "is_bot": False, "first_name": "Ada"}
        query = {"id": "press", "from": who, "chat_instance": "1", "data": data}
        return self.push(callback_query={**query, "message": message})

    # What people see ---------------------------------------------------------------------------

    def texts(self, chat: int = 7) -> list[str]:
        """Return what stands in a chat, as plain text, in order."""
        return [each["plain"] for each in self.shown[chat].values()]

    def asked(self, method: str) -> list[Json]:
        """Return what a method was called with."""
        return [given for name, given, _ in self.calls if name == method]

    def application(self) -> web.Application:
        """Return what to serve."""
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.*}", self._file)
        return app

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if request.match_info["token"] != TOKEN:
            return _refused(Failure(401, "Unauthorized"))
        given = await _parameters(request)
        self.calls.append((method, given, time.monotonic()))
        try:
            result = await self._done(method, given)
        except Failure as failure:
            return _refused(failure)
        while method in self.hold:  # noqa: ASYNC110  (another thread lets go)
            await asyncio.sleep(0.05)
        return web.json_response({"ok": True, "result": result})

    async def _done(self, method: str, given: Json) -> Any:  # noqa: ANN401  (JSON)
        """Do what a method does.

        Raises:
            Failure: It is refused.
        """
        if self.fail[method]:
            raise self.fail[method].pop(0)
        handler = getattr(
            self, "_" + CAPITAL.sub(lambda found: f"_{found[0].lower()}", method), None
        )
        if handler is None:
            raise Failure(404, "Not Found")
        result = handler(given)
        return await result if asyncio.iscoroutine(result) else result

    async def _file(self, request: web.Request) -> web.Response:
        content = self.files.get(request.match_info["path"])
        return web.Response(body=content) if content is not None else web.Response(status=404)

    def _get_me(self, _: Json) -> Json:
        return {"id": 123456, "is_bot": True, "first_name": "Parley", "username": USERNAME}

    async def _get_updates(self, given: Json) -> list[Json]:
        if self.webhook:
            raise Failure(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(given.get("offset", 0))
        with self._came:
            self._updates = [each for each in self._updates if each["update_id"] >= offset]
        deadline = time.monotonic() + min(float(given.get("timeout", 0)), 2)
        while not self._updates and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return list(self._updates)

    def _set_webhook(self, given: Json) -> bool:
        self.webhook = given
        return True

    def _delete_webhook(self, _: Json) -> bool:
        self.webhook = {}
        return True

    def _set_my_commands(self, given: Json) -> bool:
        self.commands = json.loads(given["commands"])
        return True

    def _send_chat_action(self, _: Json) -> bool:
        return True

    def _answer_callback_query(self, given: Json) -> bool:
        self.toasts.append(given.get("text", ""))
        return True

    def _create_forum_topic(self, given: Json) -> Json:
        return {"message_thread_id": next(self.topics), "name": given["name"], "icon_color": 0}

    def _send_message_draft(self, given: Json) -> bool:
        if not self.has_drafts:
            raise Failure(404, "Not Found")
        if int(given["chat_id"]) < 0 or int(given["draft_id"]) == 0:
            raise Failure(400, "Bad Request: drafts are for private chats")
        self.drafts.append({**given, "plain": _checked(given)})
        return True

    def _send_message(self, given: Json) -> Json:
        plain = _checked(given)
        if not plain.strip():
            raise Failure(400, "Bad Request: message text is empty")
        return self._stands(given, plain=plain)

    def _send_photo(self, given: Json) -> Json:
        return self._sent_file(given, given["photo"], photo=[{**FILE, "width": 1, "height": 1}])

    def _send_document(self, given: Json) -> Json:
        return self._sent_file(given, given["document"], document=FILE)

    def _sent_file(self, given: Json, content: Any, **kind: Any) -> Json:  # noqa: ANN401
        name = content if isinstance(content, str) else ""
        held = given.get(name.removeprefix("attach://"), content)
        return self._stands(given, plain=given.get("caption", ""), file=held, **kind)

    def _get_file(self, given: Json) -> Json:
        path = f"files/{given['file_id']}"
        if path not in self.files:
            raise Failure(400, "Bad Request: file is too big")
        return {"file_id": given["file_id"], "file_unique_id": "u", "file_path": path}

    def _edit_message_text(self, given: Json) -> Json:
        chat, number = int(given["chat_id"]), int(given["message_id"])
        known = self.shown[chat].get(number)
        if known is None:
            raise Failure(400, "Bad Request: message to edit not found")
        plain = _checked(given)
        same = {"text": given["text"], "reply_markup": _markup(given)}
        if all(known.get(name) == value for name, value in same.items()):
            raise Failure(400, "Bad Request: message is not modified")
        known.update(same, plain=plain)
        return known

    def _delete_message(self, given: Json) -> bool:
        if self.shown[int(given["chat_id"])].pop(int(given["message_id"]), None) is None:
            raise Failure(400, "Bad Request: message to delete not found")
        return True

    def _stands(self, given: Json, **more: Any) -> Json:
        chat, number = int(given["chat_id"]), next(self._messages)
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"},
            "from": self._get_me({}),
            "text": given.get("text", ""),
            "reply_markup": _markup(given),
            "message_thread_id": int(given["message_thread_id"])
            if "message_thread_id" in given
            else None,
            **more,
        }
        self.shown[chat][number] = message
        return {
            name: value
            for name, value in message.items()
            if value is not None and not isinstance(value, bytes)
        }


def _checked(given: Json) -> str:
    """Return what a text says, if Telegram takes it."""
    text = given.get("text", "")
    try:
        plain = text_of(text) if given.get("parse_mode") == "HTML" else text
    except NotAccepted as error:
        raise Failure(400, f"Bad Request: can't parse entities: {error}") from error
    if len(plain.encode("utf-16-le")) // 2 > LIMIT:
        raise Failure(400, "Bad Request: message is too long")
    return plain


def _markup(given: Json) -> Json | None:
    markup = json.loads(given["reply_markup"]) if given.get("reply_markup") else None
    for row in (markup or {}).get("inline_keyboard", []):
        for each in row:
            if len(each["callback_data"].encode()) > 64:
                raise Failure(400, "Bad Request: BUTTON_DATA_INVALID")
    return markup


async def _parameters(request: web.Request) -> Json:
    if request.content_type.startswith("multipart/"):
        return {
            name: value.file.read() if isinstance(value, web.FileField) else value
            for name, value in (await request.post()).items()
        }
    return dict(await request.post()) | dict(request.query)


def _refused(failure: Failure) -> web.Response:
    content: Json = {"ok": False, "error_code": failure.code, "description": failure.told}
    if failure.parameters:
        content["parameters"] = failure.parameters
    return web.json_response(content, status=failure.code)


def flood(seconds: int) -> Failure:
    """Make the refusal of who comes too fast."""
    return Failure(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, BotApi]]:
    """Serve one for a block; yield its address and itself."""
    api = BotApi()
    with in_a_thread(api.application()) as address:
        try:
            yield address, api
        finally:
            api.hold.clear()
