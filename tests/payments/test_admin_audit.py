"""The audit log: written with the act, and never changed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from choptym.audit.models import Act
from choptym.audit.record import record_act
from choptym.lib.errors import Rejected
from tests.payments.staff import make_staff

pytestmark = pytest.mark.django_db


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        yield


@pytest.fixture
def act() -> Act:
    return record_act(actor_id=make_staff().pk, verb="replay_dead_letter", about="payment:42", reason="to see")


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_act SET reason = 'another'",
        "UPDATE audit_act SET actor_id = NULL",
        "DELETE FROM audit_act",
        "TRUNCATE audit_act",
    ],
)
def test_not_even_sql_changes_a_line(statement: str, act: Act) -> None:
    with refused(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or the foreign key's check of the new row is in the way
        cursor.execute(statement)

    assert list(Act.objects.values_list("verb", "reason")) == [("replay_dead_letter", "to see")]


def test_a_line_is_not_changed_through_its_model(act: Act) -> None:
    act.reason = "another"

    with refused():
        act.save()
    with refused():
        act.delete()


def test_there_is_no_line_without_a_reason() -> None:
    with pytest.raises(Rejected):
        record_act(actor_id=make_staff().pk, verb="restock_product", about="product:1", reason=" \n ")

    assert not Act.objects.exists()
