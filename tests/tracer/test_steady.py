"""Patience with a database that is away."""

import pytest
from django.db import OperationalError

from tracer.steady import steadily


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            msg = "database is locked"
            raise OperationalError(msg)
        return "done"


@pytest.mark.django_db(transaction=True)
def test_it_is_called_again_until_it_answers() -> None:
    flaky = Flaky(2)

    assert steadily(5.0)(flaky.__call__)() == "done"
    assert flaky.calls == 3


@pytest.mark.django_db(transaction=True)
def test_it_gives_up_after_a_while() -> None:
    flaky = Flaky(1_000)

    with pytest.raises(OperationalError):
        steadily(0.2)(flaky.__call__)()
    assert flaky.calls > 1


@pytest.mark.django_db
def test_within_a_transaction_it_is_the_callers_turn() -> None:
    flaky = Flaky(1)

    with pytest.raises(OperationalError):
        steadily(5.0)(flaky.__call__)()
    assert flaky.calls == 1
