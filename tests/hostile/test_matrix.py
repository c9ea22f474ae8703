"""The authorisation matrix of the API: every address by every method and everybody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from rest_framework.authtoken.models import Token

from orders.models import CartItem
from payments.models import Payment, Refund
from payments.refund import refund_payment
from payments.refunds.write import Wish
from tests.factories import make_order, make_payment, make_product, make_user, put_into_cart
from tests.hostile.doors import ANY_METHOD, ASKERS, METHODS, ROLES, api_table, routes
from tests.payments.refund_rows import make_settled
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-10")]


@dataclass
class Scene:
    """A customer's rows, and everybody who may ask for them."""

    customer: User
    payment: Payment  # waits: it can be cancelled
    line: CartItem
    refund: Refund
    users: dict[str, User]

    def path(self, route: str) -> str:
        payment = self.refund.payment_id if "refunds" in route else self.payment.pk
        values = {"payment_id": payment, "order_id": self.payment.order_id, "line_id": self.line.pk}
        for name, value in (values | {"refund_id": self.refund.pk}).items():
            route = route.replace(f"<bigint:{name}>", str(value))
        return "/" + route.replace("<slug:gateway>", "none")


@pytest.fixture
def scene(silent_gateways: None, settings: Any) -> Scene:
    settings.EVENTS_URL = "http://events.example"
    customer, inactive = make_user(), make_user(is_active=False)
    product = make_product(stock=9)
    settled = make_settled(user=customer)
    finance = make_staff("finance")
    refund = refund_payment(settled.pk, Wish(reason="cold", amount_minor=100, to_wallet=True), actor_id=finance.pk)
    users = {
        "customer": customer,
        "inactive": inactive,
        "other": make_user(),
        "roleless": make_user(is_staff=True),
        "superuser": make_staff(),
        **{role: make_staff(role) for role in ROLES},
    }
    return Scene(
        customer=customer,
        payment=make_payment(order=make_order(user=customer)),
        line=put_into_cart(customer, product, 1),
        refund=refund,
        users=users,
    )


def by_token(scene: Scene, asker: str) -> Client:
    if asker == "anonymous":
        return Client()
    token, _ = Token.objects.get_or_create(user=scene.users[asker])
    return Client(headers={"Authorization": f"Token {token.key}"})


def by_session(scene: Scene, asker: str) -> Client:
    client = Client()
    client.force_login(scene.users[asker])
    return client


def send(client: Client, method: str, path: str, body: str = "{}") -> Any:
    return client.generic(method, path, body, content_type="application/json", headers={"Idempotency-Key": "a key"})


def test_every_address_has_a_line() -> None:
    outside_admin = {route for route in routes() if not route.startswith("admin/")}

    assert outside_admin == {route for _, route in api_table()}


def test_every_role_has_a_column() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)


@pytest.mark.parametrize(("method", "route"), sorted(api_table()))
def test_who_is_let_in(scene: Scene, method: str, route: str) -> None:
    expected = api_table()[method, route]

    found = {asker: send(by_token(scene, asker), method, scene.path(route)).status_code for asker in ASKERS}

    assert found == expected


@pytest.mark.parametrize("route", sorted({route for _, route in api_table()} - ANY_METHOD))
def test_no_other_method_does_anything(scene: Scene, route: str) -> None:
    answered = {method for method, known in api_table() if known == route}

    found = {
        (method, asker): send(by_token(scene, asker), method, scene.path(route)).status_code
        for method in METHODS
        if method not in answered
        for asker in ("anonymous", "other", "superuser", "customer")
    }

    assert set(found.values()) <= {401, 403, 405}, found


def test_a_session_opens_nothing_at_the_api(scene: Scene) -> None:
    """Only the token counts: whoever is logged in at the admin cannot be made to pay by another site."""
    for (method, route), expected in api_table().items():
        for asker in ("superuser", "customer"):
            status = send(by_session(scene, asker), method, scene.path(route)).status_code
            assert status == expected["anonymous"], (method, route, asker)


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token ",
        "Token x",
        "Token a b",
        "Bearer {key}",
        "Basic {key}",
        "token{key}",
        "Token {key}x",
        "Token {half}",
    ],
)
def test_what_is_no_token_opens_nothing(scene: Scene, header: str) -> None:
    key = Token.objects.create(user=scene.customer).key

    answer = Client().get("/api/payments/", headers={"Authorization": header.format(key=key, half=key[:20])})

    assert answer.status_code == 401


NOTHING = 987_654_321


HIDDEN = [key for key, found in sorted(api_table().items()) if found["other"] == 404 and "webhooks" not in key[1]]


@pytest.mark.parametrize(("method", "route"), HIDDEN)
def test_what_is_anothers_looks_like_what_is_not_there(scene: Scene, method: str, route: str) -> None:
    other, path = by_token(scene, "other"), scene.path(route)
    missing = (
        path.replace(str(scene.payment.pk), str(NOTHING))
        if "payments" in route
        else f"/api/{path.split('/')[2]}/{NOTHING}/"
    )

    theirs, nothing = send(other, method, path), send(other, method, missing)

    assert path != missing
    assert (theirs.status_code, theirs.content) == (nothing.status_code, nothing.content)
    drop = {"Date", "Content-Length"}
    assert {name: value for name, value in theirs.items() if name not in drop} == {
        name: value for name, value in nothing.items() if name not in drop
    }


def test_what_is_anothers_costs_the_same_questions(
    scene: Scene, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """A clock would learn no more than the answer says: both are one question about the row."""
    other = by_token(scene, "other")

    for path, questions in (
        (f"/api/payments/{scene.payment.pk}/", 3),  # both at once, the short way; then the token, the row
        (f"/api/payments/{NOTHING}/", 3),
        (f"/api/orders/{scene.payment.order_id}/", 2),
        (f"/api/orders/{NOTHING}/", 2),
    ):
        with django_assert_num_queries(questions):
            assert other.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/api/payments/", "/api/orders/", "/api/cart/", "/api/wallet/transactions/"])
@pytest.mark.parametrize("query", ["", "?user={0}", "?user_id={0}", "?before=999999999"])
def test_a_list_never_holds_anothers_rows(scene: Scene, path: str, query: str) -> None:
    answer = by_token(scene, "other").get(path + query.format(scene.customer.pk))

    assert (answer.status_code, answer.json()) == (200, [])


EVERYTHING = {
    "user": 1, "user_id": 1, "is_staff": True, "is_superuser": True, "state": "SETTLED", "status": "SETTLED",
    "amount": 1, "price_minor": 1, "unit_price_minor": 1, "total_minor": 1, "currency": "INR", "id": 1, "fee_minor": 0,
    "priority": 3, "settled_at": "2026-01-01T00:00:00Z", "balance_minor": 10**9, "stock": 10**6, "order": 1,
}  # fmt: skip


def test_a_body_sets_nothing_but_what_it_may(scene: Scene) -> None:
    client = by_token(scene, "other")
    owner = scene.users["other"]
    product = make_product(stock=9, price_minor=2500)
    line = client.post(
        "/api/cart/", {**EVERYTHING, "product": product.pk, "quantity": 2}, content_type="application/json"
    )
    client.patch(f"/api/cart/{line.json()['id']}/", {**EVERYTHING, "quantity": 3}, content_type="application/json")

    answer = client.post(
        "/api/checkout/",
        {**EVERYTHING, "method": "fapshi", "phone": "677000001"},
        content_type="application/json",
        headers={"Idempotency-Key": "everything"},
    )

    payment = Payment.objects.get(pk=answer.json()["payment"]["id"])
    owner.refresh_from_db()
    product.refresh_from_db()
    assert (payment.user_id, payment.state, payment.amount_minor, payment.currency) == (owner.pk, "QUEUED", 7500, "XAF")
    assert (payment.fee_minor, payment.settled_at, payment.priority) == (None, None, 2)
    assert (owner.is_staff, owner.is_superuser) == (False, False)
    assert (product.price_minor, product.stock_on_hand + product.stock_reserved) == (2500, 9)
    assert not CartItem.objects.filter(user=scene.customer, product=product).exists()
