"""`make bench`: how fast it is, a JSON line for each figure.

BENCH=name [name …]  only these
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from types import ModuleType

from rich.console import Console
from rich.table import Table

from choptym.local.errors import StackError
from tests.bench import (
    crowd_5000_seconds,
    end_to_end_per_minute,
    gateway_workers_mb,
    history_1m,
    hot_product,
    scaling,
    settle_vs_sql,
    webhook_p99_ms,
    webhook_vs_textbook,
)
from tests.bench.line import Line
from tests.bench.ours import Ours

# In the order of the table in docs/performance.md.
BENCHES: dict[str, ModuleType] = {
    bench.NAME: bench
    for bench in (
        webhook_vs_textbook,
        settle_vs_sql,
        end_to_end_per_minute,
        webhook_p99_ms,
        crowd_5000_seconds,
        hot_product,
        history_1m,
        gateway_workers_mb,
        scaling,
    )
}
SAY_SECONDS = 2.0


def main() -> int:
    console = Console(stderr=True, highlight=False)
    try:
        names = read_wanted(os.environ.get("BENCH", ""))
    except StackError as error:
        console.print(f"[bold red]{error}[/]", soft_wrap=True)
        return 2
    lines = []
    for name in names:
        bench = BENCHES[name]
        with Ours(Sayer(name, console), **getattr(bench, "SETTINGS", {})) as ours:
            lines.append(bench.run(ours))
        sys.stdout.write(json.dumps(lines[-1].as_json()) + "\n")
        sys.stdout.flush()
    print_table(lines, console)
    return 0 if all(line.ok for line in lines) else 1


def read_wanted(said: str) -> Sequence[str]:
    """Raises StackError for a benchmark that there is not."""
    names = said.replace(",", " ").split() or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        raise StackError(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(BENCHES)}.")
    return names


class Sayer:
    """A line every two seconds at most, with the time since the benchmark began."""

    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._console = console
        self._began_at = time.monotonic()
        self._said_at = 0.0

    def __call__(self, what: str) -> None:
        now = time.monotonic()
        if now - self._said_at < SAY_SECONDS:
            return
        self._said_at = now
        self._console.print(f"[dim]{now - self._began_at:6.1f} s[/]  {self._name}: {what}", soft_wrap=True, markup=True)


def print_table(lines: Sequence[Line], console: Console) -> None:
    """All figures, and what they should be."""
    table = Table(title="How fast", title_justify="left")
    for name in ("benchmark", "value", "unit", "reach", "verdict"):
        table.add_column(name, justify="right" if name in {"value", "reach"} else "left")
    for line in lines:
        verdict = "[green]ok[/]" if line.ok else f"[red]{'; '.join(line.problems) or 'not reached'}[/]"
        sign = "≤" if line.at_most else "≥"
        table.add_row(line.bench, f"{line.value:,.2f}", line.unit, f"{sign} {line.reach:,.10g}", verdict)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
