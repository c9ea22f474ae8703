"""The sandbox, with refunds by payout switched on."""

from collections.abc import Iterator

import pytest

from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox

PAYOUTS = {"FAPSHI_REFUNDS": "payout", "CAMPAY_REFUNDS": "payout"}


@pytest.fixture
def paying(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    """All four gateways give money back."""
    with switched_on(gateway_sandbox.url, **PAYOUTS):
        yield gateway_sandbox


@pytest.fixture
def silent() -> Iterator[None]:
    """All four gateways give money back, and nobody answers there."""
    with switched_on(**PAYOUTS):
        yield


@pytest.fixture
def settings_of_payouts() -> dict[str, str]:
    return dict(PAYOUTS)
