"""Sending requests from a process of its own, and what came back."""

import json
import math
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from choptym.local.role import PROJECT, launched


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Answers:
    """Of each request: when it was sent (seconds of the epoch), how long it took, and the status; 0: no answer."""

    began: Sequence[float]
    seconds: Sequence[float]
    statuses: Sequence[int]

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> Self:
        """From what the load wrote down."""
        return cls(*([row[column] for row in rows] for column in range(3)))

    @property
    def counts(self) -> dict[str, int]:
        """How many by status."""
        return {str(status): count for status, count in sorted(Counter(self.statuses).items())}

    @property
    def lasted_seconds(self) -> float:
        """From the first request to the last answer."""
        return max(map(sum, zip(self.began, self.seconds, strict=True))) - min(self.began)

    @property
    def failed(self) -> int:
        """Those without a 2xx."""
        return sum(not 200 <= status < 300 for status in self.statuses)


@dataclass(frozen=True, slots=True)
class Told:
    """What the load has seen. `reads` and `ends` only of those who follow their payments."""

    answers: Answers
    reads: Answers
    ends: Mapping[str, int]
    cpu_seconds: float


class Load:
    """Sends these requests while the block runs; `told()` waits for the last one.

    `per_second`: so many are begun, whether the earlier ones were answered or not; without it each connection sends
    its next one when it has its answer. `follows`: who sent looks at the payment until it has ended.
    """

    def __init__(
        self,
        requests: Iterable[Request],
        *,
        connections: int,
        per_second: float | None = None,
        follows: bool = False,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="choptym-bench-")
        self._answers = Path(self._folder.name, "answers.json")
        lines = Path(self._folder.name, "requests.jsonl")
        lines.write_text("".join(json.dumps(asdict(one)) + "\n" for one in requests))
        self._wish = Path(self._folder.name, "wish.json")
        wish = {"connections": connections, "per_second": per_second, "follows": follows}
        self._wish.write_text(json.dumps({"requests": str(lines), "answers": str(self._answers), **wish}))

    def __enter__(self) -> Self:
        command = launched((sys.executable, "-m", "tests.bench.crowd", str(self._wish)), None, signal.SIGTERM)
        self._process = subprocess.Popen(command, cwd=PROJECT, start_new_session=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def told(self) -> Told:
        """Raises RuntimeError when the load itself failed."""
        if self._process.wait() != 0:
            raise RuntimeError("the load ended with an error")
        said = json.loads(self._answers.read_text())
        return Told(Answers.of(said["answers"]), Answers.of(said["reads"]), said["ends"], said["cpu_seconds"])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so great a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
