"""Every vendor that LiteLLM speaks for. The package is heavy, so it is loaded when needed."""

import asyncio
import os
from typing import Any

from typing_extensions import override

from agents.errors import LLMError
from agents.llm.config import Timeouts
from agents.llm.errors import dropped, http_error, our_errors
from agents.llm.request import Provider, Request, Sink
from agents.llm.wire import Assembly, payload
from agents.messages import Reply

WHERE = "The model's provider"

Untyped = Any  # LiteLLM has no types


class LiteLLM(Provider):
    """Calls models by LiteLLM's names, such as "anthropic/…" or "gemini/…"."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        library = await asyncio.to_thread(_load)
        assembly = Assembly(sink)
        now = asyncio.get_running_loop().time
        with our_errors(WHERE):
            try:
                first = self._timeouts.connect + self._timeouts.first_token
                async with asyncio.timeout(first) as deadline:
                    stream = await library.acompletion(**payload(request), num_retries=0)
                    async for chunk in stream:
                        deadline.reschedule(now() + self._timeouts.between_tokens)
                        assembly.take(chunk.model_dump())
            except library.exceptions.APIConnectionError as error:
                sentence = f"{WHERE} can't be reached, or broke off. Try again."
                raise LLMError(sentence, code="unreachable", retryable=True) from error
            except library.openai.OpenAIError as error:
                raise _our_error(error) from error
        if assembly.finish_reason is None:
            raise dropped(WHERE)
        return assembly.reply()


def _our_error(error: Untyped) -> LLMError:
    status = int(getattr(error, "status_code", None) or 500)
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    detail = str(getattr(error, "message", "") or type(error).__name__)
    return http_error(status, where=WHERE, detail=detail, retry_after=headers.get("retry-after"))


def _load() -> Untyped:
    """Import LiteLLM, told not to look for its price list on the network."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.telemetry = False
    litellm.drop_params = True
    litellm.suppress_debug_info = True
    return litellm
