"""Secrets and people's numbers come out nowhere: a whole run's output is looked through for planted values."""

import re
from collections.abc import Iterator

import pytest

from tests.hostile import planted_places
from tests.hostile.planted_world import PHONES, World, planted_world

pytestmark = [pytest.mark.timeout(300), pytest.mark.invariant("INV-10")]

# Where a number or an address is kept, because somebody is called or written to by it.
KEPT = {
    "payments_payment.phone",
    "notifications_notification.address",
    "auth_user.email",
    "payments_idempotencykey.body",
    "notifications_preference.push_token",  # the address of a device
}
KEPT_SECRETS = {"authtoken_token.key", "django_session.session_key"}
# Staff find a payment by the phone that paid, and call it: the payment, its list, and what was sent where.
SHOWN = re.compile(
    r"/admin/payments/payment/([0-9]+/change/)?(\?|$)|/admin/notifications/notification/([0-9]+/change/)?(\?|$)"
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with planted_world() as world:
        yield world


def test_what_goes_wrong_goes_wrong(world: World) -> None:
    """Or nothing below would prove anything."""
    states = world.live.column("SELECT DISTINCT state FROM payments_payment")
    text = "".join(planted_places.logs(world.live).values())

    assert {"SETTLED", "FAILED", "REQUESTED"} <= set(states)
    for words in ("IntegrityError", "password authentication failed", "UndefinedTable", "webhook refused", "apprise"):
        assert words in text
    assert world.live.column("SELECT 1 FROM notifications_notification WHERE channel = 'email' AND state = 'SENT'")


def test_no_log_tells(world: World) -> None:
    assert world.values.leaks(planted_places.logs(world.live)) == []


def test_no_command_line_tells(world: World) -> None:
    found = planted_places.arguments(world.live)

    assert len(found) >= 12
    assert world.values.leaks(found) == []


def test_no_figure_tells(world: World) -> None:
    assert world.values.leaks(planted_places.figures(world.live)) == []


def test_flower_does_not_tell(world: World) -> None:
    found = planted_places.flower(world.live)

    assert "charge_due" in found["/api/tasks?limit=1000"]
    assert world.values.leaks(found) == []


def test_redis_holds_ids_and_counts(world: World) -> None:
    with world.live.frozen("worker-confirm", "worker-charge", "worker-high"):
        customer = world.customers[0]
        world.live.turn("fapshi", customer.phone, approval_delay_ms=60_000)
        for _ in range(4):  # a worker that stands still may hold one or two
            customer.pay("fapshi")
        found = planted_places.broker(world.live)

    assert any("charge_due" in text for text in found.values())
    assert world.values.leaks(found) == []


def test_a_number_is_kept_where_it_is_used_and_nowhere_else(world: World) -> None:
    found = planted_places.columns(world.live)

    assert PHONES[0] in found["payments_payment.phone"]
    assert world.values.leaks({name: text for name, text in found.items() if name not in KEPT | KEPT_SECRETS}) == []
    assert world.values.leaks({name: found[name] for name in KEPT - KEPT_SECRETS}, people=False) == []


def test_no_file_that_others_may_read_tells(world: World) -> None:
    found = planted_places.open_files(world.live)

    assert len(found) > 5
    assert world.values.leaks(found) == []


def test_a_page_of_staff_shows_whole_numbers_only_where_they_are_needed(world: World) -> None:
    """Whoever may see least sees no more of a page than a superuser."""
    found = planted_places.pages(world.live, world.staff())
    whole = {address for address, text in found.items() if any(phone in text for phone in PHONES)}

    assert len(found) > 40
    assert world.values.leaks(found, people=False) == []
    assert "/admin/payments/payment/" in whole
    assert sorted(address for address in whole if not SHOWN.match(address)) == []


def test_a_fault_of_ours_tells_nothing(world: World) -> None:
    bodies = {address: answer.text for address, answer in world.faults.items()}

    assert {answer.status_code for answer in world.faults.values()} == {500}
    assert world.values.leaks(bodies) == []
    for body in bodies.values():
        assert not re.search(r"Traceback|orders_shop|psycopg|\.py|site-packages", body)


def test_nobody_else_is_told(world: World) -> None:
    other = world.live.customer()
    paths = ["/api/payments/", "/api/orders/", "/api/wallet/", "/api/wallet/transactions/", "/api/cart/"]
    paths += [f"/api/payments/{payment}/" for payment in world.live.column("SELECT id FROM payments_payment")]
    paths += [f"/api/orders/{order}/" for order in world.live.column("SELECT id FROM orders_order")]
    paths += ["/api/payment/queue/status", "/api/payment/metrics", "/api/schema/", "/api/docs/", "/return/", "/nothing"]
    found = {path: other.call("GET", path).text for path in paths}

    assert world.values.leaks(found) == []
