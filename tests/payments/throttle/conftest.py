"""Each test begins with an empty throttle, and Fapshi and CamPay at nobody's address."""

from collections.abc import Iterator

import pytest

from payments.throttle.store import store
from tests.gateways import forget_throttle, switched_on


@pytest.fixture(autouse=True)
def _empty_throttle() -> Iterator[None]:
    with switched_on():
        yield
    store.cache_clear()
    forget_throttle()
