"""What people see while things break: a line every two seconds, and a table in the end. Programs read stdout."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.load import Tally
from tests.chaos.run import Result

SAY_SECONDS = 2.0
LONGEST = 160


class Shower:
    """A line every two seconds, or at once when something else begins."""

    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._console = console
        self._said = ""
        self._said_at = 0.0
        self._began_at = time.monotonic()

    def __call__(self, what: str, tally: Tally) -> None:
        now = time.monotonic()
        if what == self._said and now - self._said_at < SAY_SECONDS:
            return
        self._said, self._said_at = what, now
        came = f"{tally.begun} of {tally.wanted}" if tally.begun < tally.wanted else str(tally.begun)
        line = f"[dim]{now - self._began_at:6.1f} s[/]  {self._name}: {escape(what)}"
        self._console.print(f"{line}  [dim]{came} customers came, {tally.over} know how it ended[/]", soft_wrap=True)


def print_table(results: Sequence[Result], console: Console) -> None:
    """All that was broken, and what came of it."""
    table = Table(title="What was broken", title_justify="left")
    for name in ("fault", "payments", "settled", "lost", "doubled", "recovery s", "verdict"):
        table.add_column(name, justify="left" if name in {"fault", "verdict"} else "right")
    for result in results:
        figures = (result.payments, result.ends.get("settled", 0), result.lost, result.doubled)
        problems = escape("; ".join(result.breaks)[:LONGEST])
        state = "[green]ok[/]" if result.ok else f"[red]{problems or 'not ok'}[/]"
        table.add_row(result.fault, *map(str, figures), f"{result.recovery_seconds:.1f}", state)
    console.print(table)
    payments = sum(result.payments for result in results)
    lost, doubled = sum(result.lost for result in results), sum(result.doubled for result in results)
    console.print(f"{payments} payments in all, {lost} lost, {doubled} doubled")
