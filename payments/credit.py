"""Staff put money into a customer's wallet: a gesture, or what a complaint was worth."""

import uuid

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError

from choptym.audit.record import record_act
from choptym.lib.errors import KeyReused, Rejected
from choptym.lib.failpoints import committing
from choptym.lib.money import CURRENCIES, Money, written
from notifications.notify import Message, notify
from payments.models import Payment
from wallets import accounts
from wallets.models import Entry
from wallets.post import Posting, post_entries


def credit_wallet(*, user_id: int, money: Money, actor_id: int, reason: str, key: uuid.UUID) -> bool:
    """Credit a customer once for this key. False: it was done before, and nothing changes.

    Commits: the entry, the balance, the message and the line in the audit log together.
    Locks:   the customer's account.
    Raises:  Rejected (unknown_customer, invalid_amount, no_reason), KeyReused (another amount or customer).
    """
    try:
        with committing("credit"):
            if not write_credit(user_id=user_id, money=money, key=key):
                return False
            record_act(
                actor_id=actor_id,
                verb="credit_wallet",
                about=f"customer:{user_id}",
                reason=reason,
                details={"amount": str(money), "key": str(key)},
            )
    except IntegrityError:
        if _was_written(user_id, money, key):  # the same key, pressed twice at once: the other one was first
            return False
        raise
    return True


def write_credit(*, user_id: int, money: Money, key: uuid.UUID) -> bool:
    """The same, in the caller's transaction and without the audit log. False: it was done before."""
    check_credit(user_id=user_id, money=money)
    if _was_written(user_id, money, key):
        return False
    post_entries([Posting(accounts.REFUNDS, accounts.customer(user_id), money, _reason(key))])
    context = {"amount_en": written(money, "en"), "amount_fr": written(money, "fr")}
    notify([Message(user_id=user_id, kind="wallet_gift", about=_reason(key), phone=_phone(user_id), context=context)])
    return True


def check_credit(*, user_id: int, money: Money) -> None:
    """Raises Rejected (unknown_customer, unknown_currency, invalid_amount), naming the field."""
    if not User.objects.filter(pk=user_id, is_active=True).exists():
        raise Rejected("There is no such customer.", code="unknown_customer", fields={"customer": "No such customer."})
    if money.currency not in CURRENCIES:
        raise Rejected("Unknown currency.", code="unknown_currency", fields={"currency": "Unknown."})
    if not 0 < money.amount_minor <= settings.ORDER_MAX_AMOUNT_MINOR:
        message = f"Above zero, and at most {Money(settings.ORDER_MAX_AMOUNT_MINOR, money.currency)}."
        raise Rejected(message, code="invalid_amount", fields={"amount": message})


def _was_written(user_id: int, money: Money, key: uuid.UUID) -> bool:
    entry = Entry.objects.filter(reason=_reason(key)).select_related("credit").first()
    if entry is None:
        return False
    if (entry.credit.user_id, entry.amount) != (user_id, money):
        raise KeyReused("This form was sent before, with another amount or customer. Please open it again.")
    return True


def _reason(key: uuid.UUID) -> str:
    return f"credit:{key}"


def _phone(user_id: int) -> str:
    """The number that the customer last paid with; empty when there is none."""
    phones = Payment.objects.filter(user_id=user_id).exclude(phone="").order_by("-pk").values_list("phone", flat=True)
    return phones.first() or ""
