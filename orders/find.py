"""Finding an order by what people call it."""

import re

from django.db.models import Q

_NUMBER = re.compile(r"\s*(?:CT-?)?0*([1-9][0-9]{0,17})\s*", re.IGNORECASE)


def order_id_of(text: str) -> int | None:
    """CT-000123, ct123 and 123 are order 123; None when it is no order number."""
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else None


def orders_like(text: str) -> Q:
    """Orders by number, or by the customer's user name: both through an index."""
    found = Q(user__username=text.strip())
    if (order_id := order_id_of(text)) is not None:
        found |= Q(pk=order_id)
    return found
