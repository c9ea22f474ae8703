"""Other limits for a while, and what is let through under them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from django.conf import settings
from django.test import override_settings

from payments.throttle.admit import Admission, Postponed, admit, release
from payments.throttle.breaker import Health

_numbers = count()


@contextmanager
def limited(*, rate: float = 1000, slots: int = 100, all_slots: int = 1000, **others: object) -> Iterator[None]:
    """The same for every gateway; `others` are further settings."""
    entries = {
        name: {**entry, "rate_per_second": rate, "max_concurrent": slots} for name, entry in settings.GATEWAYS.items()
    }
    with override_settings(GATEWAYS=entries, MAX_CONCURRENT_PAYMENTS=all_slots, **others):
        yield


def ask_admission(gateway: str = "fapshi", operator: str = "", *, holder: str = "") -> Admission | Postponed:
    """For a payment of its own."""
    return admit(gateway, operator, holder or f"payment-{next(_numbers)}")


def reason_of(answer: Admission | Postponed) -> str:
    return answer.reason if isinstance(answer, Postponed) else "admitted"


def charged(gateway: str, operator: str, health: Health) -> str:
    """Let one through and say how it went, if it is let through."""
    answer = ask_admission(gateway, operator)
    if isinstance(answer, Admission):
        release(answer, health)
    return reason_of(answer)


def until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
