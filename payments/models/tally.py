"""How many payments have ended, counted as they end: nobody has to look at all of them again."""

from django.db import models

from payments.models.payment import Priority
from payments.states import PaymentState


class Tally(models.Model):
    """The payments that stand in one final state; what the steps say that are not folded yet comes on top.

    count     how many stand there now. One that ends anew leaves its old place: a FAILED payment may yet be SETTLED
    entered   how often a payment came to stand there. It never goes down
    """

    gateway = models.CharField(max_length=20)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices)
    state = models.CharField(max_length=10, choices=PaymentState.choices)
    was_retried = models.BooleanField(help_text="Whether it took more than one attempt.")
    count = models.BigIntegerField()
    entered = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "priority", "state", "was_retried"], name="tally_one_per_place"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.priority} {self.state}: {self.count}"


class TallyStep(models.Model):
    """One payment came to a place (+1) or left it (-1).

    Written by triggers of payments_payment, in the transaction that changes the payment, whoever that is; taken away
    when it is folded into the tally. A row each, because a counter that all settlements update would make them wait
    for one another.
    """

    gateway = models.CharField(max_length=20)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices)
    state = models.CharField(max_length=10, choices=PaymentState.choices)
    was_retried = models.BooleanField()
    change = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.gateway} {self.priority} {self.state}: {self.change:+d}"
