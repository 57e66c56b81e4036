"""Show a model an image: a red square, drawn here. The demo can't see, and says what it got."""

import base64
import struct
import zlib

from common import broker, model

from agents.llm.content import MessageBuilder


def square(colour: bytes, size: int = 64) -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + colour * size) * size)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


image = square(b"\xff\0\0")
question = MessageBuilder("What colour is this?").image(image).build()
print(f"{len(image)} bytes, {len(base64.b64encode(image))} characters on the wire")
print(broker().generate(model(__doc__), [question]).content)
