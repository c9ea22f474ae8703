"""A process is killed before and after everything that cannot be taken back, and all ends as it should within a minute."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from choptym.local import supervisor
from tests.failpoints.bench import RECOVERED_SECONDS, Bench, environment_of
from tests.failpoints.cases import CASES, SHORT, Case
from tests.live import eventually, running_stack
import os

TRIES = 3


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("failpoints")
    patched = pytest.MonkeyPatch()
    # The same process dies again and again here, and is not at fault: it is not made to wait for longer each time.
    patched.setattr(supervisor, "BACKOFF_SECONDS", (0.2, 0.2))
    with running_stack("failpoints", **environment_of(directory)) as live:
        yield Bench(live, directory)
    patched.undo()


class Run:
    def __init__(self, bench: Bench, cases: list[Case]) -> None:
        self.bench, self.problems = bench, dict[str, str]()
        lanes: dict[str, list[Case]] = {}
        for case in cases:
            lanes.setdefault(case.lane, []).append(case)
        threads = [threading.Thread(target=self._lane, args=(lane,)) for lane in lanes.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _lane(self, cases: list[Case]) -> None:
        for case in cases:
            began = time.time()
            try:
                self._tell(case)
            except BaseException as error:  # noqa: BLE001
                self.problems[case.name] = f"{type(error).__name__}: {error}"
            print(f"{time.time() - began:6.1f} {case.lane} {case.name} {self.problems.get(case.name, '')[:300]}", flush=True)

    def _tell(self, case: Case) -> None:
        self.bench.arm(*case.points)
        seen = len(self.bench.kills)
        try:
            for _ in range(TRIES):
                with self.bench.story(case.name) as story:
                    case.tale(self.bench, story.began)
                self.bench.note_kills()
                if not [point for point in case.points if (self.bench.directory / point).exists()]:
                    return
        finally:
            left = self.bench.disarm(*case.points)
        if left:
            raise AssertionError(f"nobody passed {left}")


def test_x(bench: Bench) -> None:
    only = os.environ.get("ONLY", "").split()
    cases = [case for case in CASES if not only or any(case.name.startswith(o) for o in only) ]
    if os.environ.get("SHORT"): cases = [c for c in CASES if c.name in SHORT]
    run = Run(bench, cases)
    for kill in bench.kills:
        print(f"{bench.recovery_seconds(kill):6.1f} {kill.role} {kill.point}")
    print(bench.unnamed_commits())
    print(json.dumps(run.problems, indent=1))
    assert not run.problems
