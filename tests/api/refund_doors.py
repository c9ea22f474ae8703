"""Asking for refunds over HTTP, and what the answers say."""

from typing import Any

from django.http import HttpResponse
from rest_framework.authtoken.models import Token

from payments.models import Payment
from tests.api.world import World, read

FIELDS = [
    "amount_minor", "created_at", "currency", "finished_at", "id", "payment", "reason", "reference", "status", "way",
]  # fmt: skip


def token_of(user: Any) -> str:
    return f"Token {Token.objects.create(user=user).key}"


def path_of(payment: Payment) -> str:
    return f"/api/payments/{payment.pk}/refunds/"


def ask(world: World, payment: Payment, token: str, body: object = None, **headers: str) -> HttpResponse:
    wish = {"reason": "the soup was cold"} if body is None else body
    return world.send("POST", path_of(payment), wish, Authorization=token, **headers)


def code_of(answer: HttpResponse) -> tuple[int, str, list[str]]:
    shown = read(answer)
    assert set(shown) == {"code", "message", "fields"}
    assert shown["message"]
    return answer.status_code, shown["code"], list(shown["fields"])
