"""Members of staff at their pages, and one row of everything that they may see."""

from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from choptym.audit.models import Act
from choptym.audit.record import record_act
from notifications.models import Preference
from payments.models import (
    Alert,
    BulkUpload,
    DeadLetter,
    IdempotencyKey,
    Payment,
    QueueControl,
    Reconciliation,
    ReconciliationBreak,
    Worker,
)
from payments.refund import refund_payment
from payments.refunds.write import Wish
from payments.settle import settle_batch
from tests.factories import make_event, make_notification, make_pending, make_user, paid, put_into_cart

# Rows that nobody may write by hand, whatever their rights.
NOT_BY_HAND = {
    "audit.act",
    "notifications.notification",
    "orders.cartitem",
    "orders.order",
    "orders.orderitem",
    "payments.alert",
    "payments.bulkupload",
    "payments.deadletter",
    "payments.idempotencykey",
    "payments.payment",
    "payments.paymentattempt",
    "payments.queuecontrol",
    "payments.reconciliation",
    "payments.reconciliationbreak",
    "payments.refund",
    "payments.webhookevent",
    "payments.worker",
    "wallets.account",
    "wallets.entry",
}
BY_HAND = {"auth.group", "auth.user", "notifications.preference", "orders.product", "orders.shop"}
MODELS = {model._meta.label_lower: model for model in site._registry}


def make_staff(role: str = "") -> User:
    """With this role; without one, a superuser."""
    user = make_user(is_staff=True, is_superuser=not role)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def one_of_each() -> Payment:
    """A settled payment of one order, and one row of every other kind about it."""
    payment, attempt = make_pending()
    settle_batch([paid(payment)])
    user = User.objects.get(pk=payment.user_id)
    make_event(payment=payment, transaction_id=attempt.transaction_id, word="SUCCESSFUL", state="MATCHED")
    make_notification(user=user, about=f"payment:{payment.pk}", kind="wallet_credited")
    DeadLetter.objects.create(payment=payment, reason="IntegrityError: a reason of its own")
    IdempotencyKey.objects.create(user=user, key="a key", fingerprint="f" * 64, status=202, body={})
    Preference.objects.create(user=user)
    BulkUpload.objects.create(
        kind="CREDITS", digest="d" * 64, file_name="gifts.csv", reason="why", uploaded_by=user, lines_count=0
    )
    day = Reconciliation.objects.create(gateway="fapshi", day="2026-11-05", state="FINISHED")
    ReconciliationBreak.objects.create(reconciliation=day, kind="AMOUNT", attempt=attempt, reference="a break")
    QueueControl.objects.create(gateway="fapshi", reason="to see", changed_by=user)
    assert payment.order is not None
    put_into_cart(user, payment.order.items.get().product)
    at = timezone.now()
    Worker.objects.create(name="charge@here", queues=["p1.high"], started_at=at)
    Alert.objects.create(
        rule="queue_length", severity="WARNING", worst="WARNING", value=120, threshold=100, text="Queue length: 120",
        opened_at=at, changed_at=at, looked_at=at,
    )  # fmt: skip
    staff = make_staff()
    refund_payment(payment.pk, Wish(reason="cold soup", amount_minor=500, to_wallet=True), actor_id=staff.pk)
    record_act(actor_id=staff.pk, verb="replay_dead_letter", about=f"payment:{payment.pk}", reason="to see")
    return payment


def last_of(model: type[Model]) -> Model:
    row = model._default_manager.order_by("-pk").first()
    assert row is not None, f"no {model._meta.label} to look at"
    return row


def page_of(row: Model) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def acts_about(about: str) -> list[tuple[str, str, str]]:
    """(who, verb, reason) of everything that staff did to this."""
    return list(Act.objects.filter(about=about).order_by("pk").values_list("actor__username", "verb", "reason"))
