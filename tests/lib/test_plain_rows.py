"""Rows by a plain statement are those that the ORM would have made."""

import pytest
from django.db import connection
from django.forms.models import model_to_dict

from choptym.lib.plain_rows import PlainRows
from payments.models import Payment, Refund
from tests.factories import make_pending

pytestmark = pytest.mark.django_db


def read(rows: PlainRows[Payment], payment: Payment) -> Payment:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {rows.columns} FROM payments_payment WHERE id = %s", [payment.pk])  # noqa: S608
        return rows.row(cursor.fetchone())


def test_a_row_is_the_same_as_the_orms() -> None:
    payment = Payment.objects.get(pk=make_pending()[0].pk)

    found = read(PlainRows(Payment), payment)

    assert found == payment
    assert model_to_dict(found) == model_to_dict(payment)
    assert (found.queued_at, found.requested_at) == (payment.queued_at, payment.requested_at)
    assert found._state.adding is False


def test_of_some_fields_the_others_are_read_when_they_are_asked_for() -> None:
    payment, _ = make_pending()

    found = read(PlainRows(Payment, "id", "state"), payment)

    assert found.get_deferred_fields() >= {"amount_minor", "user_id"}
    assert (found.state, found.amount_minor) == ("PENDING", payment.amount_minor)


def test_a_field_that_the_orm_makes_something_of_is_refused() -> None:
    with pytest.raises(TypeError, match=r"request.*response"):
        PlainRows(Refund)
