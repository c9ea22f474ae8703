"""Every page of the admin, with rows to show."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payments.models import Payment
from tests.factories import make_payment
from tests.payments.staff import BY_HAND, MODELS, NOT_BY_HAND, last_of, make_staff, one_of_each, page_of, signed_in

pytestmark = pytest.mark.django_db

ROLES = ["", "support", "finance", "operators"]


@pytest.fixture
def payment() -> Payment:
    return one_of_each()


@pytest.fixture
def superuser() -> Client:
    return signed_in(make_staff())


def columns(name: str) -> list[dict[str, object]]:
    return list(MODELS[name]._default_manager.order_by("pk").values())


def test_every_model_is_either_kept_by_hand_or_never_written_by_hand() -> None:
    assert set(MODELS) == NOT_BY_HAND | BY_HAND


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_list_and_the_page_of_a_row_are_shown(name: str, payment: Payment, superuser: Client) -> None:
    row = last_of(MODELS[name])

    assert superuser.get(page_of(row).removesuffix(f"{row.pk}/change/")).status_code == 200
    assert superuser.get(page_of(row)).status_code == 200


@pytest.mark.parametrize("name", sorted(MODELS))
def test_nothing_is_ever_deleted(name: str, payment: Payment, superuser: Client) -> None:
    before = columns(name)
    row = last_of(MODELS[name])

    one = superuser.post(page_of(row).replace("/change/", "/delete/"), {"post": "yes"})
    many = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    superuser.post(page_of(row).removesuffix(f"{row.pk}/change/"), many)

    assert one.status_code == 403
    assert columns(name) == before


@pytest.mark.parametrize("name", sorted(NOT_BY_HAND))
def test_not_even_a_superuser_writes_such_a_row(name: str, payment: Payment, superuser: Client) -> None:
    before = columns(name)
    row = last_of(MODELS[name])
    everything = {field.name: "1" for field in row._meta.fields}

    changed = superuser.post(page_of(row), everything)
    added = superuser.post(page_of(row).replace(f"{row.pk}/change/", "add/"), everything)

    assert (changed.status_code, added.status_code) == (403, 403)
    assert columns(name) == before


@pytest.mark.parametrize("role", ROLES)
def test_the_first_page_tells_what_waits_and_what_needs_a_person(role: str, payment: Payment) -> None:
    response = signed_in(make_staff(role)).get("/admin/")

    assert response.status_code == 200
    for words in ("Find payment", "Dead letters", "Review", "Queued", "Settled", "from checkout to settled"):
        assert words in response.content.decode()


def test_whoever_has_no_role_sees_no_figures(payment: Payment) -> None:
    nobody = User.objects.create(username="new", is_staff=True)

    response = signed_in(nobody).get("/admin/")

    assert response.status_code == 200
    assert "from checkout to settled" not in response.content.decode()
    assert signed_in(nobody).get(page_of(payment)).status_code == 403


def test_a_customer_does_not_come_in(payment: Payment) -> None:
    response = signed_in(User.objects.get(pk=payment.user_id)).get(page_of(payment))

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("role", ["support", "finance", "operators"])
def test_every_role_reads_every_payment(role: str, payment: Payment) -> None:
    staff = signed_in(make_staff(role))

    assert staff.get(page_of(payment)).status_code == 200
    assert staff.get("/admin/wallets/entry/").status_code == 200
    assert staff.get("/admin/auth/group/").status_code == 403


def test_no_role_may_change_who_may_do_what(payment: Payment) -> None:
    operator = make_staff("operators")

    response = signed_in(operator).post(page_of(operator), {"username": "me", "is_superuser": "on"})

    operator.refresh_from_db()
    assert response.status_code == 403
    assert not operator.is_superuser


def test_a_list_counts_nothing_and_asks_no_question_per_row(superuser: Client) -> None:
    """In the shortest of three looks: now and then one of them asks for the menu's figures as well."""
    for _ in range(5):
        make_payment()

    asked = min((statements_of_the_list(superuser) for _ in range(3)), key=len)

    assert len(asked) <= 6
    assert not [one for one in asked if "COUNT(" in one and "payments_payment" in one]


def statements_of_the_list(staff: Client) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        assert staff.get("/admin/payments/payment/").status_code == 200
    return [query["sql"] for query in asked.captured_queries]
