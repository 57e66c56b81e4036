"""The title that an agent gives a thread after its first answer."""

from uuid import UUID

import structlog

from agents import selectors as agents
from agents.endpoints import broker
from agents.errors import AgentError
from agents.llm import Asking, CompletionConfig
from chat import gateway
from chat.models import Message, Run, Thread

MAX_CHARACTERS = 80
MAX_TOKENS = 200
QUOTED_CHARACTERS = 1_000
PROMPT = "Write a title of at most six words for this conversation, without quotes: {question}"

logger = structlog.get_logger(__name__)


def name(thread_id: UUID, *, run_id: UUID) -> None:
    """Have the agent of a thread's first answer name it; a title that is there stays."""
    thread = Thread.objects.filter(id=thread_id).first()
    run = Run.objects.filter(id=run_id, thread_id=thread_id).first()
    if thread is None or run is None or thread.title:
        return
    question = Message.objects.get(id=run.message_id).content
    title = _asked(run.agent, question) or _beginning(question)
    if not Thread.objects.get(id=thread_id).title:
        gateway.rename(thread, title=title, actor=f"agent:{run.agent}")


def _asked(slug: str, question: str) -> str:
    prompt = PROMPT.format(question=question[:QUOTED_CHARACTERS])
    try:
        agent = agents.active_agent(slug)
        config = CompletionConfig(max_tokens=MAX_TOKENS)
        reply = broker().ask(agent.model, prompt, Asking(config=config, fallbacks=agent.fallbacks))
    except AgentError as error:
        logger.warning("no_title", agent=slug, error=str(error))
        return ""
    first_line = reply.content.strip().partition("\n")[0]
    return _beginning(first_line.strip(" \"'“”*#"))


def _beginning(text: str) -> str:
    """Cut a text at a word, at most 80 characters in."""
    text = " ".join(text.split())
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[:MAX_CHARACTERS].rpartition(" ")[0] + "…"
