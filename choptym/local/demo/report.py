"""What the demo says in the end: a table for people, one JSON object for programs."""

from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from choptym.local.demo.customer import PATIENCE_SECONDS
from choptym.local.demo.faults import WEATHER
from choptym.local.demo.traffic import Journey

SHOWN_PROBLEMS = 10
# What the API calls it when the payer says no, and when the customer gives up.
DECLINED, CANCELLED = "declined", "cancelled"


def print_table(journeys: Sequence[Journey], console: Console) -> None:
    table = Table(title="What happened", title_justify="left")
    for name in ("method", "started", "settled", "failed", "unfinished", "median s", "p95 s"):
        table.add_column(name, justify="left" if name == "method" else "right")
    for method in sorted({journey.method for journey in journeys}):
        table.add_row(method, *_figures([journey for journey in journeys if journey.method == method]))
    if journeys:
        table.add_section()
        table.add_row("all", *_figures(journeys))
    console.print(table)


def print_problems(journeys: Sequence[Journey], console: Console) -> None:
    """Name what was refused or did not end."""
    troubled = [journey for journey in journeys if journey.status is None]
    for journey in troubled[:SHOWN_PROBLEMS]:
        what = f"payment {journey.payment_id} did not end in time" if journey.payment_id else "checkout refused"
        console.print(f"[yellow]{journey.method}: {what}. {escape(journey.problem)}[/]")
    if len(troubled) > SHOWN_PROBLEMS:
        console.print(f"[yellow]… and {len(troubled) - SHOWN_PROBLEMS} more[/]")


def print_reasons(journeys: Sequence[Journey], topups: int, console: Console) -> None:
    """Say why payments failed, and why the gateways collected more than the orders cost."""
    unpaid = Counter(_why(journey) for journey in journeys if journey.status not in {None, "SETTLED"})
    for why, count in unpaid.most_common():
        console.print(escape(f"{count} {why}"))
    if topups:
        wallets = "1 top-up filled a wallet" if topups == 1 else f"{topups} top-ups filled wallets"
        console.print(f"{wallets} first, so the gateways collected more than these orders cost")


def _why(journey: Journey) -> str:
    if journey.failure_code == DECLINED:
        share = f"{WEATHER['refusal_rate']:.0%}".replace("%", " %")
        return f"declined by the payer: the sandbox refuses {share} on purpose"
    if journey.failure_code == CANCELLED:
        waited = f"after {PATIENCE_SECONDS:.0f} s"
        return f"given up by the customer {waited}: a UPI payment that was declined stays open for another try"
    return f"ended {journey.status}, {journey.failure_code or 'without a code'}: {journey.message or 'no message'}"


def summarise(journeys: Sequence[Journey], topups: int, seconds: float, proof: dict[str, Any]) -> dict[str, Any]:
    """Return the object of the last line."""
    payments = [journey for journey in journeys if journey.payment_id is not None]
    ended = [journey for journey in payments if journey.status]
    settled = sum(journey.status == "SETTLED" for journey in ended)
    return {
        "payments": len(payments),
        "settled": settled,
        "failed": len(ended) - settled,
        "seconds": round(seconds, 2),
        "per_minute": round(len(ended) / seconds * 60) if seconds else 0,
        "lost": proof["lost"],
        "doubled": proof["doubled"],
        "unfinished": len(payments) - len(ended),
        "refused": len(journeys) - len(payments),
        "topups": topups,
        "books_ok": proof["ok"],
    }


def _figures(journeys: Sequence[Journey]) -> list[str]:
    started = [journey for journey in journeys if journey.payment_id is not None]
    ended = [journey for journey in started if journey.status]
    settled = [journey.seconds for journey in ended if journey.status == "SETTLED"]
    counts = (len(started), len(settled), len(ended) - len(settled), len(started) - len(ended))
    return [*map(str, counts), f"{median(settled):.1f}" if settled else "-", _p95(settled)]


def _p95(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    return f"{quantiles(seconds, n=20, method='inclusive')[-1] if len(seconds) > 1 else seconds[0]:.1f}"
