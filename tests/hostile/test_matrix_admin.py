"""The authorisation matrix of the admin: every page by every role, and by those who are no staff."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from payments.models import Payment
from tests.factories import make_user
from tests.hostile.doors import NO_PAGE, OPEN_PAGES, ROLES, admin_routes, model_table, page_table
from tests.payments.staff import MODELS, last_of, make_staff, one_of_each, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-10")]

KINDS = {"": "v", "add/": "a", "{}/change/": "v", "{}/history/": "v", "{}/delete/": "d"}
SUGGESTIONS = "autocomplete/?app_label=orders&model_name=product&field_name=shop&term=a"
WHO = (*ROLES, "superuser")


@pytest.fixture
def payment() -> Payment:
    return one_of_each()


def client_of(who: str) -> Client:
    if who == "roleless":
        return signed_in(make_user(is_staff=True))
    return signed_in(make_staff("" if who == "superuser" else who))


def address_of(route: str, payment: Payment) -> str:
    """The page of the last row of its model, or of this payment."""
    model = MODELS.get(".".join(route.split("/")[:2]))
    row = last_of(model).pk if model and "<" in route else 0
    route = route.replace("autocomplete/", SUGGESTIONS)
    attempt = payment.attempts.get().pk
    for pattern, value in (("bigint:payment_id", payment.pk), ("bigint:attempt_id", attempt), ("str:act", "stop")):
        route = route.replace(f"<{pattern}>", str(value))
    return "/admin/" + re.sub(r"<\w+:\w+>|<id>", str(row), route.replace("<str:decision>", "paid"))


def test_every_page_has_a_line() -> None:
    assert admin_routes() == set(page_table()) | OPEN_PAGES | NO_PAGE
    assert set(model_table()) == set(MODELS)


@pytest.mark.parametrize("who", WHO)
def test_lists_and_rows(payment: Payment, who: str) -> None:
    client = client_of(who)
    expected, found = {}, {}

    for name, rights in model_table().items():
        for kind, right in KINDS.items():
            address = f"/admin/{name.replace('.', '/')}/{kind.format(last_of(MODELS[name]).pk)}"
            expected[address] = 200 if right in rights[who] else 403
            found[address] = client.get(address).status_code

    assert {address: status for address, status in found.items() if status != expected[address]} == {}


@pytest.mark.parametrize("who", WHO)
def test_nobody_changes_what_they_may_not(payment: Payment, who: str) -> None:
    client = client_of(who)

    for name, rights in model_table().items():
        row = last_of(MODELS[name])
        for kind, right in (("add/", "a"), (f"{row.pk}/change/", "c"), (f"{row.pk}/delete/", "d")):
            if right not in rights[who]:
                answer = client.post(f"/admin/{name.replace('.', '/')}/{kind}", {"post": "yes"})
                assert answer.status_code == 403, (name, kind)


@pytest.mark.parametrize("who", ["roleless", *ROLES, "superuser"])
def test_pages_of_our_own(payment: Payment, who: str) -> None:
    client = client_of(who)
    wrong = {}

    for route, let_in in sorted(page_table().items(), key=lambda one: one[0] == "logout/"):
        for method in (client.get, client.post):
            status = method(address_of(route, payment)).status_code
            if status != 405 and (status == 403 or status >= 500) == let_in[who]:
                wrong[route, method.__name__] = status

    assert wrong == {}


@pytest.mark.parametrize("who", ["anonymous", "customer", "inactive", "token of a superuser"])
def test_who_is_no_staff_is_asked_to_log_in(payment: Payment, who: str) -> None:
    client = Client()
    if who == "customer":
        client.force_login(User.objects.get(pk=payment.user_id))
    elif who == "inactive":
        client.force_login(make_user(is_staff=True, is_superuser=True, is_active=False))
    elif who != "anonymous":
        client = Client(headers={"Authorization": f"Token {Token.objects.create(user=make_staff()).key}"})
    lists = [f"{name.replace('.', '/')}/" for name in model_table()]

    for route in (*page_table(), *NO_PAGE, *lists, *(f"{one}add/" for one in lists)):
        for method in (client.get, client.post):
            answer = method(address_of(route, payment))
            if route == "logout/" and answer.status_code == 405:
                continue
            assert answer.status_code == 302, route
            assert answer.headers["Location"].startswith(("/admin/login/?", "/admin/")), route


def test_a_form_without_its_csrf_token_does_nothing(payment: Payment) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_staff())

    for route in sorted(set(page_table()) - {"logout/"}):
        answer = client.post(address_of(route, payment), {"reason": "to see"})
        assert answer.status_code == 403, route
