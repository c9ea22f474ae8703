"""A payment that was moved to another gateway before it was asked."""

from django.db import models

from payments.models.payment import Payment


class Detour(models.Model):
    """Written with the move. Never for a payment of which a try may have charged."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="detours")
    from_gateway = models.CharField(max_length=20)
    to_gateway = models.CharField(max_length=20)
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Payment {self.payment_id} from {self.from_gateway} to {self.to_gateway}"
