"""Runs cases: those of one lane one after the other, a few lanes at once, for other processes die in each."""

import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.failpoints.bench import RECOVERED_SECONDS, Bench
from tests.failpoints.cases import Case

# A story that came past its point before it was armed, or in which somebody else's took it, is told again.
TRIES = 3
# With more of them the processes would mostly be starting, and recovery would measure that.
LANES_AT_ONCE = 3


@dataclass
class Run:
    """What became of each point. `points`: which of a case's, all of them where nothing is said."""

    bench: Bench
    points: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def go(self, cases: Sequence[Case]) -> None:
        lanes: dict[str, list[Case]] = {}
        for case in cases:
            lanes.setdefault(case.lane, []).append(case)
        with ThreadPoolExecutor(LANES_AT_ONCE) as threads:
            list(threads.map(self._go_through, sorted(lanes.values(), key=len, reverse=True)))

    def _go_through(self, cases: Sequence[Case]) -> None:
        for case in cases:
            points = list(self.points.get(case.name, case.points))
            try:
                self._tell(case, points)
            except Exception:  # noqa: BLE001 - it is told by the test of the point
                for point in points:
                    self.problems.setdefault(point, []).append(f"{case.name}: {traceback.format_exc(limit=-6)}")

    def _tell(self, case: Case, points: Sequence[str]) -> None:
        self.bench.arm(*points)
        armed = time.time()
        try:
            for _ in range(TRIES):
                with self.bench.story(case.name) as story:
                    case.tale(self.bench, story.began)
                self.bench.note_kills()
                self._note_seconds(points, armed, story.ended)
                if self.seconds.keys() >= {*points}:
                    return  # otherwise nobody has died yet, or only just after the end
        finally:
            left = self.bench.disarm(*points)
        if left:
            raise AssertionError(f"nobody passed {left}")

    def _note_seconds(self, points: Sequence[str], armed: float, ended: float) -> None:
        """From the kill until its story was seen to have come to its right end. Other runs have killed there before."""
        for kill in self.bench.kills:
            if kill.point in points and armed <= kill.at <= ended:
                self.seconds.setdefault(kill.point, ended - kill.at)

    def assert_recovered(self, point: str) -> None:
        assert point not in self.problems, "\n".join(self.problems[point])
        assert self.bench.killed(point), "nobody was killed there"
        assert self.seconds[point] <= RECOVERED_SECONDS

    @property
    def slowest_seconds(self) -> float:
        return max(self.seconds.values(), default=0.0)
