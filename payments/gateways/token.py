"""An access token that all threads share and one of them fetches."""

import threading
import time
from collections.abc import Callable

from choptym.lib.deadline import Deadline
from choptym.lib.errors import Busy, Held, NotSent, Unavailable

# Threads that waited for a fetch which failed give up with it, instead of queueing for one more try each.
_FAILURE_HOLDS_SECONDS = 1.0


class TokenCache:
    """`fetch` answers the token and for how many seconds to use it."""

    def __init__(self, fetch: Callable[[Deadline], tuple[str, float]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0
        self._failed_until = 0.0

    def get(self, deadline: Deadline) -> str:
        """The token, fetched when needed. Raises NotSent or Busy (what the token is for was not sent), or Rejected."""
        token = self._current()
        if token:
            return token
        if not self._lock.acquire(timeout=deadline.left_seconds()):
            raise NotSent("another thread is fetching the access token")
        try:
            return self._current() or self._renew(deadline)
        finally:
            self._lock.release()

    def drop(self, token: str) -> None:
        """The gateway no longer takes this one. A newer one stays."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _current(self) -> str:
        return self._token if time.monotonic() < self._good_until else ""

    def _renew(self, deadline: Deadline) -> str:
        if time.monotonic() < self._failed_until:
            raise NotSent("the access token could not be fetched a moment ago")
        try:
            self._token, seconds = self._fetch(deadline)
        except Held:
            raise  # the gateway was not even asked
        except (Busy, NotSent):
            self._failed_until = time.monotonic() + _FAILURE_HOLDS_SECONDS
            raise
        except Unavailable as error:
            self._failed_until = time.monotonic() + _FAILURE_HOLDS_SECONDS
            failure = NotSent(f"no access token: {error.message}")
            failure.exchange = error.exchange
            raise failure from error
        self._good_until = time.monotonic() + seconds
        return self._token
