"""A process whose wall clock jumps when a file says so; its monotonic clocks go on, as when a real clock is set.

    python -m tests.chaos.jumping_clock FILE -- celery -A choptym worker …

runs the module `celery` with these arguments. FILE holds by how many seconds the clock is ahead, such as 3600 or
-3600; as long as it is empty or not there, the clock is right. FILE.<pid> says what the process has followed. Web
processes load tests.chaos.jumping_web instead.
"""

import os
import runpy
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

LOOK_SECONDS = 0.2


class JumpingClock:
    """Sets the time that this process sees by a file, from a thread of its own."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead_seconds = 0.0
        self._journey: time_machine.travel | None = None

    def start(self) -> None:
        self.look()
        threading.Thread(target=self._watch, name="jumping-clock", daemon=True).start()

    def look(self) -> None:
        """Jump, if the file says something new."""
        text = self._file.read_text().strip() if self._file.exists() else ""
        ahead_seconds = float(text or 0)
        if ahead_seconds == self._ahead_seconds:
            return
        if self._journey is not None:
            self._journey.stop()  # the time is the real one again
            self._journey = None
        if ahead_seconds:
            self._journey = time_machine.travel(datetime.now(UTC) + timedelta(seconds=ahead_seconds), tick=True)
            self._journey.start()
        self._ahead_seconds = ahead_seconds
        self._file.with_name(f"{self._file.name}.{os.getpid()}").write_text(text)  # so that others know of it

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            self.look()


def main() -> None:
    file, dashes, module, *arguments = sys.argv[1:]
    if dashes != "--":
        sys.exit(__doc__)
    JumpingClock(Path(file)).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
