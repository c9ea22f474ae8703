"""The books and the gateways' lists as figures: what the last proof found, what the last days left open."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from choptym.lib import clock
from payments.alerts.rules import Reading
from payments.gateways import gateway_names
from payments.models import BooksProof, Payment
from payments.overview import reconciliation

# No break of the books: somebody is late, or a person is needed. Both have lists of their own.
LATE_KINDS = ("overdue", "set_aside")
# The proof runs every 5 minutes and may take 10.
PROOF_LATE, PROOF_MISSING = 30 * 60, 2 * 3600
# A day's lists are asked for half an hour after its end.
DAY_LATE, DAY_MISSING = 36 * 3600, 72 * 3600


def note_proof(breaks: Mapping[str, list[str]]) -> None:
    """Keep what the proof found: {kind: its places}. Commits: the row."""
    counts = {kind: len(places) for kind, places in breaks.items()}
    BooksProof.objects.update_or_create(pk=1, defaults={"proved_at": clock.now(), "breaks": counts})


def read_books() -> list[Reading]:
    """Breaks of the books are critical; what waits too long is a warning; so is a proof that is late."""
    proof = BooksProof.objects.filter(pk=1).first()
    breaks: dict[str, int] = proof.breaks if proof else {}
    broken = {kind: count for kind, count in breaks.items() if kind not in LATE_KINDS}
    late = {kind: count for kind, count in breaks.items() if kind in LATE_KINDS}
    age = _age(proof.proved_at if proof else _first_payment())
    return [
        Reading("", sum(broken.values()), said=_list(broken), critical=1),
        Reading("late", sum(late.values()), said=_list(late), warning=1),
        Reading("proof", age, said=f"proved {age / 60:,.0f} min ago", warning=PROOF_LATE, critical=PROOF_MISSING),
    ]


def read_reconciliation() -> list[Reading]:
    """For each gateway its open breaks, and how long ago the last day ended that was compared whole."""
    now = reconciliation.get()
    readings = []
    for gateway in gateway_names():
        kinds = {kind: count for (name, kind), count in now.open_breaks.items() if name == gateway}
        day = now.last_days.get(gateway)
        age = _age(datetime.combine(day + timedelta(days=1), time(), UTC) if day else _first_payment())
        said = f"the last whole day ended {age / 3600:,.0f} h ago" if day else "no day was compared whole yet"
        readings += [
            Reading(gateway, sum(kinds.values()), said=_list(kinds), warning=1),
            Reading(f"{gateway}, last day", age, said=said, warning=DAY_LATE, critical=DAY_MISSING),
        ]
    return readings


def _first_payment() -> datetime:
    """Since when there has been something to prove."""
    first = Payment.objects.order_by("pk").values_list("queued_at", flat=True).first()
    return first or clock.now()


def _age(since: datetime) -> float:
    return max(0.0, (clock.now() - since).total_seconds())


def _list(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items())) or "none"
