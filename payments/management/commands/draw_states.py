"""Draw docs/states.md from the tables of moves: `manage.py draw_states > docs/states.md`; a test compares the two."""

from typing import Any

from django.core.management.base import BaseCommand

from choptym.lib.states import Moves, diagram
from notifications.models import NOTIFICATION_MOVES
from orders.states import ITEM_MOVES, ORDER_MOVES
from payments.states import (
    ATTEMPT_MOVES,
    BREAK_MOVES,
    BULK_LINE_MOVES,
    BULK_MOVES,
    EVENT_MOVES,
    PAYMENT_MOVES,
    RECONCILIATION_MOVES,
    REFUND_MOVES,
)

INTRODUCTION = """\
# States

Drawn by `manage.py draw_states` from the tables of moves in the code. Do not edit by hand: a test compares.

A name is a fact that happened. A move is one UPDATE that says from which states it may start, or that runs under the
row's lock: two workers cannot both win. What each word means stands in the [glossary](glossary.md#states).
"""

TABLES: tuple[tuple[str, str, Moves], ...] = (
    ("Payment", "`payments/states.py`. One wish to pay.", PAYMENT_MOVES),
    ("Attempt", "`payments/states.py`. One try of a payment at its gateway.", ATTEMPT_MOVES),
    ("Webhook event", "`payments/states.py`. What a gateway told us.", EVENT_MOVES),
    ("Refund", "`payments/states.py`. Money that goes back.", REFUND_MOVES),
    ("Reconciliation", "`payments/states.py`. A gateway's list of one day, held against ours.", RECONCILIATION_MOVES),
    ("Reconciliation break", "`payments/states.py`. A line on which the two do not agree.", BREAK_MOVES),
    ("Bulk upload", "`payments/states.py`. A file of refunds or wallet credits.", BULK_MOVES),
    ("Bulk line", "`payments/states.py`. One line of it.", BULK_LINE_MOVES),
    ("Order", "`orders/states.py`. What a customer asked for.", ORDER_MOVES),
    ("Order item", "`orders/states.py`. One product of an order, and its part of the stock.", ITEM_MOVES),
    ("Notification", "`notifications/models.py`. One message through one channel.", NOTIFICATION_MOVES),
)


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join([INTRODUCTION, *(_draw(*table) for table in TABLES)]), ending="")


def _draw(name: str, about: str, moves: Moves) -> str:
    return f"## {name}\n\n{about} Begins as {next(iter(moves))}.\n\n```mermaid\n{diagram(moves)}\n```\n"
