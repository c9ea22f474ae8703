"""Every error that crosses a module boundary.

ChoptymError
├── Rejected                 final: the caller must change something              → HTTP 4xx, task stops
│   ├── NotAllowed               the row is in a state that forbids the move      → 409
│   ├── KeyReused                same idempotency key, different request          → 422
│   ├── StillRunning             the first request with this key is not done      → 409, Retry-After
│   └── BadSignature             a webhook that its gateway did not send          → 401
├── Unavailable              passing: the same call may work later                → HTTP 503, task retries
│   ├── NotSent                  the request never reached the gateway: nothing was charged
│   ├── Busy                     the gateway asked us to come back later (429)
│   │   └── Held                     we hold back ourselves: nothing was sent
│   └── OutcomeUnknown           the answer never came: the gateway may have acted
├── NotFound                 the gateway knows no such transaction
└── Mismatch                 the outside world contradicts us: a person looks     → HTTP 500, task stops
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was said to a gateway and back, fit to be stored: secrets and personal data are masked, the rest is cut."""

    latency_ms: int
    http_status: int | None = None  # None: no answer came
    request: Mapping[str, object] = field(default_factory=dict)
    response: Mapping[str, object] = field(default_factory=dict)


class ChoptymError(Exception):
    """The root. `code` is for machines, the message for people, `fields` name the input that is at fault."""

    code = "error"
    http_status = 500

    def __init__(self, message: str, *, code: str | None = None, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fields = dict(fields or {})
        self.retry_after_seconds: float | None = None
        self.exchange: Exchange | None = None  # set by a gateway's adapter


class Rejected(ChoptymError):
    code = "rejected"
    http_status = 400


class NotAllowed(Rejected):
    code = "not_allowed"
    http_status = 409


class KeyReused(Rejected):
    code = "idempotency_key_reused"
    http_status = 422


class StillRunning(Rejected):
    code = "still_running"
    http_status = 409

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class BadSignature(Rejected):
    code = "bad_signature"
    http_status = 401


class Unavailable(ChoptymError):
    code = "unavailable"
    http_status = 503


class NotSent(Unavailable):
    code = "not_sent"


class Busy(Unavailable):
    code = "busy"

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Held(Busy):
    code = "held"


class OutcomeUnknown(Unavailable):
    code = "outcome_unknown"


class NotFound(ChoptymError):
    code = "not_found"
    http_status = 404


class Mismatch(ChoptymError):
    code = "mismatch"
