"""People, and what they hold: links that sign them in, keys for their programs."""

from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from typing_extensions import override


class User(AbstractUser):
    """A person. The owner is the first one."""

    class Meta(AbstractUser.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"


class SignInLink(models.Model):
    """A link that signs one person in, once, for a while. Only its hash is kept."""

    digest = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    @override
    def __str__(self) -> str:
        return f"for {self.user}, until {self.expires_at:%Y-%m-%d %H:%M}"


def all_scopes() -> list[str]:
    """Return every scope: what a key may do that stands for its person in everything."""
    return [scope.value for scope in ApiKey.Scope]


class ApiKey(models.Model):
    """A key for programs. Only its hash is kept; `prefix` tells keys apart.

    `chat` and `manage` include `read`.
    """

    class Scope(models.TextChoices):
        READ = "read", "read: see threads, runs, events and agents"
        CHAT = "chat", "chat: start threads, say something, decide, stop"
        MANAGE = "manage", "manage: set up agents, as far as the person may"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    prefix = models.CharField(max_length=20)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=all_scopes)
    per_minute = models.PositiveIntegerField(
        "requests a minute",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="API_REQUESTS_PER_MINUTE of the settings if left empty.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="From when on it is refused; never if left empty."
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "API key"

    @override
    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def may(self, scope: str) -> bool:
        """Tell whether the key is good for something; what may more may read as well."""
        return scope in self.scopes or (scope == ApiKey.Scope.READ and bool(self.scopes))
