"""The long forms of what `make test` proves in short: each a run of pytest that tells its figures as JSON lines."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from choptym.local.role import PROJECT

SCALE = "CHAOS_SCALE"


@dataclass(frozen=True, slots=True)
class Suite:
    """`place`: what pytest is given."""

    name: str
    says: str
    place: tuple[str, ...]


SUITES = {
    suite.name: suite
    for suite in (
        Suite("failpoints", "a process is killed at every boundary of the money path", ("tests/failpoints",)),
        Suite("webhooks_in_any_order", "up to six events in every order", ("tests/anyorder",)),
        Suite("every_pair_of_doors", "two doors on one payment at once", ("tests/races",)),
        Suite("upgrade", "old and new code side by side", ("tests/upgrade",)),
        Suite("clocks", "every wall clock jumps by an hour", ("tests/flows/test_clock_jumps.py",)),
        Suite("hostile", "hostile input, at length", ("tests/hostile", "-m", "not long")),
        Suite("proofs", "bulkheads, starvation, a flash sale", ("tests/flows", "-m", "alone")),
    )
}


def run_suite(suite: Suite, seed: int) -> Iterator[str]:
    """Run it, and pass on each JSON line that it tells; the last one says whether all of it passed."""
    chosen = () if "-m" in suite.place else ("-m", "long")
    command = (sys.executable, "-m", "pytest", *suite.place, *chosen, "-q", "--no-header")
    environment = {**os.environ, "SEED": str(seed), SCALE: os.environ.get(SCALE, "10")}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = False
        for line in process.stdout:
            is_json = line.startswith("{")
            told = told or f'"fault": "{suite.name}"' in line
            if is_json:
                yield line.strip()
            else:
                sys.stderr.write(line)
    if not told or process.returncode != 0:
        # Also when nothing failed: what told nothing has proved nothing.
        figures = {"payments": 0, "lost": 0, "doubled": 0, "recovery_seconds": 0, "ok": False}
        yield json.dumps({"fault": suite.name, **figures, "seed": seed})
