"""The webhook: verify, store, enqueue, answer."""

import hashlib
import hmac
import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tests.bench.textbook.models import Payment, WebhookEvent
from tests.bench.textbook.tasks import settle_payment


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    signature = hmac.new(settings.WEBHOOK_SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, request.headers.get("X-Razorpay-Signature", "")):
        return HttpResponse(status=401)
    event = json.loads(request.body)
    event_id = request.headers["X-Razorpay-Event-Id"]
    _, is_new = WebhookEvent.objects.get_or_create(event_id=event_id, defaults={"payload": event})
    if is_new:
        payment = Payment.objects.get(transaction_id=event["payload"]["payment"]["entity"]["order_id"])
        settle_payment.delay(payment.pk)
    return HttpResponse(status=200)
