"""Gateways for tests that run in one process: settings.GATEWAYS as a deployment's environment would make it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.test import override_settings

from choptym.settings import gateways as gateway_settings
from payments.gateways import forget_gateways
from payments.throttle.lead import to_ask, to_claim
from payments.throttle.store import PREFIX, store
from tests.payments.gateways.sandbox import CREDENTIALS

# Nobody listens there: for tests in which no gateway is called.
NOWHERE = "http://127.0.0.1:9"
# Where the sandbox speaks each dialect.
PATHS = {"FAPSHI": "fapshi", "CAMPAY": "campay/api", "RAZORPAY": "razorpay/v1", "CASHFREE": "cashfree/pg"}


def forget_throttle() -> None:
    """An empty Redis that has been up for long, and nothing learnt of how long the way to it is."""
    to_ask.clear()
    to_claim.clear()
    if found := store().keys(f"{PREFIX}*"):
        store().delete(*found)
    store().set(f"{PREFIX}begun", 0)


@contextmanager
def switched_on(url: str = NOWHERE, **variables: str) -> Iterator[None]:
    """All four gateways at the sandbox of this address; `variables` are further ones of the environment.

    Nothing holds them back unless a test says so, and nothing is remembered of the tests before.
    """
    addresses = {f"{name}_BASE_URL": f"{url}/{path}" for name, path in PATHS.items()}
    quick = {f"{name}_CONNECT_TIMEOUT_SECONDS": "1" for name in PATHS}
    quick |= {f"{name}_RATE_PER_SECOND": "1000" for name in PATHS}
    forget_throttle()
    with patch.dict(os.environ, {**CREDENTIALS, **addresses, **quick, **variables}):
        entries: dict[str, Any] = {
            "fapshi": gateway_settings._fapshi(),
            "campay": gateway_settings._campay(),
            "razorpay": gateway_settings._razorpay(),
            "cashfree": gateway_settings._cashfree(),
        }
    forget_gateways()
    try:
        with override_settings(GATEWAYS=entries):
            yield
    finally:
        forget_gateways()
