"""The pages of staff. They read; what changes something is a verb, and the verb is audited."""

from payments.admin import (
    alert,
    bulk,
    dead_letter,
    menu,
    order,
    overview,
    payment,
    people,
    queue,
    reconciliation,
    reconciliation_break,
    records,
    refund,
    worker,
)

__all__ = [
    "alert",
    "bulk",
    "dead_letter",
    "menu",
    "order",
    "overview",
    "payment",
    "people",
    "queue",
    "reconciliation",
    "reconciliation_break",
    "records",
    "refund",
    "worker",
]
