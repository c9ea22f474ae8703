"""The OpenAPI document describes every address, and its generator has nothing to complain about."""

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

CONTRACT = {
    "/api/auth/token/": {"post"},
    "/api/products/": {"get"},
    "/api/cart/": {"get", "post"},
    "/api/cart/{line_id}/": {"patch", "delete"},
    "/api/checkout/": {"post"},
    "/api/payments/{payment_id}/": {"get"},
    "/api/payments/{payment_id}/cancel/": {"post"},
    "/api/payments/{payment_id}/refunds/": {"get", "post"},
    "/api/orders/": {"get"},
    "/api/orders/{order_id}/": {"get"},
    "/api/wallet/": {"get"},
    "/api/wallet/transactions/": {"get"},
    "/api/wallet/topups/": {"post"},
    "/api/payment/queue/status": {"get"},
    "/api/payment/metrics": {"get"},
}


def test_the_document_is_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--fail-on-warn", "--validate")

    assert capsys.readouterr().err == ""


def test_the_document_has_every_address_of_the_contract() -> None:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    paths = generator.get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]

    missing = {path: verbs - paths.get(path, {}).keys() for path, verbs in CONTRACT.items()}
    assert {path: verbs for path, verbs in missing.items() if verbs} == {}
