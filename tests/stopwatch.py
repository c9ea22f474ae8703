"""How well this machine keeps time: for tests that measure how much is done in a second."""

import threading
import time
from pathlib import Path

# How long, in microseconds, something on this machine has waited for a core. Kernels other than Linux do not tell.
PRESSURE = Path("/proc/pressure/cpu")


class Stopwatch:
    """How long this machine lets a thread wait that has slept enough. Where it is long, calls bunch up on their way."""

    def __enter__(self) -> "Stopwatch":
        self.worst_seconds = 0.0
        self.waited_share = 0.0  # of the time, in which something that could run had to wait
        self._began, self._waited = time.monotonic(), _waited_seconds()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()
        self.waited_share = (_waited_seconds() - self._waited) / (time.monotonic() - self._began)

    def _run(self) -> None:
        while not self._end.is_set():
            began = time.monotonic()
            time.sleep(0.002)
            self.worst_seconds = max(self.worst_seconds, time.monotonic() - began)


def _waited_seconds() -> float:
    if not PRESSURE.exists():
        return 0.0
    some = PRESSURE.read_text().splitlines()[0]
    return int(some.rpartition("total=")[2]) / 1_000_000
