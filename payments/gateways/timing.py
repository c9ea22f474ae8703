"""How long gateways take to answer. Labels are few: an operation is a method and the words of its path, without ids."""

from urllib.parse import urlsplit

from prometheus_client import Histogram

CALL_SECONDS = Histogram(
    "choptym_gateway_call_seconds",
    "Time of one request to a gateway, after its turn had come",
    ["gateway", "operation", "outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30),
)
# All that the adapters' paths are made of, beside ids (a test reads their source).
WORDS = frozenset(
    (
        *(
            "balance",
            "cancel",
            "capture",
            "collect",
            "combined",
            "create",
            "direct-pay",
            "expire-pay",
            "get_payment_link",
        ),
        *(
            "history",
            "initiate-pay",
            "json",
            "links",
            "orders",
            "payment-status",
            "payment_links",
            "payments",
            "payout",
        ),
        *("recon", "refund", "refunds", "search", "sessions", "settlements", "token", "transaction", "withdraw"),
    )
)
_LONGEST = 4


class CallTimes:
    """One gateway's: what its network door tells of each request."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway

    def tell(self, method: str, url: str, outcome: str, seconds: float) -> None:
        CALL_SECONDS.labels(self._gateway, operation_of(method, url), outcome).observe(seconds)


def operation_of(method: str, url: str) -> str:
    """GET /orders/*/payments: from the first word on that is known, whatever the base address begins with."""
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    first = next((place for place, segment in enumerate(segments) if segment in WORDS), len(segments))
    told = [segment if segment in WORDS else "*" for segment in segments[first : first + _LONGEST]]
    return f"{method} /{'/'.join(told)}"
