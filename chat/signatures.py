"""Signed messages between programs, by the Standard Webhooks specification.

What is signed is the message's id, the moment it was sent, and its body. The other side computes
the same with the shared secret, and refuses what is old or was there before.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from agents.vault import SIGNING_PREFIX

TOLERANCE_SECONDS = 300
VERSION = "v1"


def headers(secret: str, *, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return what is sent with a message to prove where it comes from.

    Args:
        secret: The shared one, "whsec_…".
        message_id: The same for each attempt to send this message.
        at: When this attempt is made, in seconds since 1970.
        body: What is sent, to the byte.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"{VERSION},{_signed(secret, message_id, at=at, body=body)}",
    }


def proves(secret: str, given: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """Tell whether a message is signed with a secret, and of now.

    Args:
        secret: The shared one.
        given: The request's headers, whatever their case.
        body: What came, to the byte.
        now: The time, in seconds since 1970.
    """
    told = {name.lower(): value for name, value in given.items()}
    if not told.get("webhook-timestamp", "").isdecimal() or not told.get("webhook-id"):
        return False
    at = int(told["webhook-timestamp"][:12])
    if abs(now - at) > TOLERANCE_SECONDS:
        return False
    right = f"{VERSION},{_signed(secret, told['webhook-id'], at=at, body=body)}"
    offered = told.get("webhook-signature", "").split()
    return any(_same(each, right) for each in offered)


def proves_plainly(secret: str, given: Mapping[str, str], body: bytes) -> bool:
    """Tell whether a body is signed the older way: `X-Hub-Signature-256: sha256=<hex>`."""
    told = {name.lower(): value for name, value in given.items()}
    right = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _same(told.get("x-hub-signature-256", ""), right)


def _signed(secret: str, message_id: str, *, at: int, body: bytes) -> str:
    content = f"{message_id}.{at}.".encode() + body
    return base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SIGNING_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
