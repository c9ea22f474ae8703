"""The outside world in our words. To add a gateway: one adapter file here and one entry in settings/gateways.py."""

import threading
from collections.abc import Mapping
from importlib import import_module

from django.conf import settings

from choptym.lib.errors import Rejected
from choptym.lib.failpoints import called
from choptym.lib.outbound import Door
from payments.gateways.base import Gateway
from payments.gateways.reading import read_retry_after
from payments.gateways.timing import CallTimes
from payments.throttle.gate import Gate

_made: dict[str, Gateway] = {}
_lock = threading.Lock()


def gateway_names() -> tuple[str, ...]:
    """The gateways that are switched on, in the order in which they are tried."""
    return tuple(settings.GATEWAYS)


def get_gateway(name: str) -> Gateway:
    """The process's one adapter for this gateway. Raises Rejected (unknown_gateway)."""
    made = _made.get(name)
    if made is not None:
        return made
    with _lock:
        if name not in _made:
            _made[name] = _make(name)
        return _made[name]


def forget_gateways() -> None:
    """Build the adapters anew at their next use: after the settings changed, in tests."""
    with _lock:
        _made.clear()


def _make(name: str) -> Gateway:
    entry = settings.GATEWAYS.get(name)
    if entry is None:
        raise Rejected(f"there is no gateway {name!r} here", code="unknown_gateway", fields={"method": "unknown"})
    module, _, adapter = entry["adapter"].rpartition(".")
    door = Door(**entry["door"], gate=Gate(name, _read_wait), tell=CallTimes(name).tell)
    made: Gateway = getattr(import_module(module), adapter)(door=door, **entry["options"])
    return called(made)


def _read_wait(headers: Mapping[str, str]) -> float | None:
    """How long a 429 tells us to stay away, in the usual header or in Cashfree's."""
    return read_retry_after(headers) or read_retry_after(headers, "x-ratelimit-retry")
