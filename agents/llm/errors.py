"""The seam: errors of the wire below become `LLMError`s with a sentence for people."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from agents.errors import LLMError
from agents.text import clean

MAX_DETAIL_CHARACTERS = 300
CONTEXT_TOO_LONG = "context_too_long"

# How servers say that a conversation is longer than the model's window.
_TOO_LONG = re.compile(
    r"context.?(?:length|window|size)|maximum context|prompt is too long"
    r"|too many (?:input )?tokens|input (?:is|token count).{0,40}(?:too long|exceeds)"
    r"|exceeds? the (?:model's )?(?:maximum|limit).{0,30}tokens",
    re.IGNORECASE,
)


def http_error(
    status: int, *, where: str, detail: str = "", retry_after: str | None = None
) -> LLMError:
    """Say what an HTTP status of a model server means.

    Args:
        status: The HTTP status, 400 or more.
        where: The server, for people.
        detail: What the server said.
        retry_after: Its Retry-After header.
    """
    said = f" It said: {_short(detail)}" if detail.strip() else ""
    code, retryable = "bad_request", False
    match status:
        case 401 | 403:
            sentence = f"{where} refuses the API key. Check the key in the settings."
            code = "unauthorized"
        case 404:
            sentence = f"{where} doesn't know this model, or its address is wrong.{said}"
            code = "no_such_model"
        case 429:
            return _rate_limited(where, _seconds(retry_after))
        case _ if _TOO_LONG.search(detail):
            return _too_long(where, detail)
        case _ if status >= 500:  # noqa: PLR2004  (the server's fault)
            sentence = f"{where} has failed (HTTP {status}). Try again.{said}"
            code, retryable = "server_error", True
        case _:
            sentence = f"{where} refused the request (HTTP {status}).{said}"
    return LLMError(sentence, code=code, retryable=retryable)


def _rate_limited(where: str, seconds: float | None) -> LLMError:
    pause = f"in {seconds:g} seconds" if seconds is not None else "in a moment"
    sentence = f"{where} is busy or its limit is reached. Try again {pause}."
    return LLMError(sentence, code="rate_limited", retryable=True, retry_after_seconds=seconds)


def streamed_error(error: object, *, where: str) -> LLMError:
    """Say what an error means that a server reports in the middle of its stream.

    Args:
        error: A text, or an object with a message.
        where: The server, for people.
    """
    detail = str(error.get("message", "") if isinstance(error, dict) else error)
    if _TOO_LONG.search(detail):
        return _too_long(where, detail)
    sentence = f"{where} reports an error: {_short(detail)}"
    return LLMError(sentence, code="server_error", retryable=True)


def _too_long(where: str, detail: str) -> LLMError:
    sentence = f"The conversation is longer than what {where} takes. It said: {_short(detail)}"
    return LLMError(sentence, code=CONTEXT_TOO_LONG)


def dropped(where: str) -> LLMError:
    """The stream ended before the answer did."""
    sentence = f"{where} broke off in the middle of its answer. Try again."
    return LLMError(sentence, code="stream_dropped", retryable=True)


def unreadable(where: str) -> LLMError:
    """The server sent something that is no chunk of an answer."""
    sentence = f"{where} sent something that can't be read as an answer. Try again."
    return LLMError(sentence, code="bad_response", retryable=True)


@contextmanager
def our_errors(where: str) -> Iterator[None]:
    """Turn what aiohttp and asyncio raise into `LLMError`s."""
    import aiohttp  # noqa: PLC0415  (a tenth of a second, for those who never call a server)

    try:
        yield
    except TimeoutError as error:
        sentence = f"{where} did not answer in time. Try again, or raise the timeout."
        raise LLMError(sentence, code="timeout", retryable=True) from error
    except aiohttp.ClientPayloadError as error:
        raise dropped(where) from error
    except aiohttp.ServerDisconnectedError as error:
        raise dropped(where) from error
    except aiohttp.ClientConnectionError as error:
        sentence = f"{where} can't be reached. Is it running, and is its address right?"
        raise LLMError(sentence, code="unreachable", retryable=True) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise unreadable(where) from error


def _short(detail: str) -> str:
    text = " ".join(clean(detail).split())
    return text if len(text) <= MAX_DETAIL_CHARACTERS else text[:MAX_DETAIL_CHARACTERS] + "…"


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None  # a date: not worth a clock's difference
