"""Stock changes through one verb; names and prices through the page, which leaves the stock alone."""

import pytest
from django.test import Client

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed, Rejected
from orders.models import Product
from orders.restock import LARGEST_QUANTITY, LARGEST_STOCK, restock_product
from tests.factories import fresh, make_order, make_product, make_shop
from tests.payments.staff import acts_about, make_staff, page_of, signed_in

pytestmark = pytest.mark.django_db


def stock(product: Product) -> tuple[int, int, int, int]:
    now = fresh(product)
    return now.stock_start, now.stock_on_hand, now.stock_reserved, now.stock_sold


@pytest.fixture
def product() -> Product:
    """Ten were put on sale; three of them are reserved."""
    product = make_product(stock=10, price_minor=2500)
    make_order(lines=[(product, 3)])
    return product


@pytest.fixture
def operator() -> Client:
    return signed_in(make_staff("operators"))


@pytest.mark.parametrize(("quantity", "after"), [(5, (15, 12, 3, 0)), (-7, (3, 0, 3, 0))])
def test_what_was_put_on_sale_and_what_is_on_hand_move_together(
    quantity: int, after: tuple[int, ...], product: Product
) -> None:
    staff = make_staff("operators")

    restock_product(product.pk, quantity=quantity, actor_id=staff.pk, reason="counted the pots")

    assert stock(product) == after
    assert acts_about(f"product:{product.pk}") == [(staff.username, "restock_product", "counted the pots")]
    assert Act.objects.get().details == {"quantity": quantity, "on_hand": after[1]}


@pytest.mark.parametrize(
    ("quantity", "error"),
    [(0, Rejected), (-8, NotAllowed), (LARGEST_QUANTITY + 1, Rejected), (-LARGEST_QUANTITY - 1, Rejected)],
)
def test_what_cannot_be_changes_nothing(quantity: int, error: type[Rejected], product: Product) -> None:
    with pytest.raises(error):
        restock_product(product.pk, quantity=quantity, actor_id=make_staff().pk, reason="counted the pots")

    assert stock(product) == (10, 7, 3, 0)
    assert not Act.objects.exists()


def test_more_than_the_table_can_count_is_refused() -> None:
    product = make_product(stock=LARGEST_STOCK)

    with pytest.raises(NotAllowed):
        restock_product(product.pk, quantity=1, actor_id=make_staff().pk, reason="a feast")

    assert stock(product)[0] == LARGEST_STOCK


def test_without_a_reason_the_stock_stays(product: Product) -> None:
    with pytest.raises(Rejected):
        restock_product(product.pk, quantity=1, actor_id=make_staff().pk, reason="")

    assert stock(product) == (10, 7, 3, 0)


def test_the_button_asks_and_restocks(product: Product, operator: Client) -> None:
    address = page_of(product).replace("/change/", "/restock/")

    asked = operator.get(address)
    refused = operator.post(address, {"quantity": "-8", "reason": "too many"})
    done = operator.post(address, {"quantity": "4", "reason": "a new pot"})

    assert "on hand 7" in asked.content.decode()
    assert "Only 7 are on hand" in refused.content.decode()
    assert done.headers["Location"] == page_of(product)
    assert stock(product) == (14, 11, 3, 0)


@pytest.mark.parametrize("role", ["support", "finance"])
def test_only_operators_restock_and_change_prices(role: str, product: Product) -> None:
    client = signed_in(make_staff(role))

    restocked = client.post(page_of(product).replace("/change/", "/restock/"), {"quantity": "4", "reason": "why not"})
    changed = client.post(page_of(product), {"name": "Koki", "price": "1", "is_active": "on", "reason": "why not"})

    assert (restocked.status_code, changed.status_code) == (403, 403)
    assert (stock(product), fresh(product).price_minor) == ((10, 7, 3, 0), 2500)


def test_the_form_writes_what_was_typed_in_and_never_the_stock(product: Product, operator: Client) -> None:
    form = {
        "name": "Koki", "price": "2 750", "is_active": "on", "reason": "beans are dear",
        "stock_start": "1", "stock_on_hand": "1", "stock_reserved": "0", "stock_sold": "0",
    }  # fmt: skip

    response = operator.post(page_of(product), form)

    assert response.status_code == 302
    assert (fresh(product).name, fresh(product).price_minor) == ("Koki", 2750)
    assert stock(product) == (10, 7, 3, 0)
    assert Act.objects.get().details == {"before": "2,500 XAF", "after": "2,750 XAF"}


@pytest.mark.parametrize("price", ["", "0", "-5", "2500.50", "2,750", "much", "1e400", "999999999999"])
def test_a_price_that_is_none_is_refused(price: str, product: Product, operator: Client) -> None:
    form = {"name": product.name, "price": price, "is_active": "on", "reason": "to see"}

    assert operator.post(page_of(product), form).status_code == 200
    assert fresh(product).price_minor == 2500


def test_another_price_needs_a_reason(product: Product, operator: Client) -> None:
    form = {"name": product.name, "price": "3000", "is_active": "on", "reason": ""}

    assert operator.post(page_of(product), form).status_code == 200
    assert operator.post(page_of(product), {**form, "price": "2500"}).status_code == 302
    assert fresh(product).price_minor == 2500
    assert not Act.objects.exists()


def test_a_new_product_has_no_stock_until_it_is_restocked(operator: Client) -> None:
    shop = make_shop(currency="INR")
    form = {"shop": str(shop.pk), "name": "Masala dosa", "price": "180.50", "is_active": "on"}

    operator.post("/admin/orders/product/add/", form)

    product = Product.objects.get(shop=shop)
    assert (product.price_minor, stock(product)) == (18_050, (0, 0, 0, 0))


def test_a_shop_keeps_its_currency(operator: Client) -> None:
    shop = make_shop()

    operator.post(page_of(shop), {"name": "Chez Ngono", "currency": "INR"})

    assert (fresh(shop).name, fresh(shop).currency, fresh(shop).is_open) == ("Chez Ngono", "XAF", False)


def test_the_history_of_a_product_counts_what_was_done(product: Product, operator: Client) -> None:
    for is_active in ({}, {"is_active": "on"}):
        form = {"name": product.name, "price": "2500", "reason": "", **is_active}
        assert operator.post(page_of(product), form).status_code == 302

    page = operator.get(page_of(product).replace("/change/", "/history/")).content.decode()

    assert "2 entries" in page
    assert "999999" not in page
