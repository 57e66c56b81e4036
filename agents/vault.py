"""Secrets that have to be read again: kept in the database, readable only with SECRET_KEY."""

import base64
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

SIGNING_PREFIX = "whsec_"
SIGNING_BYTES = 24


class Unreadable(Exception):
    """A secret was kept under another SECRET_KEY. For whoever operates Parley."""


def close(secret: str) -> str:
    """Return a secret as it may be stored."""
    return _keys().encrypt(secret.encode()).decode()


def open_(stored: str) -> str:
    """Return a secret that was stored.

    Raises:
        Unreadable: SECRET_KEY is another one by now.
    """
    try:
        return _keys().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        msg = "A secret in the database was kept under another SECRET_KEY. Make it anew."
        raise Unreadable(msg) from error


def signing_secret() -> str:
    """Make a secret to sign messages with."""
    return SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(SIGNING_BYTES)).decode()


def _keys() -> MultiFernet:
    """Return the key of now, and those of before that settings still know."""
    return MultiFernet(
        [Fernet(_derived(each)) for each in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def _derived(key: str | bytes) -> bytes:
    given = key.encode() if isinstance(key, str) else key
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"parley.vault").derive(given)
    return base64.urlsafe_b64encode(made)
