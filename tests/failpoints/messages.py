"""By which way customers are told, and when they cannot be."""

from functools import partial

from tests.failpoints.bench import PATIENCE_SECONDS, Bench
from tests.failpoints.staff import press
from tests.failpoints.stories import Began, Tale
from tests.flows.ends import Purchase, assert_told
from tests.live import eventually


def told_by(channel: str) -> Tale:
    """By the way that the customer wishes."""

    def story(bench: Bench, began: Began) -> None:
        customer = bench.customer()
        token = f"device-{customer.id}"
        bench.live.change(
            "INSERT INTO notifications_preference (user_id, language, by_sms, by_email, push_token) "
            "VALUES (%s, 'fr', false, %s, %s)",
            customer.id,
            channel == "email",
            token if channel == "push" else "",
        )
        purchase = bench.buy(customer=customer)
        purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
        to = f"{customer.name}@choptym.example" if channel == "email" else token

        def check() -> None:
            assert_told(bench.live, purchase.payment, to, "payment_settled", may_be_twice=twice)

        twice = partial(bench.may_be_told_twice, began)
        eventually(check, seconds=PATIENCE_SECONDS)

    return story


def cannot_be_told(bench: Bench, began: Began) -> None:
    """The address is none: it is written down that nobody was told, and the money is where it belongs."""
    customer = bench.customer("razorpay")
    bench.live.change(
        "INSERT INTO notifications_preference (user_id, language, by_sms, by_email, push_token) "
        "VALUES (%s, 'fr', false, true, '')",
        customer.id,
    )
    purchase = bench.unlucky("razorpay", customer=customer, approval_delay_ms=1500)
    bench.live.change("UPDATE auth_user SET email = %s WHERE id = %s", "two\nlines@choptym.example", customer.id)
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    eventually(lambda: _assert_not_told(bench, purchase), seconds=PATIENCE_SECONDS)


def _assert_not_told(bench: Bench, purchase: Purchase) -> None:
    query = "SELECT attempts > 0 AND problem <> '' FROM notifications_notification WHERE about = %s"
    assert bench.live.column(query, f"payment:{purchase.payment}") == [True]


def is_sent_again(bench: Bench, began: Began) -> None:
    """The provider was away for longer than a day, as it seems: staff have it sent again."""
    purchase = bench.buy()
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    about = f"payment:{purchase.payment}"
    given_up = "UPDATE notifications_notification SET state = 'GIVEN_UP', problem = 'away' WHERE about = %s"
    eventually(lambda: _assert_sent(bench, about), seconds=PATIENCE_SECONDS)
    bench.live.change(given_up, about)
    [message] = bench.live.column("SELECT id FROM notifications_notification WHERE about = %s", about)
    press(bench, f"send_again({message}, **who)")
    eventually(lambda: _assert_sent(bench, about), seconds=PATIENCE_SECONDS)
    query = "SELECT count(*) FROM audit_act WHERE about = %s AND verb = 'send_message_again'"
    assert bench.live.column(query, about) == [1]


def _assert_sent(bench: Bench, about: str) -> None:
    assert bench.live.column("SELECT state FROM notifications_notification WHERE about = %s", about) == ["SENT"]
