"""The thread list, and a thread. They work without JavaScript; with it they are live."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from agents import selectors as agents
from agents.errors import AgentError
from agents.models import Agent
from chat import attachments, exports, gateway, history, selectors, timeline, tree
from chat.errors import BadImport, ChatError, NoSuchMoment, NoSuchThread, NotYours
from chat.files import load_files
from chat.frames import MOST_DIGITS
from chat.models import Thread, User
from chat.views import signin
from tracer.log import last_seq, read

LISTED = 100


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Show where to begin; begin a thread with its first message."""
    if request.method == "GET" and (token := request.GET.get("token")):
        return signin.by_token(request, token)
    if not isinstance(request.user, User):
        return signin.signin(request)
    if request.method != "POST":
        return render(request, "chat/home.html", _frame(request))
    actor, content = _actor(request), request.POST.get("content", "")
    try:
        said = gateway.Content(content, _uploaded(request))
        thread = gateway.start(
            owner=request.user, agent=request.POST.get("agent") or None, actor=actor
        )
        gateway.receive(thread=thread, content=said, channel="web", sender=actor)
    except (ChatError, AgentError) as error:
        refused = {"problem": str(error), "content": content}
        return render(request, "chat/home.html", _frame(request) | refused, status=422)
    return redirect("thread", thread.id)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def thread(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """Show a thread; say something in it."""
    found = _thread(request, thread_id)
    shown: dict[str, Any] = {}
    if edited := _uuid(request.GET.get("edit")):
        shown = _wording(found, edited)
    if request.method == "POST":
        try:
            _act(request, found)
        except (ChatError, AgentError) as error:
            given = request.POST
            shown = {name: given.get(name, "") for name in ("content", "replaces")}
            shown["problem"] = str(error)
        else:
            return redirect("thread", found.id)
    before = _uuid(request.GET.get("before"))
    told = history.of(found, before=before)
    shown |= {
        "older_than": before,
        "thread": found,
        "history": told,
        "running": told.running,
        "blank_entry": history.BLANK_ENTRY,
        "blank_step": history.BLANK_STEP,
    }
    status = 422 if "problem" in shown else 200
    return render(request, "chat/thread.html", _frame(request, found) | shown, status=status)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def at(request: HttpRequest, thread_id: UUID, seq: int) -> HttpResponse:
    """Show a thread as it stood right after one of its events."""
    found = _thread(request, thread_id)
    try:
        moment = timeline.at(found, seq)
    except NoSuchMoment as error:
        raise Http404 from error
    shown = {
        "thread": found,
        "title": moment.state.title,
        "seq": seq,
        "event": next(read(found.stream, seq - 1, until=seq), None),
        "last_seq": last_seq(found.stream),
        "history": history.at(found, seq, before=_uuid(request.GET.get("before"))),
    }
    return render(request, "chat/at.html", _frame(request, found) | shown)


@login_required
@require_http_methods(["GET"])
def moment(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """Go to the moment that the slider was set to; to the last one if it was not."""
    text = request.GET.get("seq") or str(last_seq(_thread(request, thread_id).stream))
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise Http404
    return redirect("thread-at", thread_id, int(text))


@login_required
@require_POST
def fork(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """Go on from a message, or from a moment, in a new thread."""
    found = _thread(request, thread_id)
    seq = request.POST.get("seq", "")
    given = seq.isascii() and seq.isdecimal() and len(seq) <= MOST_DIGITS
    try:
        new = gateway.fork(
            found,
            message=_uuid(request.POST.get("message")),
            seq=int(seq) if given else None,
            actor=_actor(request),
        )
    except ChatError as error:
        raise Http404 from error
    return redirect("thread", new.id)


@login_required
@require_POST
def archive(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """Put a thread away, or get it back."""
    found = _thread(request, thread_id)
    if found.state == Thread.State.ARCHIVED:
        gateway.restore(found, actor=_actor(request))
        return redirect("thread", found.id)
    gateway.archive(found, actor=_actor(request))
    return redirect("home")


@login_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """Ask whether a thread is to be deleted for good; delete it."""
    found = _thread(request, thread_id)
    problem = ""
    if request.method == "POST":
        try:
            gateway.delete(found, actor=_actor(request))
        except ChatError as error:
            problem = str(error)
        else:
            return redirect("home")
    context = _frame(request, found) | {"thread": found, "problem": problem}
    return render(request, "chat/delete.html", context, status=422 if problem else 200)


@login_required
@require_http_methods(["GET"])
def export(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """Give a thread as a file."""
    return exports.exported(_thread(request, thread_id), request.GET.get("format", "json"))


@login_required
@require_http_methods(["GET", "POST"])
def import_threads(request: HttpRequest) -> HttpResponse:
    """Ask for a file of threads; make them."""
    shown: dict[str, Any] = {"limit": settings.IMPORT_MAX_BYTES}
    given = request.FILES.get("file")
    if request.method == "POST" and isinstance(given, UploadedFile):
        try:
            made = _imported(request, given)
        except (ChatError, AgentError) as error:
            shown["problem"] = str(error)
        else:
            return redirect("thread", made[0].id) if len(made) == 1 else redirect("home")
    elif request.method == "POST":
        shown["problem"] = "Choose a file first."
    status = 422 if "problem" in shown else 200
    return render(request, "chat/import.html", _frame(request) | shown, status=status)


def _imported(request: HttpRequest, given: "UploadedFile[bytes]") -> list[Thread]:
    """Make the threads of a file that came with a form: all of them, or none.

    Raises:
        BadImport: It is too large, or no file of threads.
    """
    assert isinstance(request.user, User)  # noqa: S101  (signed in, as the decorator has seen)
    limit = settings.IMPORT_MAX_BYTES
    if (given.size or 0) > limit:
        msg = f"The file has {given.size:,} bytes; the limit is {limit:,}."
        raise BadImport(msg)
    with transaction.atomic():
        return [
            gateway.import_thread(file, owner=request.user, actor=_actor(request))
            for file in load_files(given.read(), most_bytes=limit)
        ]


@login_required
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """Give a thread another title."""
    found = _thread(request, thread_id)
    problem = ""
    if request.method == "POST":
        try:
            gateway.rename(found, title=request.POST.get("title", ""), actor=_actor(request))
        except ChatError as error:
            problem = str(error)
        else:
            return redirect("thread", found.id)
    context = _frame(request, found) | {"thread": found, "problem": problem}
    return render(request, "chat/rename.html", context, status=422 if problem else 200)


def _wording(found: Thread, message_id: UUID) -> dict[str, Any]:
    """Return what the composer begins with to word a message anew."""
    try:
        return {"replaces": message_id, "content": tree.message_in(found, message_id).content}
    except ChatError as error:
        return {"problem": str(error)}


def _act(request: HttpRequest, found: Thread) -> None:
    """Do what a form of the thread's page asks for."""
    actor, given = _actor(request), request.POST
    content, named = given.get("content", ""), _uuid(given.get("message"))
    match given.get("action", "send"):
        case "stop":
            gateway.stop(found, actor=actor)
        case "retry":
            gateway.retry(found, actor=actor, message=named)
        case "head" if named:
            gateway.move_head(found, message=named, actor=actor)
        case "pin" if named:
            pinned = named not in tree.pins_of(found)
            gateway.pin(found, message=named, pinned=pinned, actor=actor)
        case "approve":
            decision, call = given.get("decision"), given.get("call", "")
            allow, always = decision in {"allow", "always"}, decision == "always"
            gateway.decide(found, call=call, allow=allow, remember=always, actor=actor)
        case "answer":
            question = given.get("question", "")
            gateway.answer(found, question=question, content=content, actor=actor)
        case _ if given.get("steer"):
            gateway.steer(thread=found, content=content, channel="web", sender=actor)
        case _:
            gateway.receive(
                thread=found,
                content=gateway.Content(content, _uploaded(request)),
                channel="web",
                sender=actor,
                agent=given.get("agent") or None,
                place=gateway.Place(replaces=_uuid(given.get("replaces"))),
            )


def _uploaded(request: HttpRequest) -> tuple[UUID, ...]:
    """Keep the files of a form.

    Raises:
        BadAttachment: One can't be sent.
    """
    assert isinstance(request.user, User)  # noqa: S101  (signed in)
    given = request.FILES.getlist("files")[: attachments.MOST + 1]
    kept = [
        attachments.keep(request.user, name=each.name or "", content=each.read()) for each in given
    ]
    return tuple(each.id for each in kept)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _frame(request: HttpRequest, current: Thread | None = None) -> dict[str, Any]:
    """Return what stands around every page: the threads, and the agents to pick from."""
    assert isinstance(request.user, User)  # noqa: S101  (for the type checker)
    threads = selectors.threads_of(request.user)
    listed = threads.filter(state=Thread.State.ACTIVE)[:LISTED]
    everyone = list(agents.active_agents())
    default = current.agent if current else _default_slug()
    return {
        "threads": listed,
        "archived": threads.filter(state=Thread.State.ARCHIVED)[:LISTED],
        "agents": everyone,
        "default_agent": default,
        "agent_skills": {agent.slug: _skills(agent) for agent in everyone if agent.skills},
        "agent_names": {agent.slug: agent.name for agent in everyone},
    }


def _skills(agent: Agent) -> list[dict[str, str]]:
    found = agents.skills_of(agent).values()
    return [{"name": skill.name, "description": skill.description} for skill in found]


def _default_slug() -> str:
    try:
        return agents.default_agent().slug
    except AgentError:
        return ""


def _thread(request: HttpRequest, thread_id: UUID) -> Thread:
    assert isinstance(request.user, User)  # noqa: S101  (for the type checker)
    try:
        return selectors.thread_for(request.user, thread_id)
    except (NoSuchThread, NotYours) as error:
        raise Http404 from error  # a page does not say whose a thread is


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"
