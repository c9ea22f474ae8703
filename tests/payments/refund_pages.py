"""The pages on which staff refund, and end a refund by hand."""

from typing import Any, cast

from django.test import Client

from payments.models import Payment, Refund
from tests.payments.staff import page_of


def refund_page(payment: Payment) -> str:
    return page_of(payment).replace("/change/", "/refund/")


def resolve_page(refund: Refund) -> str:
    return page_of(refund).replace("/change/", "/resolve/")


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def problem_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return cast("dict[str, list[str]]", dict(answer.context["form"].errors))
