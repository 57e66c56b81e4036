"""What a worker does beside its tasks: it takes over from the one in whose place it is."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from chat import leases, selectors, worker
from chat.hearing import Hearing
from chat.models import Lease, Thread

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


@pytest.fixture(autouse=True)
def _nameless() -> Iterator[None]:
    """Forget who this process is."""
    for known in (leases.holder, worker.inherit):
        known.cache_clear()
    yield
    for known in (leases.holder, worker.inherit):
        known.cache_clear()


def held_by(holder: str, stream: str) -> Lease:
    soon = timezone.now() + timedelta(seconds=3)
    return Lease.objects.create(stream=stream, holder=holder, epoch=1, expires_at=soon)


def test_a_worker_need_not_wait_for_the_leases_of_the_one_it_replaces(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_PROCESS", "here:worker:2")
    monkeypatch.setenv("PARLEY_PREDECESSOR", "here:worker:1")
    held_by("here:worker:1", thread.stream)
    held_by("here:worker:11", "another")
    assert selectors.abandoned_threads() == []

    worker.inherit()

    assert selectors.abandoned_threads() == [thread.id]
    taken = leases.acquire(thread.stream)
    assert taken is not None
    assert taken.epoch == 2
    assert Lease.objects.get(stream=thread.stream).holder == "here:worker:2"
    assert leases.acquire("another") is None


def test_it_takes_over_once(thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PREDECESSOR", "here:worker:1")
    worker.inherit()
    held_by("here:worker:1", thread.stream)  # as if it weren't dead

    worker.inherit()

    assert selectors.abandoned_threads() == []


def test_one_that_nobody_supervises_has_a_name_of_its_own(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARLEY_PROCESS", raising=False)
    monkeypatch.delenv("PARLEY_PREDECESSOR", raising=False)
    held_by("", thread.stream)
    worker.inherit()

    first = leases.holder()
    leases.holder.cache_clear()

    assert first != leases.holder()
    assert Lease.objects.get().expires_at > timezone.now()


def test_a_worker_that_takes_nothing_of_what_waits_is_deaf() -> None:
    hearing = Hearing()

    looks = [hearing.is_deaf(waiting=2, full=False, now=now) for now in (100, 105, 109, 110)]

    assert looks == [False, False, False, True]


@pytest.mark.parametrize(("waiting", "full"), [(0, False), (3, True)])
def test_a_worker_that_has_nothing_to_take_hears(waiting: int, full: bool) -> None:
    hearing = Hearing()
    hearing.is_deaf(waiting=1, full=False, now=100)
    hearing.is_deaf(waiting=waiting, full=full, now=105)

    assert not hearing.is_deaf(waiting=1, full=False, now=112)


def test_a_worker_that_is_given_a_task_hears() -> None:
    hearing = Hearing()
    hearing.is_deaf(waiting=1, full=False, now=100)
    hearing.heard()

    assert not hearing.is_deaf(waiting=1, full=False, now=112)
    assert not hearing.is_deaf(waiting=1, full=False, now=121)
    assert hearing.is_deaf(waiting=1, full=False, now=122)
