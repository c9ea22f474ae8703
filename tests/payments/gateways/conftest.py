"""A receiver for the sandbox's webhooks. The sandbox itself is in tests/conftest.py."""

from collections.abc import Iterator

import pytest

from tests.payments.gateways.sandbox import Receiver

pytest.register_assert_rewrite(
    "tests.payments.gateways.contract",
    "tests.payments.gateways.contract_faults",
    "tests.payments.gateways.contract_payouts",
    "tests.payments.gateways.contract_refund_calls",
    "tests.payments.gateways.contract_refunds",
    "tests.payments.gateways.refunding",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
