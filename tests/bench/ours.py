"""Our own stack under a benchmark: started once for all of them, seen through its tables, its sandbox and its web."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import requests

from choptym.local.role import PROJECT
from choptym.local.stack import Stack
from tests.bench.goods import Database

FOLDER = PROJECT / ".local" / "bench"
# What the fastest profile charges at once (payments/profiles.py); the rest is as in every local stack.
SETTINGS = {"MAX_CONCURRENT_PAYMENTS": "100", "LOG_LEVEL": "WARNING"}
OUTSIDE = ("sandbox", "sink", "postgres", "redis")
TIMEOUT_SECONDS = 30
LOOK_SECONDS = 0.1
STANDSTILL_SECONDS = 30

Progress = Callable[[str], None]


class Ours:
    """Everything runs when it is entered, and nothing of it when it is left."""

    def __init__(self, say: Progress, root: Path = FOLDER / "stack", **settings: str) -> None:
        self.say = say
        shutil.rmtree(root, ignore_errors=True)
        self.stack = Stack(root, {**SETTINGS, **os.environ, **settings})

    def __enter__(self) -> Self:
        self.stack.start(self.say)
        self.database: Database = psycopg.connect(self.stack.database_url, autocommit=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()
        self.stack.stop()

    def number(self, query: str, *values: object) -> float:
        """The one number that a query finds."""
        row = self.database.execute(query, values).fetchone()
        return float(row[0] or 0) if row else 0.0

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Tell the sandbox, or ask it."""
        response = requests.request(method, f"{self.stack.sandbox}/control/{path}", json=body, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        return response.json()

    @contextmanager
    def frozen(self, *roles: str) -> Iterator[None]:
        """These processes of ours stand still; all of them, when none is named: the machine is somebody else's."""
        ours = [pid for name, pid in self.stack.pids.items() if name in roles or (not roles and name not in OUTSIDE)]
        for pid in ours:
            os.killpg(os.getpgid(pid), signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in ours:
                os.killpg(os.getpgid(pid), signal.SIGCONT)

    def wait(self, what: str, query: str, wanted: int, *values: object) -> None:
        """Until this query counts so many. Raises TimeoutError."""
        wait_until(what, lambda: int(self.number(query, *values)), wanted, self.say)


def wait_until(what: str, count: Callable[[], int], wanted: int, say: Progress) -> None:
    """Until it has come so far. Raises TimeoutError when nothing moves any more."""
    last, moved = -1, time.monotonic()
    while (found := count()) < wanted:
        if found != last:
            last, moved = found, time.monotonic()
        if time.monotonic() - moved > STANDSTILL_SECONDS:
            raise TimeoutError(f"{what}: {found} of {wanted}, and nothing moves")
        say(f"{what}: {found} of {wanted}")
        time.sleep(LOOK_SECONDS)
