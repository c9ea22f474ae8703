"""A little bad weather in the sandbox while the demo runs, and the weather of before afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from choptym.local.errors import StackError

TIMEOUT_SECONDS = 10

WEATHER: dict[str, Any] = {
    "latency_ms": 150,
    "approval_delay_ms": 300,
    "refusal_rate": 0.03,
    "webhook_lost_rate": 0.02,
    "webhook_duplicate_rate": 0.05,
    "timeout_after_capture_rate": 0.01,
    "timeout_hold_ms": 3000,
}


@contextmanager
def mild_faults(sandbox: str) -> Iterator[None]:
    gateways = _call("GET", f"{sandbox}/control")["gateways"]
    before = {gateway: _call("GET", f"{sandbox}/control/{gateway}") for gateway in gateways}
    for gateway in gateways:
        _call("PATCH", f"{sandbox}/control/{gateway}", WEATHER)
    try:
        yield
    finally:
        for gateway, knobs in before.items():
            _call("PATCH", f"{sandbox}/control/{gateway}", {name: knobs[name] for name in WEATHER})


def _call(method: str, url: str, body: object = None) -> Any:
    try:
        response = requests.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
    except requests.RequestException as error:
        raise StackError(f"The sandbox does not do what it is told: {error}") from None
    return response.json()
