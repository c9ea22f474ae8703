"""Prove that the books, the orders, the stock and the gateways agree: exit 0 if they do, else name each break."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from choptym.lib.money import CURRENCIES, Money
from payments import prove
from payments.prove_gateways import Comparison, compare_sandbox

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
        comparison = _compare(options["sandbox"])
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
            payments = "payment" if gateway["collected"] == 1 else "payments"
            self.stdout.write(
                f"{gateway['name']}: collected {gateway['collected']} {payments} worth {collected}, "
                f"booked {gateway['booked']} worth {booked}, on their way {gateway['on_the_way']}"
            )
        for found in result["breaks"]:
            self.stdout.write(self.style.ERROR(f"{found['kind']}: {found['count']}"))
            for place in found["places"]:
                self.stdout.write(f"  {place}")
        if result["ok"]:
            self.stdout.write(self.style.SUCCESS("The books agree with each other, with orders and with stock."))
            self.stdout.write(_about_gateways(result["gateways"]))
        self.stdout.write(
            f"lost {result['lost']}, doubled {result['doubled']}, not at their end {result['unfinished']}"
        )


def _compare(sandbox: str) -> Comparison | None:
    """With the sandbox's own books, if there is one. Raises CommandError where that cannot be done."""
    if not sandbox:
        return None
    try:
        comparison = compare_sandbox(sandbox)
    except requests.RequestException as error:
        raise CommandError(f"{sandbox} does not tell its books: {error}") from None
    if not comparison.gateways:
        raise CommandError(f"no gateway of ours is played by {sandbox}: nothing could be compared")
    return comparison


def _about_gateways(gateways: list[dict[str, Any]]) -> str:
    if not gateways:
        return "No gateway was asked. Its own lists are held against ours by: manage.py reconcile"
    return f"They agree with the sandbox's books of {', '.join(gateway['name'] for gateway in gateways)}."
