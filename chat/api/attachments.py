"""`/attachments`: files that go with messages."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from ninja import File, Router, Schema, Status
from ninja.files import UploadedFile

from agents.messages import Attached
from chat import attachments, rendering, selectors
from chat.api.access import CHAT, caller

router = Router(tags=["messages"])

NOTHING = (
    "default-src 'none'; style-src 'unsafe-inline'; sandbox"  # whatever it is, it runs nothing
)
CONTENT = {
    "responses": {
        200: {
            "description": "The file.",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


class AttachmentOut(Schema):
    """A file. Its `size` is in bytes."""

    id: UUID
    name: str
    media_type: str
    size: int


@router.post("/attachments", response={201: AttachmentOut}, auth=CHAT)
def upload(request: HttpRequest, file: File[UploadedFile]) -> Status[Attached]:
    """Upload an image or a text file, to be sent with a message within a day."""
    content = file.read()
    return Status(201, attachments.keep(caller(request), name=file.name or "", content=content))


@router.get("/attachments/{uuid:attachment_id}", openapi_extra=CONTENT, url_name="attachment")
def download(request: HttpRequest, attachment_id: UUID) -> HttpResponse:
    """The content of a file, to whom it belongs."""
    found = selectors.attachment_for(caller(request), attachment_id)
    response = HttpResponse(bytes(found.content), content_type=found.media_type)
    shown = rendering.is_shown(found.media_type)
    if header := content_disposition_header(as_attachment=not shown, filename=found.name):
        response["Content-Disposition"] = header
    response["Content-Security-Policy"] = NOTHING
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
