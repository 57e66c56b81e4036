"""Errors the way clients of OpenAI expect them."""

from django.http import JsonResponse

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}
STATUS = {
    "agent_exists": 409,
    "bad_characters": 400,
    "cancelled": 503,
    "context_too_long": 400,
    "empty": 400,
    "missing_scope": 403,
    "no_such_agent": 404,
    "no_such_thread": 404,
    "not_yours": 403,
    "queue_full": 429,
    "rate_limited": 429,
    "run_active": 409,
    "too_long": 413,
    "unauthorized": 401,
    "unavailable": 503,
}
CODES = {
    "context_too_long": "context_length_exceeded",
    "no_such_agent": "model_not_found",
    "rate_limited": "rate_limit_exceeded",
    "unauthorized": "invalid_api_key",
}


class OpenAIError(Exception):
    """Something that a client is told as an error."""

    def __init__(
        self,
        detail: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        """Make an error.

        Args:
            detail: For people.
            status: Of HTTP.
            code: For programs.
            param: The field of the request that is wrong.
            retry_after_seconds: When to come again.
        """
        super().__init__(detail)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_seconds = retry_after_seconds

    def body(self) -> dict[str, object]:
        """Return what is sent."""
        return {
            "error": {
                "message": str(self),
                "type": KINDS.get(self.status, "server_error"),
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> JsonResponse:
        """Return it as a response."""
        response = JsonResponse(self.body(), status=self.status)
        if self.retry_after_seconds is not None:
            response["Retry-After"] = str(self.retry_after_seconds)
        return response


def of_code(
    detail: str, *, code: str, retry_after_seconds: int | None = None, otherwise: int = 400
) -> OpenAIError:
    """Return one of our errors as one of theirs.

    Args:
        detail: For people.
        code: Ours.
        retry_after_seconds: When to come again.
        otherwise: The status, if the code has none.
    """
    return OpenAIError(
        detail,
        status=STATUS.get(code, otherwise),
        code=CODES.get(code, code),
        retry_after_seconds=retry_after_seconds,
    )
