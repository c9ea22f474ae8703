"""The settings of a stack under chaos: the waits of life, shortened, so that a run takes minutes.

None is a special case. What takes half an hour in life (a customer who never approves) takes a minute here; leases
still outlive every call, and absence proves nothing before a lease has passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

GATEWAYS = ("FAPSHI", "CAMPAY", "RAZORPAY", "CASHFREE")
# Of connections, per process: fewer than threads, so that they come to wait for one another.
POOL_SIZE = 6
# Whose history shows what is under way, so that what it does not show was never done.
SHOW_ALL = ("FAPSHI", "RAZORPAY", "CASHFREE")


@dataclass(frozen=True, slots=True)
class Form:
    """How long a fault lasts, and how long our processes wait for what. Seconds."""

    lease: int
    total_timeout: int
    read_timeout: int
    expires_after: int
    scale: float  # of the durations that a fault names

    @property
    def settings(self) -> Mapping[str, str]:
        """For the environment of the stack."""
        calls = {
            "TOTAL_TIMEOUT_SECONDS": str(self.total_timeout),
            "READ_TIMEOUT_SECONDS": str(self.read_timeout),
            "RATE_PER_SECOND": "200",
            "MAX_CONCURRENT": "40",
        }
        return {
            "PAYMENT_LEASE_SECONDS": str(self.lease),
            "NOTIFICATION_LEASE_SECONDS": str(self.lease),
            "DATABASE_POOL_SIZE": str(POOL_SIZE),
            "PAYMENT_RETRY_DELAY": "1000",
            "PAYMENT_EXPIRES_AFTER_SECONDS": str(self.expires_after),
            "PAYMENT_CIRCUIT_OPEN_SECONDS": "10",
            "MAX_CONCURRENT_PAYMENTS": "60",
            "ALERT_CHECK_SECONDS": "5",
            **{f"{gateway}_{name}": value for gateway in GATEWAYS for name, value in calls.items()},
            **{f"{gateway}_ABSENCE_PROVES_AFTER_SECONDS": str(self.lease) for gateway in SHOW_ALL},
        }


WHOLE = Form(lease=15, total_timeout=8, read_timeout=5, expires_after=60, scale=1.0)
# As part of `make test`: the same faults, each for a shorter time.
SHORT = Form(lease=7, total_timeout=5, read_timeout=3, expires_after=40, scale=0.3)
