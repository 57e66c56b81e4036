"""What a client asks, handed to a worker: by itself, or as a message in a thread."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid4

import redis
from channels.db import database_sync_to_async
from django.conf import settings
from typing_extensions import override

from agents import selectors as agents
from agents.errors import AgentError, NoSuchAgent
from chat import control, credentials, gateway, selectors, tasks
from chat.api.openai.errors import OpenAIError, of_code
from chat.api.openai.waiting import Waiting, WaitingForCompletion, WaitingForRun
from chat.api.openai.wire import CompletionIn
from chat.completions import KEPT_SECONDS, Asked, asked_key
from chat.errors import ChatError, QueueFull
from chat.files import MessageEntry, ThreadFile
from chat.models import ApiKey, Thread, User
from chat.rates import Rate
from tracer import live

NEW = "new"
CHANNEL = "openai"
ACTIVE = "parley:completions"
LONGEST_SECONDS = 3 * 3600
RETRY_AFTER_SECONDS = 10

# Takes a place in both lists, of everybody and of one person, if both have room for it.
TAKE_PLACE = """
local now = redis.call('TIME')[1]
for place = 1, 2 do
    redis.call('ZREMRANGEBYSCORE', KEYS[place], '-inf', now - tonumber(ARGV[2]))
    if redis.call('ZCARD', KEYS[place]) >= tonumber(ARGV[2 + place]) then return place end
end
for place = 1, 2 do
    redis.call('ZADD', KEYS[place], now, ARGV[1])
    redis.call('EXPIRE', KEYS[place], ARGV[2])
end
return 0
"""

Untyped = Any  # redis-py types its scripts for both kinds of clients


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how much of the key's rate is left."""

    user: User
    rate: Rate


class Question:
    """Something that was asked: entered, it listens; left, nobody waits for it any more."""

    def __init__(self, stream: str, *, thread: UUID | None = None) -> None:
        self.stream = stream
        self.thread = thread
        self._subscription: live.Subscription | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await live.hub().subscribe(self.stream)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._subscription is not None:
            live.hub().unsubscribe(self._subscription)

    async def ask(self) -> Waiting:
        """Ask, and return what waits for the answer."""
        raise NotImplementedError

    @property
    def listening(self) -> live.Subscription:
        """What is listened with."""
        assert self._subscription is not None, "Enter the question first."  # noqa: S101
        return self._subscription


class Stateless(Question):
    """A question with its whole conversation: nothing of it is kept as a thread."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.stream)
        self._asked = asked

    @override
    async def ask(self) -> Waiting:
        """Leave the question for a worker."""
        client: Untyped = live.hub().redis
        asked = self._asked
        try:
            refused = await client.register_script(TAKE_PLACE)(
                [ACTIVE, f"{ACTIVE}:{asked.owner}"],
                [str(asked.id), LONGEST_SECONDS, settings.QUEUE_TOTAL, settings.QUEUE_PER_OWNER],
            )
            if refused:
                raise _full(refused)
            await client.set(asked_key(asked.id), asked.model_dump_json(), ex=KEPT_SECONDS)
            await self._send()
        except (redis.RedisError, OSError) as error:
            msg = "Questions can't be taken just now: Redis does not answer. Try again."
            raise OpenAIError(msg, status=503, code="unavailable") from error
        return WaitingForCompletion(self.listening, asked.id, send=self._send)

    async def _send(self) -> None:
        await _send(self._asked.id)

    @override
    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        client: Untyped = live.hub().redis
        asked = self._asked
        with suppress(redis.RedisError, OSError):  # the client may have gone: nobody reads it
            await client.delete(asked_key(asked.id))
            await client.publish(control.CHANNEL, str(asked.id))
            for key in (ACTIVE, f"{ACTIVE}:{asked.owner}"):
                await client.zrem(key, str(asked.id))


class Kept(Question):
    """A question that is a message in a thread. Who leaves does not stop the answer."""

    def __init__(self, user: User, wanted: CompletionIn, thread: Thread) -> None:
        super().__init__(thread.stream, thread=thread.id)
        self._user = user
        self._wanted = wanted
        self._thread = thread

    @override
    async def ask(self) -> Waiting:
        """Say the last message in the thread."""
        run = await _say(self._user, self._wanted, self._thread)
        return WaitingForRun(self.listening, run)


async def question(caller: Caller, wanted: CompletionIn, *, thread: str | None) -> Question:
    """Return a question that is ready to be asked.

    Args:
        caller: Who asks.
        wanted: What the client sent.
        thread: "new", or the id of a thread, if it is to be kept there.

    Raises:
        OpenAIError: It can't be asked like that.
    """
    wanted.check()
    if thread is not None:
        return Kept(caller.user, wanted, await _thread(caller.user, wanted, thread))
    await _check_agent(wanted.model)
    asked = Asked(
        id=uuid4(),
        owner=caller.user.pk,
        agent=wanted.model,
        turns=wanted.turns(),
        tools=wanted.foreign_tools(),
        config=wanted.config(),
        own_tools=wanted.tool_choice != "none",
    )
    return Stateless(asked)


def _full(place: int) -> OpenAIError:
    limit = (settings.QUEUE_TOTAL, settings.QUEUE_PER_OWNER)[place - 1]
    whose = ("for everybody", "for you")[place - 1]
    error = QueueFull(whose, limit=limit, retry_after_seconds=RETRY_AFTER_SECONDS)
    return of_code(str(error), code=error.code, retry_after_seconds=RETRY_AFTER_SECONDS)


# What waits for the database --------------------------------------------------------------------


def _caller_now(token: str, scope: str) -> Caller:
    """Return who calls with an API key.

    Raises:
        OpenAIError: The key is not good, not for this, or comes too often.
    """
    key: ApiKey | None = credentials.api_key(token)
    if key is None:
        msg = "This is no valid API key. Make one in Parley."
        raise of_code(msg, code="unauthorized")
    rate = credentials.rate_of(key)
    if not rate.allowed:
        msg = f"This API key may come {rate.limit} times a minute."
        raise of_code(msg, code="rate_limited", retry_after_seconds=rate.retry_seconds)
    if not key.may(scope):
        msg = f"This API key lacks the scope {scope!r}."
        raise of_code(msg, code="missing_scope")
    return Caller(key.user, rate)


def _check_agent_now(slug: str) -> None:
    try:
        agents.active_agent(slug)
    except NoSuchAgent as error:
        raise of_code(str(error), code=error.code) from error


def _thread_now(user: User, wanted: CompletionIn, named: str) -> Thread:
    """Return the thread to go on with, or a new one with what was said before."""
    _check_keepable(wanted)
    try:
        agents.active_agent(wanted.model)
        if named != NEW:
            return selectors.thread_for(user, _uuid(named))
        if len(wanted.messages) == 1:
            return gateway.start(owner=user, agent=wanted.model, actor=f"user:{user.pk}")
        return gateway.import_thread(_before(wanted), owner=user, actor=f"user:{user.pk}")
    except (ChatError, AgentError) as error:
        raise of_code(str(error), code=error.code) from error


def _check_keepable(wanted: CompletionIn) -> None:
    """Refuse what can't be kept in a thread."""
    if wanted.tools or any(message.role == "tool" for message in wanted.messages):
        msg = "Tools of the client can't be used with a thread: leave out X-Parley-Thread."
        raise OpenAIError(msg, param="tools")
    last = wanted.turns()[-1]
    if last.role != "user" or last.parts:
        msg = "In a thread, the last message is a text of the user."
        raise OpenAIError(msg, param="messages")


def _before(wanted: CompletionIn) -> ThreadFile:
    """Return what was said before the last message, as a thread."""
    entries: list[MessageEntry] = []
    for number, turn in enumerate(wanted.turns()[:-1]):
        if turn.role not in {"user", "assistant"} or not turn.content:
            continue  # the agent has its own instructions
        parent = entries[-1].id if entries else None
        fields = {"id": str(number), "parent": parent, "role": turn.role, "content": turn.content}
        entries.append(MessageEntry.model_validate(fields))
    return ThreadFile(agent=wanted.model, messages=entries)


def _say_now(user: User, wanted: CompletionIn, thread: Thread) -> UUID:
    actor = f"user:{user.pk}"
    try:
        receipt = gateway.receive(
            thread=thread,
            content=wanted.turns()[-1].content,
            channel=CHANNEL,
            sender=actor,
            agent=wanted.model,
        )
    except (ChatError, AgentError) as error:
        retry = error.retry_after_seconds if isinstance(error, ChatError) else None
        raise of_code(str(error), code=error.code, retry_after_seconds=retry) from error
    return receipt.run


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # nobody's


def _send_now(completion: UUID) -> None:
    tasks.complete.delay(completion_id=str(completion))


caller_of = database_sync_to_async(_caller_now, thread_sensitive=False)
_check_agent = database_sync_to_async(_check_agent_now, thread_sensitive=False)
_thread = database_sync_to_async(_thread_now, thread_sensitive=False)
_say = database_sync_to_async(_say_now, thread_sensitive=False)
_send = database_sync_to_async(_send_now, thread_sensitive=False)
