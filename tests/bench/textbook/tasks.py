"""A task per payment, and a task per message."""

import requests
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tests.bench.textbook.models import CartItem, Notification, Order, Payment, Product, Wallet, WalletTransaction


@shared_task
def settle_payment(payment_id: int) -> None:
    with transaction.atomic():
        payment = Payment.objects.select_for_update().get(pk=payment_id)
        if payment.state == "settled":
            return
        order = Order.objects.select_for_update().get(pk=payment.order_id)
        wallet, _ = Wallet.objects.get_or_create(user_id=payment.user_id)
        WalletTransaction.objects.create(wallet=wallet, amount=payment.amount, reason=f"payment:{payment.pk}:in")
        Wallet.objects.filter(pk=wallet.pk).update(balance=F("balance") + payment.amount)
        WalletTransaction.objects.create(wallet=wallet, amount=-payment.amount, reason=f"payment:{payment.pk}:out")
        Wallet.objects.filter(pk=wallet.pk).update(balance=F("balance") - payment.amount)
        payment.state = "settled"
        payment.settled_at = timezone.now()
        payment.save(update_fields=["state", "settled_at"])
        for item in order.items.order_by("product_id"):
            item.state = "sold"
            item.save(update_fields=["state"])
            Product.objects.filter(pk=item.product_id).update(
                stock_reserved=F("stock_reserved") - item.quantity, stock_sold=F("stock_sold") + item.quantity
            )
        order.state = "paid"
        order.paid_at = timezone.now()
        order.save(update_fields=["state", "paid_at"])
        CartItem.objects.filter(user_id=payment.user_id).delete()
        notification = Notification.objects.create(
            user_id=payment.user_id, phone=payment.phone, text=f"Your payment of {payment.amount} has arrived."
        )
        transaction.on_commit(lambda: send_notification.delay(notification.pk))


@shared_task
def send_notification(notification_id: int) -> None:
    notification = Notification.objects.get(pk=notification_id)
    if notification.sent_at is not None:
        return
    message = {"title": "ChopTym", "message": notification.text}
    requests.post(settings.SMS_URL.format(to=notification.phone), json=message, timeout=10).raise_for_status()
    notification.sent_at = timezone.now()
    notification.save(update_fields=["sent_at"])
