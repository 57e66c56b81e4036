"""Numbers for Prometheus: this process's requests, and where everybody's work stands."""

import time
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_address

from asgiref.sync import iscoroutinefunction
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

from agents.errors import AgentError
from chat import credentials
from chat.errors import ChatError
from chat.events import ACTIVE
from chat.models import Delivery, Run
from config.problems import STATUS, problem

Next = Callable[[HttpRequest], HttpResponseBase]
AsyncNext = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

registry = CollectorRegistry()
requests = Counter(
    "parley_http_requests_total",
    "Requests that this process has answered.",
    ["method", "route", "status"],
    registry=registry,
)
seconds = Histogram(
    "parley_http_request_seconds",
    "How long they took, to the first byte of a stream.",
    ["method", "route"],
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


class _Work(Collector):
    """What is on its way, as the database has it."""

    @override
    def collect(self) -> Iterator[Metric]:
        runs = GaugeMetricFamily(
            "parley_runs_active", "Runs that have not ended, by state.", labels=["state"]
        )
        active = Run.objects.filter(state__in=ACTIVE).order_by()
        counted = dict(active.values_list("state").annotate(count=Count("id")))
        for state in ACTIVE:
            runs.add_metric([state.value], counted.get(state.value, 0))
        yield runs
        oldest = active.filter(state=Run.State.QUEUED).aggregate(at=Min("queued_at"))["at"]
        waited = (timezone.now() - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily(
            "parley_queue_oldest_seconds", "How long the oldest queued run waits.", value=waited
        )
        yield GaugeMetricFamily(
            "parley_webhook_deliveries_waiting",
            "Deliveries that have not been taken yet.",
            value=Delivery.objects.filter(state=Delivery.State.WAITING).count(),
        )


registry.register(_Work())
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
GCCollector(registry=registry)


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the numbers: to this machine itself, or to an API key that may read."""
    if not _is_local(request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        try:
            credentials.person(token, "read")
        except (ChatError, AgentError) as error:
            return problem(STATUS[error.code], code=error.code, detail=str(error))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    """Tell whether a request comes from this machine, and was not passed on by a proxy."""
    passed_on = {"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"} & set(request.headers)
    try:
        return not passed_on and ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@sync_and_async_middleware
def count_requests(get_response: Next | AsyncNext) -> Next | AsyncNext:
    """Count and time every request."""
    if iscoroutinefunction(get_response):
        following: AsyncNext = get_response

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            began = time.perf_counter()
            response = await following(request)
            _count(request, response, time.perf_counter() - began)
            return response

        return answer_async

    before: Next = get_response  # type: ignore[assignment]  # the other of the two

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = before(request)
        _count(request, response, time.perf_counter() - began)
        return response

    return answer


def _count(request: HttpRequest, response: HttpResponseBase, took: float) -> None:
    match = request.resolver_match
    route = match.route if match else "none"
    method = request.method if request.method in METHODS else "other"
    requests.labels(method, route, str(response.status_code)).inc()
    seconds.labels(method, route).observe(took)
