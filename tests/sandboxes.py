"""A sandbox as a process of its own, and silence about what it is told to do wrong."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from choptym.local.role import PROJECT
from tests.payments.gateways.sandbox import CREDENTIALS, Sandbox


@contextmanager
def running_sandbox() -> Iterator[Sandbox]:
    """While the block runs; it takes the credentials of the tests."""
    with subprocess.Popen(
        [sys.executable, "-m", "payments.sandbox", "--host", "127.0.0.1", "--port", "0"],
        cwd=PROJECT,
        env={**os.environ, **CREDENTIALS},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield Sandbox(process.stdout.readline().split()[-1])
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """What goes wrong while the block runs goes wrong on purpose, thousands of times."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
