"""The data folder: the secret key and the addresses that follow from where it lies."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from config.env import ConfigError

STATIC = "static"
MAX_SOCKET_PATH = 100  # of the 104 to 108 bytes that systems allow


def prepare(folder: Path) -> Path:
    """Make the data folder, if it is missing, readable for its owner alone.

    Raises:
        ConfigError: It can't be made or written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / STATIC).mkdir(exist_ok=True)
    except OSError as error:
        msg = f"The data folder {folder} can't be made: {error.strerror}. Set PARLEY_DATA_DIR."
        raise ConfigError(msg) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = f"The data folder {folder} is not writable. Set PARLEY_DATA_DIR to one that is."
        raise ConfigError(msg)
    return folder.resolve()


def secret_key(folder: Path) -> str:
    """Return the key that signs sessions; made at the first start."""
    path = folder / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        key = secrets.token_urlsafe(50)
        file.write(key)
    return key


def redis_socket(folder: Path) -> Path:
    """Return where Parley's own Redis listens: in the data folder, unless its path is too long."""
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{digest}" / "redis.sock"
