"""The sandbox as a process of its own, one for all gateway tests, and a receiver for its webhooks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.payments.gateways.sandbox import CREDENTIALS, Receiver, Sandbox

pytest.register_assert_rewrite("tests.payments.gateways.contract", "tests.payments.gateways.contract_faults")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def gateway_sandbox() -> Iterator[Sandbox]:
    process = subprocess.Popen(
        [sys.executable, "-m", "payments.sandbox", "--host", "127.0.0.1", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, **CREDENTIALS},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            sandbox = Sandbox(process.stdout.readline().split()[-1])
            yield sandbox
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
