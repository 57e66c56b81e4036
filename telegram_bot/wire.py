"""What Telegram sends, as far as it is used here. What is not known passes by."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """A part of an update."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Sender(Wire):
    """Who sent something."""

    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""

    @property
    def name(self) -> str:
        """How they are called."""
        full = f"{self.first_name} {self.last_name}".strip()
        return f"{full} (@{self.username})" if self.username else full


class Where(Wire):
    """A chat."""

    id: int
    type: str
    title: str = ""
    is_forum: bool = False


class Entity(Wire):
    """A piece of a text that means something. Its place is in UTF-16 units."""

    type: str
    offset: int
    length: int


class File(Wire):
    """A file that lies at Telegram's."""

    file_id: str
    file_unique_id: str = ""
    file_size: int | None = None
    file_name: str = ""
    mime_type: str = ""


class Message(Wire):
    """A message."""

    message_id: int
    chat: Where
    sender: Annotated[Sender | None, Field(alias="from")] = None
    message_thread_id: int | None = None
    is_topic_message: bool = False
    text: str = ""
    caption: str = ""
    entities: tuple[Entity, ...] = ()
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[File, ...] = ()
    document: File | None = None
    voice: File | None = None
    audio: File | None = None
    video: dict[str, Any] | None = None
    video_note: dict[str, Any] | None = None
    sticker: dict[str, Any] | None = None
    location: dict[str, Any] | None = None
    contact: dict[str, Any] | None = None
    poll: dict[str, Any] | None = None
    reply_to_message: "Message | None" = None
    edit_date: int | None = None
    migrate_to_chat_id: int | None = None

    @property
    def topic(self) -> int:
        """The topic that it stands in; 0 outside of topics. Replies have such an id as well."""
        return self.message_thread_id or 0 if self.is_topic_message else 0

    @property
    def said(self) -> str:
        """Its text, or what stands below its picture."""
        return self.text or self.caption


class Press(Wire):
    """Somebody has pressed a button."""

    id: str
    sender: Annotated[Sender, Field(alias="from")]
    message: Message | None = None
    data: str = ""


class Member(Wire):
    """What the bot is in a chat."""

    status: str


class Membership(Wire):
    """The bot was let in, put out, blocked or unblocked."""

    chat: Where
    sender: Annotated[Sender | None, Field(alias="from")] = None
    new_chat_member: Member


class Stopped(Wire):
    """Somebody has pressed the stop button of a draft."""

    chat: Where
    message_thread_id: int | None = None
    draft_id: int


class Update(Wire):
    """What has happened at Telegram's."""

    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    callback_query: Press | None = None
    my_chat_member: Membership | None = None
    stopped_message_generation: Stopped | None = None

    @property
    def where(self) -> Where | None:
        """The chat that it happened in, if it is in one."""
        press = self.callback_query
        found = (
            self.message
            or self.edited_message
            or self.my_chat_member
            or self.stopped_message_generation
            or (press.message if press else None)
        )
        return found.chat if found else None


WANTED = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "stopped_message_generation",
)
