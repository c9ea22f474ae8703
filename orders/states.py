"""What becomes of an order, and of each thing in it."""

from django.db import models

from choptym.lib.states import Moves


class OrderState(models.TextChoices):
    PLACED = "PLACED"  # stock is reserved, the money is awaited
    PAID = "PAID"
    CANCELLED = "CANCELLED"  # not paid in time: the reservation is released


ORDER_MOVES: Moves = {
    OrderState.PLACED: {OrderState.PAID, OrderState.CANCELLED},
    OrderState.PAID: set(),
    # The money came after all, and everything for the order was still there (see retake.py).
    OrderState.CANCELLED: {OrderState.PAID},
}


class ItemState(models.TextChoices):
    RESERVED = "RESERVED"
    SOLD = "SOLD"
    RELEASED = "RELEASED"


ITEM_MOVES: Moves = {
    ItemState.RESERVED: {ItemState.SOLD, ItemState.RELEASED},
    ItemState.SOLD: set(),
    ItemState.RELEASED: {ItemState.SOLD},
}
