"""What Cashfree keeps about calls: answers by idempotency key, and how many came within a minute."""

from collections import defaultdict, deque
from dataclasses import replace

from payments.sandbox.calls import Answer, Call

KEY_HEADER = "x-idempotency-key"
WINDOW_SECONDS = 60
OTHER_CALLS = (200, 60)
# Calls a minute, live and sandbox; what the table of the documents leaves out takes the last line's.
LIMITS = {
    "POST pg/orders": (200, 30),
    "GET pg/orders/{}": (400, 60),
    "GET pg/orders/{}/payments": (100, 30),
    "GET pg/orders/{}/payments/{}": (130, 60),
    "POST pg/orders/sessions": (100, 30),
    "POST pg/settlements": (30, 20),
    "POST pg/orders/{}/refunds": (100, 30),
    "GET pg/orders/{}/refunds/{}": (30, 30),
}


class Idempotency:
    """Answers as first given, failures and 500s too, by key."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[tuple[str, bytes], Answer]] = {}

    def key(self, call: Call) -> str:
        return call.headers.get(KEY_HEADER, "") if call.method == "POST" and call.tail != "pg/orders/sessions" else ""

    def find(self, call: Call) -> tuple[bool, Answer | None]:
        """Whether the key was used for another request, and the answer to this one."""
        request, answer = self._answers.get(self.key(call), (None, None))
        if request is None or answer is None:
            return False, None
        if request != (call.tail, call.body):
            return True, None
        return False, replace(answer, headers={**(answer.headers or {}), "x-idempotency-replayed": "true"})

    def keep(self, call: Call, answer: Answer | None) -> None:
        key = self.key(call)
        # A proxy's page never came from the gateway, and 401 and 429 stand before the key.
        if key and answer is not None and answer.status not in (401, 429) and answer.content_type == "application/json":
            self._answers.setdefault(key, ((call.tail, call.body), answer))


class RateLimits:
    """A window that slides over the last minute, for each kind of call."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def _kind(self, call: Call) -> str:
        parts, varying = call.tail.split("/"), list(call.arguments)
        return f"{call.method} " + "/".join("{}" if part in varying else part for part in parts)

    def limit(self, call: Call, table: str | None) -> int:
        return LIMITS.get(self._kind(call), OTHER_CALLS)[table == "sandbox"]

    def admit(self, call: Call, table: str | None, now: float) -> int:
        """Count a call and return 0, or return the seconds until there is room again. No table: no limit."""
        if table is None:
            return 0
        seen = self._recent(call, now)
        if len(seen) >= self.limit(call, table):
            return min(59, max(1, round(seen[0] + WINDOW_SECONDS - now)))
        seen.append(now)
        return 0

    def _recent(self, call: Call, now: float) -> deque[float]:
        seen = self._seen[self._kind(call)]
        while seen and seen[0] <= now - WINDOW_SECONDS:
            seen.popleft()
        return seen

    def headers(self, call: Call, table: str | None, now: float) -> dict[str, str]:
        limit = self.limit(call, table)
        used = 0 if table is None else len(self._recent(call, now))
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(0, limit - used)),
            "x-ratelimit-retry": "0",
            "x-ratelimit-type": "ip" if call.tail == "pg/orders/sessions" else "app_id",
        }
