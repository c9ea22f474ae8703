"""Prove that the books, the orders, the stock and the gateways agree: exit 0 if they do, else name each break."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from choptym.lib.money import CURRENCIES, Money
from payments import prove
from payments.prove_gateways import compare_sandbox

SHOWN = 20


def _worth(amount_minor: int, currency: str) -> str:
    """A sum as people read it; one over several currencies is no amount, and stays as it is."""
    return str(Money(amount_minor, currency)) if currency in CURRENCIES else f"{amount_minor} ({currency})"


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
        parser.add_argument(
            "--sandbox",
            default=settings.SANDBOX_URL,
            help="Address of a sandbox, to compare with its own books too; by default the local stack's.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        proof = prove.prove_books()
        breaks = dict(proof.breaks)
        comparison = compare_sandbox(options["sandbox"]) if options["sandbox"] else None
        if comparison is not None:
            breaks |= comparison.breaks
        result = {
            "ok": not breaks,
            "unfinished": proof.unfinished,
            "lost": comparison.lost if comparison else len(breaks.get("capture_not_booked", [])),
            "doubled": comparison.doubled if comparison else len(breaks.get("two_captures", [])),
            "gateways": [asdict(gateway) for gateway in comparison.gateways] if comparison else [],
            "breaks": [
                {"kind": kind, "count": len(places), "places": places[:SHOWN]} for kind, places in breaks.items()
            ],
        }
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self._tell(result)
        if breaks:
            raise CommandError(f"{sum(map(len, breaks.values()))} breaks", returncode=1)

    def _tell(self, result: dict[str, Any]) -> None:
        for gateway in result["gateways"]:
            collected, booked = (
                _worth(gateway[side], gateway["currency"]) for side in ("collected_minor", "booked_minor")
            )
            self.stdout.write(
                f"{gateway['name']}: collected {gateway['collected']} payments worth {collected}, "
                f"booked {gateway['booked']} worth {booked}, on their way {gateway['on_the_way']}"
            )
        for found in result["breaks"]:
            self.stdout.write(self.style.ERROR(f"{found['kind']}: {found['count']}"))
            for place in found["places"]:
                self.stdout.write(f"  {place}")
        if result["ok"]:
            self.stdout.write(self.style.SUCCESS("The books agree with each other, with orders, stock and gateways."))
        self.stdout.write(
            f"lost {result['lost']}, doubled {result['doubled']}, not at their end {result['unfinished']}"
        )
