"""Who is linked, where they write, what came in, what is to go out, and what stands there."""

from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from typing_extensions import override


class Account(models.Model):
    """A Telegram account that stands for a person here."""

    telegram_id = models.BigIntegerField(unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="telegram_accounts"
    )
    name = models.CharField(max_length=200, blank=True)
    linked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["linked_at"]
        verbose_name = "linked account"

    @override
    def __str__(self) -> str:
        return self.name or str(self.telegram_id)


class LinkCode(models.Model):
    """A code that links one account, once, for a while. Only its hash is kept."""

    digest = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    @override
    def __str__(self) -> str:
        return f"for {self.user}, until {self.expires_at:%Y-%m-%d %H:%M}"


class Chat(models.Model):
    """A place in Telegram: a chat, or a topic of one. `thread` is what goes on there.

    `topic` is 0 outside of topics. `refused` says why nothing can be sent there.
    """

    chat_id = models.BigIntegerField()
    topic = models.BigIntegerField(default=0)
    kind = models.CharField(max_length=20)
    forum = models.BooleanField(default=False)
    title = models.CharField(max_length=200, blank=True)
    account = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="chats")
    thread = models.UUIDField(null=True)
    agent = models.CharField(max_length=50, blank=True)
    refused = models.TextField(blank=True)
    used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-used_at"]
        constraints = [
            models.UniqueConstraint(fields=["chat_id", "topic"], name="one_row_per_place")
        ]
        indexes = [models.Index(fields=["thread"], name="chat_by_thread")]

    @override
    def __str__(self) -> str:
        return self.title or self.place

    @property
    def place(self) -> str:
        """Its name in events: the chat, and the topic if it is one."""
        return f"{self.chat_id}/{self.topic}" if self.topic else str(self.chat_id)

    @property
    def private(self) -> bool:
        """Whether the bot and one person are alone in it."""
        return self.kind == "private"


def migrate(old: int, new: int) -> None:
    """Know a chat by the id that it has now; what was known by that one already stays."""
    known = Chat.objects.filter(chat_id=new).values_list("topic", flat=True)
    with transaction.atomic():
        Chat.objects.filter(chat_id=old, topic__in=list(known)).delete()
        Chat.objects.filter(chat_id=old).update(chat_id=new, kind="supergroup")


class Incoming(models.Model):
    """An update of Telegram's. The same one twice is one; its content goes when it is handled."""

    update_id = models.BigIntegerField(primary_key=True)
    chat_id = models.BigIntegerField(default=0)
    data = models.JSONField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(default=timezone.now)
    handled_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["update_id"]
        verbose_name = "update"
        indexes = [
            models.Index(
                fields=["update_id"], name="updates_to_handle", condition=Q(handled_at=None)
            ),
            models.Index(fields=["handled_at"], name="updates_by_time"),
        ]

    @override
    def __str__(self) -> str:
        return str(self.update_id)


class Post(models.Model):
    """What is to be shown in a chat: written with what it tells of, sent by the bot in order.

    `key` says what it is, so that nothing is written twice; `data` is what its kind needs.
    """

    class Kind(models.TextChoices):
        REPLY = "reply", "what the bot says itself"
        ANSWER = "answer", "an agent's answer"
        SAID = "said", "what the person said elsewhere"
        ASK = "ask", "a call or a question that waits"
        SETTLED = "settled", "how that was decided"
        FILE = "file", "a file"
        TOPIC = "topic", "a topic for a thread"

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="posts")
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    thread = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["chat", "key"], name="one_post_per_key")]
        indexes = [
            models.Index(fields=["state", "next_at"], name="posts_waiting"),
            models.Index(fields=["chat", "state"], name="posts_of_chat"),
            models.Index(fields=["thread"], name="post_by_thread"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.kind}, {self.state}"


class Shown(models.Model):
    """A message of Telegram's, and what it shows: a part of one of ours, or of a post.

    `whole` tells that it stands as it should; what is still growing does not.
    """

    id = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="shown")
    telegram_id = models.BigIntegerField()
    key = models.CharField(max_length=200)
    part = models.PositiveSmallIntegerField(default=0)
    whole = models.BooleanField(default=True)
    persons = models.BooleanField(default=False)
    message = models.UUIDField(null=True)
    thread = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)

    class Meta:
        verbose_name_plural = "shown"
        constraints = [
            models.UniqueConstraint(fields=["chat", "telegram_id"], name="one_row_per_message"),
            models.UniqueConstraint(fields=["chat", "key", "part"], name="one_row_per_part"),
        ]
        indexes = [
            models.Index(fields=["message"], name="shown_by_message"),
            models.Index(fields=["client_id"], name="shown_by_client_id"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.key}, part {self.part}"


class Button(models.Model):
    """What pressing a button does: the token is all that Telegram knows of it.

    Of the buttons with the same `once`, one can be pressed, one time.
    """

    token = models.UUIDField(primary_key=True, default=uuid4)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="buttons")
    action = models.JSONField()
    once = models.CharField(max_length=200, blank=True)
    used_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["chat", "once"], name="button_by_once")]

    @override
    def __str__(self) -> str:
        return str(self.action.get("do", ""))
