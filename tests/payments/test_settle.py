"""Settlement: everything of a batch together, once, and only for the amount that was asked."""

import pytest

from choptym.lib.money import Money
from notifications.models import Notification
from orders.cancel import cancel_orders
from orders.models import CartItem
from payments.models import DeadLetter, Payment
from payments.settle import settle_batch
from payments.states import PAYMENT_MOVES, AttemptState, PaymentState
from tests.constraints import locked_tables
from tests.factories import (
    fresh,
    give_money,
    make_attempt,
    make_order,
    make_payment,
    make_pending,
    make_product,
    make_shop,
    make_topup,
    make_user,
    paid,
    put_into_cart,
)
from tests.payments.books import entries_of, told
from wallets.prove import find_breaks
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-4")
def test_everything_changes_together() -> None:
    user, shop = make_user(), make_shop()
    bought, later = make_product(shop=shop, price_minor=2500), make_product(shop=shop)
    payment, attempt = make_pending(order=make_order(user=user, lines=[(bought, 3)]))
    put_into_cart(user, later)

    settle_batch([paid(payment, fee=Money(225, "XAF"))])

    row = fresh(payment)
    assert (row.state, row.fee_minor, row.next_check_at, row.problem) == ("SETTLED", 225, None, "")
    assert row.settled_at == row.finished_at is not None
    assert fresh(attempt).state == "PAID"
    assert (fresh(attempt).collected_minor, fresh(attempt).collected_currency) == (7500, "XAF")
    assert payment.order is not None
    assert fresh(payment.order).state == "PAID"
    assert list(payment.order.items.values_list("state", flat=True)) == ["SOLD"]
    assert (fresh(bought).stock_on_hand, fresh(bought).stock_reserved, fresh(bought).stock_sold) == (7, 0, 3)
    assert list(CartItem.objects.filter(user=user).values_list("product_id", flat=True)) == [later.pk]
    assert entries_of(payment) == {
        "capture": ("gateway:fapshi", f"customer:{user.pk}", 7500),
        "fee": ("fees:fapshi", "gateway:fapshi", 225),
        "sale": (f"customer:{user.pk}", "sales", 7500),
    }
    assert wallet_balance(user.pk, "XAF") == Money(0, "XAF")
    assert told(payment) == ["payment_settled"]
    assert find_breaks() == {}


def test_tells_the_customer_what_was_paid_where() -> None:
    payment, _ = make_pending(amount_minor=2500)

    settle_batch([paid(payment)])

    message = Notification.objects.get(about=f"payment:{payment.pk}")
    assert payment.order is not None
    assert message.address == payment.phone
    assert message.context == {
        "amount_en": "2,500 FCFA",
        "amount_fr": "2 500 FCFA",
        "order": payment.order.number,
        "shop": payment.order.shop.name,
    }


@pytest.mark.invariant("INV-3")
def test_settles_a_batch_of_many_customers_and_shared_products() -> None:
    shop = make_shop()
    products = [make_product(shop=shop, stock=100, price_minor=1000) for _ in range(3)]
    payments = [
        make_pending(order=make_order(lines=[(product, 1 + number % 3) for product in products]))[0]
        for number in range(30)
    ]

    settle_batch([paid(payment) for payment in reversed(payments)])

    assert set(Payment.objects.filter(pk__in=[p.pk for p in payments]).values_list("state", flat=True)) == {"SETTLED"}
    assert [fresh(product).stock_sold for product in products] == [60, 60, 60]
    assert [fresh(product).stock_reserved for product in products] == [0, 0, 0]
    assert Notification.objects.filter(kind="payment_settled").count() == 30
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_what_is_settled_stays_as_it_is() -> None:
    payment, _ = make_pending()
    fact = paid(payment)
    settle_batch([fact])
    before = fresh(payment)

    settle_batch([fact])
    settle_batch([fact, fact])

    assert fresh(payment).settled_at == before.settled_at
    assert sorted(entries_of(payment)) == ["capture", "sale"]
    assert told(payment) == ["payment_settled"]
    assert not DeadLetter.objects.exists()


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize(
    ("amount_minor", "currency", "says"),
    [
        (2499, "XAF", "asked for 2,500 XAF, the gateway collected 2,499 XAF"),
        (2501, "XAF", "asked for 2,500 XAF, the gateway collected 2,501 XAF"),
        (2500, "INR", "asked for 2,500 XAF, the gateway collected 25.00 INR"),
    ],
)
def test_another_amount_or_currency_is_for_a_person_and_moves_nothing(
    amount_minor: int, currency: str, says: str
) -> None:
    payment, attempt = make_pending()

    settle_batch([paid(payment, amount_minor=amount_minor, currency=currency)])

    row = fresh(payment)
    assert (row.state, row.problem, row.next_check_at, row.settled_at) == ("REVIEW", says, None, None)
    assert row.finished_at is not None
    assert (fresh(attempt).state, fresh(attempt).collected_minor) == ("PAID", amount_minor)
    assert payment.order is not None
    assert fresh(payment.order).state == "PLACED"
    assert entries_of(payment) == {}
    assert told(payment) == ["payment_under_review"]


def test_an_amount_that_cannot_be_read_is_for_a_person() -> None:
    payment, attempt = make_pending()

    settle_batch([paid(payment, money=None, problem="'12.5' has a fraction")])

    assert (fresh(payment).state, fresh(payment).problem) == ("REVIEW", "'12.5' has a fraction")
    assert (fresh(attempt).collected_minor, fresh(attempt).collected_currency) == (None, "")


def test_one_mismatch_does_not_hold_up_its_batch() -> None:
    wrong, right = make_pending()[0], make_pending()[0]

    settle_batch([paid(wrong, amount_minor=1), paid(right)])

    assert (fresh(wrong).state, fresh(right).state) == ("REVIEW", "SETTLED")


def test_what_is_under_review_waits_for_its_person() -> None:
    payment, _ = make_pending()
    settle_batch([paid(payment, amount_minor=1)])

    settle_batch([paid(payment)])

    assert fresh(payment).state == "REVIEW"
    assert entries_of(payment) == {}


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("state", [PaymentState.EXPIRED, PaymentState.FAILED, PaymentState.CANCELLED])
def test_money_that_comes_too_late_is_in_the_wallet(state: PaymentState) -> None:
    order = make_order()
    cancel_orders([order.pk])
    CartItem.objects.filter(user=order.user_id).delete()  # not wanted any more
    payment = make_payment(order=order, state=state, failure_code="expired")
    make_attempt(payment)

    settle_batch([paid(payment)])

    row = fresh(payment)
    assert (row.state, row.failure_code) == ("SETTLED", "")
    assert fresh(order).state == "CANCELLED"
    assert sorted(entries_of(payment)) == ["capture"]
    assert wallet_balance(order.user_id, "XAF") == Money(2500, "XAF")
    assert told(payment) == ["wallet_credited"]


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("state", [PaymentState.QUEUED, PaymentState.REQUESTED, PaymentState.PENDING])
def test_money_that_comes_sooner_than_expected_settles_all_the_same(state: PaymentState) -> None:
    payment = make_payment(state=state)
    make_attempt(payment, AttemptState.UNKNOWN)

    settle_batch([paid(payment, transaction_id="G1")])

    assert fresh(payment).state == "SETTLED"
    assert payment.attempts.get().transaction_id == "G1"


@pytest.mark.parametrize("state", [state for state in PaymentState if state not in {"SETTLED", "REVIEW"}])
def test_another_amount_is_for_a_person_in_every_state(state: PaymentState) -> None:
    payment = make_payment(state=state)
    make_attempt(payment)

    settle_batch([paid(payment, amount_minor=1)])

    assert fresh(payment).state == "REVIEW"
    assert PaymentState.REVIEW in PAYMENT_MOVES[state]


@pytest.mark.invariant("INV-6")
def test_two_payments_of_one_order_buy_it_once_and_the_second_is_in_the_wallet() -> None:
    order = make_order()
    first, second = make_pending(order=order)[0], make_pending(order=order)[0]

    settle_batch([paid(second), paid(first)])

    assert (fresh(first).state, fresh(second).state) == ("SETTLED", "SETTLED")
    assert sorted(entries_of(first)) == ["capture", "sale"]
    assert sorted(entries_of(second)) == ["capture"]
    assert wallet_balance(order.user_id, "XAF") == Money(2500, "XAF")
    assert (told(first), told(second)) == (["payment_settled"], ["wallet_credited"])
    assert order.items.get().product.stock_sold == 1


def test_a_payment_of_an_order_that_is_paid_goes_into_the_wallet() -> None:
    order = make_order()
    first, second = make_pending(order=order)[0], make_pending(order=order)[0]
    settle_batch([paid(first)])

    settle_batch([paid(second)])

    assert sorted(entries_of(second)) == ["capture"]
    assert told(second) == ["wallet_credited"]


def test_a_topup_is_in_the_wallet() -> None:
    payment = make_topup(amount_minor=5000, state=PaymentState.PENDING)
    make_attempt(payment)
    give_money(payment.user, 100)

    settle_batch([paid(payment)])

    assert wallet_balance(payment.user_id, "XAF") == Money(5100, "XAF")
    assert told(payment) == ["wallet_topped_up"]


def test_nothing_to_settle_is_no_error() -> None:
    settle_batch([])


@pytest.mark.invariant("INV-2")
def test_locks_payments_orders_cart_lines_products_and_wallets_in_this_order() -> None:
    order = make_order()
    payments = [make_pending(order=order)[0] for _ in range(2)]  # the second one's money stays in the wallet

    with locked_tables() as tables:
        settle_batch([paid(payment) for payment in payments])

    assert list(dict.fromkeys(tables)) == [
        "payments_payment",
        "orders_order",
        "orders_cartitem",
        "orders_product",
        "wallets_account",
    ]
