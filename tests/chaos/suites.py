"""The long forms of what `make test` proves in short: each a run of pytest that tells its figures as JSON lines."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from choptym.local.role import PROJECT

SCALE = "CHAOS_SCALE"


@dataclass(frozen=True, slots=True)
class Suite:
    """`place`: what pytest is given. `scale`: how long the long form is, where a test can be of any length.

    `tells`: its tests tell figures of their own; those of the others only pass.
    """

    name: str
    says: str
    place: tuple[str, ...]
    scale: int = 10
    tells: bool = True


SUITES = {
    suite.name: suite
    for suite in (
        Suite("failpoints", "a process is killed at every boundary of the money path", ("tests/failpoints",)),
        Suite("webhooks_in_any_order", "up to six events in every order", ("tests/anyorder",)),
        Suite("every_pair_of_doors", "two doors on one payment at once", ("tests/races",), scale=2),
        Suite("upgrade", "old and new code side by side", ("tests/upgrade",)),
        Suite("clocks", "every wall clock jumps by an hour", ("tests/flows/test_clock_jumps.py",), tells=False),
        Suite("hostile", "hostile input, at length", ("tests/hostile", "-m", "not long"), tells=False),
        Suite("proofs", "bulkheads, starvation, a flash sale", ("tests/flows", "-m", "alone"), tells=False),
    )
}


def run_suite(suite: Suite, seed: int) -> Iterator[str]:
    """Run it, and pass on each JSON line that it tells; the last one says whether all of it passed."""
    chosen = () if "-m" in suite.place else ("-m", "long")
    command = (sys.executable, "-m", "pytest", *suite.place, *chosen, "-q", "--no-header")
    environment = {**os.environ, "SEED": str(seed), SCALE: os.environ.get(SCALE, str(suite.scale))}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told, passed = False, 0
        for line in process.stdout:
            is_json = line.startswith("{")
            told = told or f'"fault": "{suite.name}"' in line
            if is_json:
                yield line.strip()
            else:
                sys.stderr.write(line)
                passed = max(passed, _passed(line))
    if not told or process.returncode != 0:
        # What ran nothing, or should have told of it and did not, has proved nothing.
        figures = {"payments": 0, "lost": 0, "doubled": 0, "recovery_seconds": 0}
        ok = process.returncode == 0 and passed > 0 and not suite.tells
        yield json.dumps({"fault": suite.name, **figures, "tests": passed, "ok": ok, "seed": seed})


def _passed(line: str) -> int:
    """How many tests passed, where pytest says so in its last line."""
    found = re.search(r"\b(\d+) passed\b.* in ", line)
    return int(found.group(1)) if found else 0
