"""What a person can change: errors of conversations, each with a code and a sentence.

ChatError
├── BadRequest        the command can't be read
├── Unauthorized      no session, or a key that is not good
├── TooManyRequests   the key comes too often; `retry_after_seconds` says when it may again
├── BadCharacters     a NUL, or half of a surrogate pair
├── EmptyMessage      nothing to say
├── MessageTooLong    more than the limit
├── NoSuchThread      it is not there
├── NoSuchMessage     it is not there, or not in this thread
├── NotYours          it belongs to somebody else
├── NoSuchMoment      the thread has no such event
├── NoSuchRun         it is not there
├── NoSuchPerson      there is nobody of that name
├── NoSuchWebhook     it is not there, or not yours
├── NoSuchAttachment  it is not there, not yours, or was sent elsewhere
├── BadAttachment     a file that can't be sent
├── TooManyAttachments  more files than go with one message
├── NothingToApprove  no call waits for a decision, or it is decided
├── NothingToAnswer   no question waits, or it is answered
├── NothingToSteer    no run is under way that could take a message in
├── TooManySteers     the run has as many messages waiting as it takes
├── TooManyPins       the thread has as many pinned messages as it can have
├── QueueFull         too much is on its way; `retry_after_seconds` says when to come back
├── Unavailable       the database doesn't answer
├── NothingToStop     no run is under way
├── NothingToRetry    no run has ended yet
├── HasForks          other threads go on from this one
├── KeyReused         an Idempotency-Key came again with something else
├── BadImport         a file that can't be imported
├── RunActive         wait for the run, or stop it
└── LeaseLost         another worker has taken the thread over (no person sees it)
"""


class ChatError(Exception):
    """Base of all errors of conversations. `code` is for programs, `str()` for people."""

    code = "chat_error"
    retry_after_seconds: int | None = None


class BadRequest(ChatError):
    """A command that can't be read."""

    def __init__(self, sentence: str, *, code: str = "bad_request") -> None:
        super().__init__(sentence)
        self.code = code


class Unauthorized(ChatError):
    """Nobody, or a key that is wrong, revoked or too old."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("Sign in, or send a valid API key: Authorization: Bearer <key>.")


class TooManyRequests(ChatError):
    """A key that comes too often."""

    code = "rate_limited"

    def __init__(self, *, limit: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"This API key may come {limit} times a minute. Come again in {retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class EmptyMessage(ChatError):
    """A message without a character."""

    code = "empty"

    def __init__(self) -> None:
        super().__init__("The message is empty. Write something first.")


class BadCharacters(ChatError):
    """A text with a NUL, or with half of a surrogate pair."""

    code = "bad_characters"

    def __init__(self) -> None:
        super().__init__("The text has a NUL or a broken character in it. Take that out.")


class MessageTooLong(ChatError):
    """A message over the limit."""

    code = "too_long"

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(f"The message has {size:,} bytes; the limit is {limit:,}. Shorten it.")


class NoSuchThread(ChatError):
    """A thread that is not there."""

    code = "no_such_thread"

    def __init__(self) -> None:
        super().__init__("There is no such thread.")


class NoSuchMessage(ChatError):
    """A message that is not there, or not in this thread."""

    code = "no_such_message"

    def __init__(self) -> None:
        super().__init__("There is no such message in this thread.")


class NoSuchMoment(ChatError):
    """An event that a thread does not have."""

    code = "no_such_moment"

    def __init__(self, last_seq: int) -> None:
        super().__init__(f"This thread has the events 1 to {last_seq}.")


class NoSuchRun(ChatError):
    """A run that is not there."""

    code = "no_such_run"

    def __init__(self) -> None:
        super().__init__("There is no such run.")


class NoSuchPerson(ChatError):
    """A name that nobody has, or somebody who was switched off."""

    code = "no_such_person"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no active person {name!r}.")


class NoSuchWebhook(ChatError):
    """A webhook that is not there, or belongs to somebody else."""

    code = "no_such_webhook"

    def __init__(self) -> None:
        super().__init__("You have no such webhook.")


class NoSuchAttachment(ChatError):
    """A file that is not there, belongs to somebody else, or was sent in another thread."""

    code = "no_such_attachment"

    def __init__(self) -> None:
        super().__init__("There is no such file, or it was sent in another thread.")


class BadAttachment(ChatError):
    """A file that can't be sent."""

    code = "bad_attachment"

    def __init__(self, *, sentence: str) -> None:
        super().__init__(sentence)


class TooManyAttachments(ChatError):
    """More files than go with one message."""

    code = "too_many_attachments"

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} files go with a message. Send the others after it.")


class NothingToApprove(ChatError):
    """A decision that nothing waits for."""

    code = "nothing_to_approve"

    def __init__(self) -> None:
        super().__init__("No such call waits for an approval, or it has been decided.")


class NothingToAnswer(ChatError):
    """An answer that nothing waits for."""

    code = "nothing_to_answer"

    def __init__(self) -> None:
        super().__init__("No such question waits for an answer, or it has been answered.")


class NothingToSteer(ChatError):
    """A message for a run under way, but there is none."""

    code = "nothing_to_steer"

    def __init__(self) -> None:
        super().__init__("No answer is under way. Send it as an ordinary message.")


class TooManyPins(ChatError):
    """A thread has all the pinned messages that it can have."""

    code = "too_many_pins"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} messages are pinned here already. Unpin one of them first.")


class TooManySteers(ChatError):
    """A run has all the messages it takes while it is under way."""

    code = "too_many_steers"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} messages wait for this answer's next step already. "
            "Send it as an ordinary message: it is answered afterwards."
        )


class QueueFull(ChatError):
    """Too many runs are on their way. Nothing was stored."""

    code = "queue_full"

    def __init__(self, whose: str, *, limit: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"{limit} answers are on their way {whose} already. "
            f"Your message was not taken; send it again in {retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class Unavailable(ChatError):
    """The database doesn't answer. Nothing was stored."""

    code = "unavailable"
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database does not answer just now. Nothing was changed; try again.")


class NotYours(ChatError):
    """A thread of somebody else."""

    code = "not_yours"

    def __init__(self) -> None:
        super().__init__("This thread belongs to somebody else.")


class NothingToStop(ChatError):
    """Stop was pressed, but nothing runs."""

    code = "nothing_to_stop"

    def __init__(self) -> None:
        super().__init__("Nothing is running here.")


class NothingToRetry(ChatError):
    """Retry was pressed, but nothing has run."""

    code = "nothing_to_retry"

    def __init__(self) -> None:
        super().__init__("There is nothing to try again yet.")


class RunActive(ChatError):
    """Something is still running."""

    code = "run_active"

    def __init__(self) -> None:
        super().__init__("An answer is still on its way. Wait for it, or stop it first.")


class HasForks(ChatError):
    """A thread is to be deleted that others go on from."""

    code = "has_forks"

    def __init__(self) -> None:
        super().__init__("Other threads go on from this one. Delete those first.")


class KeyReused(ChatError):
    """An `Idempotency-Key` that has come with something else before."""

    code = "key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came with another request before. Take a new one.")


class BadImport(ChatError):
    """A file that can't be imported; the sentence says why."""

    code = "bad_import"


class LeaseLost(ChatError):
    """Another worker has taken the thread over."""

    code = "lease_lost"

    def __init__(self, stream: str) -> None:
        super().__init__(f"The lease of {stream} is held by another worker by now.")
