"""What our books and outbox say of one payment."""

from notifications.models import Notification
from payments.models import Payment
from wallets.models import Entry


def entries_of(payment: Payment) -> dict[str, tuple[str, str, int]]:
    """Its entries, by the last part of their reason: (debit, credit, amount)."""
    entries = Entry.objects.filter(reason__startswith=f"payment:{payment.pk}:").select_related("debit", "credit")
    entries = entries.order_by("pk")
    return {entry.reason.split(":")[2]: (entry.debit.name, entry.credit.name, entry.amount_minor) for entry in entries}


def told(payment: Payment) -> list[str]:
    """The kinds of message about it, oldest first."""
    messages = Notification.objects.filter(about=f"payment:{payment.pk}").order_by("pk")
    return list(messages.values_list("kind", flat=True))
