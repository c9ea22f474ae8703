"""Whatever is written into an address of the admin, the answer is never a fault of ours."""

from collections.abc import Iterator

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.db.models import DateField
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from payments.models import Payment
from tests.payments.staff import MODELS, last_of, make_staff, one_of_each, page_of

pytestmark = pytest.mark.django_db

NO_IDS = (
    "abc",
    "0",
    "-1",
    "1.5",
    "%D9%A3",
    "%C2%B2",
    "9" * 19,
    "9" * 5000,
    "%00",
    "1%00",
    "_5F31",
    "%20",
    "None",
    "1e3",
)
QUERIES = (
    "state__exact=%00", "q=%00", "q=" + "9" * 30, "q=" + "9" * 5000, "q=%D9%A3", "p=abc", "p=-1", "o=abc", "e=1",
    "ids=%00",
    "ids=abc,," + "9" * 40, "id__exact=abc", "id__exact=" + "9" * 40, "id__in=a,b", "state__exact=NONE", "gateway=none",
    "accepted=never", "is=maybe", "needs=nothing", "_to_field=id", "_to_field=none", "_popup=1",
    "day=soon&gateway=none",
    "password=x", "id__range=1", "id__isnull=maybe", "all=", "_changelist_filters=%00",
)  # fmt: skip
YEARS = ("year=99999", "year=0", "iso_year=0", "year__gte=99999", "year__in=1,99999", "year=2026")
# Those that the page of one row reads.
OF_A_PAGE = ("e=1", "_to_field=id", "_to_field=none", "_popup=1", "_changelist_filters=%00")
AUTOCOMPLETE = (
    "", "term=%00", "term=a", "app_label=orders&model_name=product&field_name=shop&term=%00",
    "app_label=orders&model_name=product&field_name=shop&term=a&page=abc",
    "app_label=orders&model_name=product&field_name=none", "app_label=none&model_name=none&field_name=none",
)  # fmt: skip


@pytest.fixture
def payment() -> Payment:
    return one_of_each()


@pytest.fixture
def superuser() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_staff())
    return client


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for one in patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        else:
            yield route


def pages_of(name: str) -> list[str]:
    """The address of every page about one row of this model, with {} where its id stands."""
    begins = f"admin/{name.replace('.', '/')}/<path:object_id>/"
    found = [route for route in routes(get_resolver().url_patterns) if route.startswith(begins)]
    return sorted({"/" + route.replace("<path:object_id>", "{}") for route in found})


def assert_no_fault(client: Client, *addresses: str) -> None:
    """The first is posted to as well: a page reads its address in the same way for both."""
    assert client.post(addresses[0], {"reason": "to see"}).status_code < 500, addresses[0]
    faults = [address for address in addresses if client.get(address).status_code >= 500]
    assert faults == []


def test_the_pages_are_found() -> None:
    assert len(MODELS) == len(site._registry)
    assert "/admin/payments/bulkupload/{}/start/" in pages_of("payments.bulkupload")
    assert "/admin/orders/product/{}/restock/" in pages_of("orders.product")
    assert all(f"/admin/{name.replace('.', '/')}/{{}}/change/" in pages_of(name) for name in MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_id_that_is_none(name: str, payment: Payment, superuser: Client) -> None:
    for page in pages_of(name):
        assert_no_fault(superuser, *[page.format(text) for text in NO_IDS])
        assert_no_fault(superuser, page.format("%00"))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_row_by_other_spellings_of_its_id(name: str, payment: Payment, superuser: Client) -> None:
    """Django reads numbers with spaces, signs and in any script; _2B is its own spelling of a plus sign."""
    row_id = str(last_of(MODELS[name]).pk)
    arabic = "".join(chr(0x660 + int(digit)) for digit in row_id)

    for page in pages_of(name):
        spellings = (arabic, f"0{row_id}", f"+{row_id}", f"_2B{row_id}", f"%20{row_id}", f"{row_id}_")
        assert_no_fault(superuser, *[page.format(text) for text in spellings])


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_query_of_a_list(name: str, payment: Payment, superuser: Client) -> None:
    row = last_of(MODELS[name])
    listed = page_of(row).removesuffix(f"{row.pk}/change/")

    days = [field.name for field in row._meta.fields if isinstance(field, DateField)]
    queries = [*QUERIES, *(f"{day}__{query}" for day in days for query in YEARS)]
    addresses = [f"{listed}?{query}" for query in queries] + [f"{page_of(row)}?{query}" for query in OF_A_PAGE]
    assert_no_fault(superuser, f"{page_of(row)}?_changelist_filters=%00", *addresses)
    assert superuser.get(f"{listed}?state__exact=%00").status_code == 400


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_selection_that_is_none(name: str, payment: Payment, superuser: Client) -> None:
    row = last_of(MODELS[name])
    listed = page_of(row).removesuffix(f"{row.pk}/change/")
    texts = ("abc", "\0", "", "9" * 40, "9" * 5000, "-1")
    offered = [str(one) for one in site._registry[MODELS[name]].actions or ()]

    for action in ("", "none", "delete_selected", *offered):
        for text in texts if action in offered else texts[:2]:
            form = {"action": action, "_selected_action": [text, str(row.pk)], "index": "0"}
            assert superuser.post(listed, form).status_code < 500, (action, text)


@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/payments/stuck/", "/admin/payments/payment/stuck/", "/admin/payments/deadletter/replay/",
     "/admin/payments/reconciliationbreak/close/", "/admin/payments/reconciliationbreak/fee/",
     "/admin/notifications/notification/send_again/",
     "/admin/payments/reconciliation/ask/", "/admin/payments/bulkupload/upload/", "/admin/search/",
     "/admin/payments/queuecontrol/act/stop/", "/admin/payments/queuecontrol/act/set/",
     "/admin/payments/queuecontrol/act/none/", "/admin/login/",
     "/admin/jsi18n/", "/admin/password_change/"],
)  # fmt: skip
def test_a_query_of_any_other_page(path: str, payment: Payment, superuser: Client) -> None:
    assert_no_fault(
        superuser, *[f"{path}?{query}" for query in (*QUERIES, "s=%00", "s=a", "next=%00", "next=//elsewhere")]
    )


@pytest.mark.parametrize("query", AUTOCOMPLETE)
def test_a_query_of_the_suggestions(query: str, payment: Payment, superuser: Client) -> None:
    assert_no_fault(superuser, f"/admin/autocomplete/?{query}")


def test_a_stranger_learns_nothing_either(payment: Payment) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=payment.user_id))

    for text in NO_IDS:
        assert client.get(f"/admin/payments/payment/{text}/change/").status_code in {302, 400}
