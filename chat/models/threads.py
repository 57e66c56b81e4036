"""The rows that are folded from the stream.

`Thread`, `Message` and `Run` are projections: only `chat/projections.py` writes them, and
`manage.py rebuild` makes them again from the events. They point at each other by id, without
constraints, since the stream decides what exists.
"""

from django.conf import settings
from django.db import models
from typing_extensions import override

from agents.messages import Attached
from chat.events import RunState, stream_of


class Thread(models.Model):
    """A conversation, as its stream stands. `plan` is its agent's list of tasks, if it had one.

    `allowed` are the tools that need no leave any more here.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        ARCHIVED = "archived"

    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="threads"
    )
    title = models.CharField(max_length=200, blank=True)
    agent = models.CharField(max_length=50)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    head = models.UUIDField(null=True)
    plan = models.JSONField(null=True)
    allowed = models.JSONField(default=list)
    origin_id = models.UUIDField(null=True)
    origin_seq = models.PositiveBigIntegerField(null=True)
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["owner", "state", "-updated_at"], name="thread_list")]

    @override
    def __str__(self) -> str:
        return self.title or f"Thread of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return stream_of(self.id)


class Message(models.Model):
    """What somebody said, as it reads now.

    `taken_by` is the run that took the message in while it was under way.
    """

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    id = models.UUIDField(primary_key=True)
    thread = models.ForeignKey(
        Thread, on_delete=models.DO_NOTHING, db_constraint=False, related_name="messages"
    )
    parent_id = models.UUIDField(null=True)
    role = models.CharField(max_length=10, choices=Role.choices)
    content = models.TextField(blank=True)
    agent = models.CharField(max_length=50, blank=True)
    run_id = models.UUIDField(null=True)
    taken_by = models.UUIDField(null=True)
    channel = models.CharField(max_length=30)
    sender = models.CharField(max_length=100)
    client_id = models.UUIDField(null=True)
    finish = models.CharField(max_length=10, default="complete")
    attachments = models.JSONField(default=list)
    seq = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["thread_id", "seq"]
        constraints = [
            models.UniqueConstraint(
                fields=["thread", "client_id"], name="one_message_per_client_id"
            )
        ]
        indexes = [
            models.Index(fields=["thread", "seq"], name="message_order"),
            models.Index(fields=["thread", "parent_id"], name="message_children"),
        ]

    @override
    def __str__(self) -> str:
        return self.content[:60]

    @property
    def attached(self) -> tuple[Attached, ...]:
        """The files that come with it."""
        return tuple(Attached.model_validate(each) for each in self.attachments)


class Run(models.Model):
    """One answering of a message, as it stands."""

    class State(models.TextChoices):
        QUEUED = RunState.QUEUED.value
        RUNNING = RunState.RUNNING.value
        WAITING = RunState.WAITING.value
        COMPLETED = RunState.COMPLETED.value
        FAILED = RunState.FAILED.value
        CANCELLED = RunState.CANCELLED.value

    id = models.UUIDField(primary_key=True)
    thread = models.ForeignKey(
        Thread, on_delete=models.DO_NOTHING, db_constraint=False, related_name="runs"
    )
    message_id = models.UUIDField()
    answer_id = models.UUIDField()
    agent = models.CharField(max_length=50)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    has_steps = models.BooleanField(default=False)
    waiting_until = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    error = models.JSONField(null=True)
    usage = models.JSONField(null=True)
    seq = models.PositiveBigIntegerField()
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-queued_at"]
        indexes = [
            models.Index(fields=["state", "queued_at"], name="run_by_state"),
            models.Index(fields=["thread", "seq"], name="run_order"),
            models.Index(fields=["thread", "state"], name="run_by_thread"),
            models.Index(fields=["answer_id"], name="run_by_answer"),
            models.Index(fields=["message_id"], name="run_by_message"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.agent}, {self.state}"


class Snapshot(models.Model):
    """A thread as a whole as it stood at one of its events."""

    id = models.CharField(max_length=60, primary_key=True)
    thread = models.ForeignKey(
        Thread, on_delete=models.DO_NOTHING, db_constraint=False, related_name="snapshots"
    )
    seq = models.PositiveBigIntegerField()
    title = models.CharField(max_length=200, blank=True)
    agent = models.CharField(max_length=50)
    state = models.CharField(max_length=10)
    head = models.UUIDField(null=True)

    class Meta:
        indexes = [models.Index(fields=["thread", "seq"], name="snapshot_order")]

    @override
    def __str__(self) -> str:
        return f"{self.thread_id} at {self.seq}"


class Summary(models.Model):
    """What stands, in a model's context, for a path's messages up to `until_id`."""

    id = models.CharField(max_length=60, primary_key=True)
    thread = models.ForeignKey(
        Thread, on_delete=models.DO_NOTHING, db_constraint=False, related_name="summaries"
    )
    seq = models.PositiveBigIntegerField()
    until_id = models.UUIDField()
    until_seq = models.PositiveBigIntegerField()
    content = models.TextField()
    skills = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "summaries"
        indexes = [
            models.Index(fields=["until_id"], name="summary_by_message"),
            models.Index(fields=["thread", "until_seq"], name="summary_order"),
        ]

    @override
    def __str__(self) -> str:
        return self.content[:60]


class Pin(models.Model):
    """That a message was pinned in a thread, or that its pin was taken away: the last one counts.

    Kept by thread, not with the message: a fork has pins of its own on the same messages.
    """

    id = models.CharField(max_length=60, primary_key=True)
    thread = models.ForeignKey(
        Thread, on_delete=models.DO_NOTHING, db_constraint=False, related_name="pins"
    )
    seq = models.PositiveBigIntegerField()
    message_id = models.UUIDField()
    pinned = models.BooleanField()

    class Meta:
        indexes = [models.Index(fields=["thread", "seq"], name="pin_order")]

    @override
    def __str__(self) -> str:
        return f"{self.message_id}, {'pinned' if self.pinned else 'not pinned'}"


class Remembered(models.Model):
    """A fact that an agent keeps about a person; of one that was forgotten, only that it was."""

    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="remembered"
    )
    agent = models.CharField(max_length=50)
    content = models.TextField(blank=True)
    forgotten = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "remembered"
        indexes = [models.Index(fields=["owner", "agent"], name="remembered_by_owner")]

    @override
    def __str__(self) -> str:
        return self.content[:60]


class Lease(models.Model):
    """Who may run a stream just now. No fact, so no event; keyed by the stream's name."""

    stream = models.CharField(max_length=200, primary_key=True)
    holder = models.CharField(max_length=200, blank=True, default="")
    epoch = models.PositiveBigIntegerField(default=0)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["holder", "expires_at"], name="lease_by_holder")]

    @override
    def __str__(self) -> str:
        return f"{self.stream}, {self.holder or 'free'}"
