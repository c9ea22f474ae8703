"""Hold the gateways' own lists of some days against ours, here and now: exit 0 if no break is open, else name each."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from choptym.lib import clock
from choptym.lib.errors import Rejected
from payments.gateways import gateway_names
from payments.models import Reconciliation, ReconciliationBreak
from payments.reconciliation.ask import ask_for_day, check_day
from payments.reconciliation.foreground import reconcile_here
from payments.states import BreakState, ReconciliationState

SHOWN = 50
_TOLD = ("kind", "transaction_id", "reference", "payment_id", "our_side", "their_side", "note")
# A quarter. Each day is three calls and more to each gateway.
MOST_DAYS = 92


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--gateway", help="Only this one; by default every one that is switched on.")
        parser.add_argument("--day", type=_day, help="YYYY-MM-DD (UTC); by default yesterday.")
        parser.add_argument("--from", type=_day, dest="first", help="YYYY-MM-DD: the first of several days.")
        parser.add_argument("--to", type=_day, dest="last", help="YYYY-MM-DD: the last of them; by default yesterday.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        gateways, days = _gateways(options["gateway"]), _days(options)
        reports = []
        with _bars(is_silent=options["json"]) as watch:
            for day in days:
                for gateway in gateways:
                    # One at a time: a command that is stopped leaves one row for the workers, not a whole quarter.
                    row = _ask(gateway, day)
                    reconcile_here(row.pk, watch=partial(watch, row))
                    reports.append(_report(row.pk))
        result = {"ok": all(report["ok"] for report in reports), "days": reports}
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self._tell(reports)
        if not result["ok"]:
            wrong = sum(not report["ok"] for report in reports)
            raise CommandError(f"{wrong} of {len(reports)} days do not agree, or were not to be had", returncode=1)

    def _tell(self, reports: list[dict[str, Any]]) -> None:
        for report in reports:
            complete = "" if report["is_complete"] else ", list not complete"
            line = (
                f"{report['day']} {report['gateway']}: {report['lines']} lines, {report['matched']} agree, "
                f"{report['open']} breaks open, {report['fees']} fees booked{complete}"
            )
            self.stdout.write(self.style.SUCCESS(line) if report["ok"] else self.style.ERROR(line))
            if report["problem"]:
                self.stdout.write(f"  {report['problem']}")
            for one in report["breaks"]:
                self.stdout.write(f"  {_line(one)}")


def _line(one: dict[str, Any]) -> str:
    """A break in one line: what it is, whose, both sides as the admin's list shows them, and why."""
    names = " ".join(name for name in (one["kind"], one["transaction_id"], one["reference"]) if name)
    whose = f", payment {one['payment_id']}" if one["payment_id"] else ""
    note = f"; {one['note']}" if one["note"] else ""
    return f"{names}{whose}: ours {one['our_side']}, theirs {one['their_side']}{note}"


def _ask(gateway: str, day: date) -> Reconciliation:
    try:
        return ask_for_day(gateway, day)
    except Rejected as error:
        raise CommandError(error.message) from None


def _gateways(wanted: str | None) -> list[str]:
    names = list(gateway_names())
    if not names:
        raise CommandError("no gateway is switched on")
    if wanted is not None and wanted not in names:
        raise CommandError(f"there is no gateway {wanted!r} here; there are {', '.join(names)}")
    return names if wanted is None else [wanted]


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day such as 2026-11-05") from None


def _days(options: dict[str, Any]) -> list[date]:
    yesterday = clock.now().astimezone(UTC).date() - timedelta(days=1)
    if options["day"] is not None and (options["first"] or options["last"]):
        raise CommandError("either --day, or --from and --to")
    if options["day"] is not None:
        return [_possible(options["day"])]
    last: date = _possible(options["last"] or yesterday)
    first: date = _possible(options["first"] or last)
    if first > last:
        raise CommandError("--from is after --to")
    if (last - first).days >= MOST_DAYS:
        raise CommandError(f"at most {MOST_DAYS} days at a time; these are {(last - first).days + 1}")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _possible(day: date) -> date:
    """Of several days none is begun when the last one cannot be."""
    try:
        check_day(day)
    except Rejected as error:
        raise CommandError(error.message) from None
    return day


@contextmanager
def _bars(*, is_silent: bool) -> Iterator[Any]:
    """A bar for each day on a terminal, a line for each step elsewhere."""
    console = Console(file=sys.stderr, quiet=is_silent)
    if not console.is_terminal:
        yield lambda row, step, done, seen: console.print(f"{row}: {step} {done}/{seen}" if seen else f"{row}: {step}")
        return
    columns = (TextColumn("{task.description:>24}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[at]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars: dict[int, TaskID] = {}

        def show(row: Reconciliation, step: str, done: int, seen: int) -> None:
            if row.pk not in bars:
                bars[row.pk] = progress.add_task(str(row), total=None, at=step)
            progress.update(bars[row.pk], completed=done, total=seen or None, at=step)

        yield show


def _report(reconciliation_id: int) -> dict[str, Any]:
    row = Reconciliation.objects.get(pk=reconciliation_id)
    breaks = ReconciliationBreak.objects.filter(reconciliation=row)
    still_open = breaks.filter(state=BreakState.OPEN).order_by("pk")
    return {
        "gateway": row.gateway,
        "day": row.day.isoformat(),
        "state": row.state,
        "ok": row.state == ReconciliationState.FINISHED and not still_open.exists(),
        "is_complete": row.is_complete,
        "lines": row.lines_seen,
        "matched": row.lines_matched,
        "fees": row.fees_booked,
        "open": still_open.count(),
        "mended": breaks.filter(state=BreakState.MENDED).count(),
        "problem": row.problem,
        "finished_at": datetime.isoformat(row.finished_at) if row.finished_at else None,
        "breaks": [
            {name: getattr(one, name) for name in _TOLD}
            for one in still_open.select_related("attempt", "refund")[:SHOWN]
        ],
    }
