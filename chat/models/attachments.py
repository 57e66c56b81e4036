"""Files that go with messages."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from typing_extensions import override


class Attachment(models.Model):
    """A file that a person sends with a message, or an agent to a person.

    `thread` is where it was sent; until then it is nowhere, and goes after a day.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="attachments"
    )
    thread = models.UUIDField(null=True)
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    content = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["thread"], name="attachment_by_thread"),
            models.Index(
                fields=["created_at"],
                name="attachment_unsent",
                condition=models.Q(thread=None),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name
