"""How well this machine keeps time: for tests that measure how much is done in a second."""

import threading
import time


class Stopwatch:
    """How long this machine lets a thread wait that has slept enough. Where it is long, calls bunch up on their way."""

    def __enter__(self) -> "Stopwatch":
        self.worst_seconds = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            began = time.monotonic()
            time.sleep(0.002)
            self.worst_seconds = max(self.worst_seconds, time.monotonic() - began)
