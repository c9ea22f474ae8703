"""The dashboard of staff: who sees it, what it shows, and that nothing in it is taken for markup."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone

from payments.models import Sample
from payments.samples import period_of
from payments.trends import forget_histories
from tests.payments.staff import make_staff, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]
PAGE = "/admin/dashboard/"
PICTURES = "/admin/dashboard/pictures/"
EVIL = "</title></script><script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _fresh_histories() -> Iterator[None]:
    forget_histories()
    yield
    forget_histories()


def sample(seconds_ago: int = 10, **figures: float) -> datetime:
    at = period_of(timezone.now()) - timedelta(seconds=seconds_ago)
    named = {name.replace("__", ":"): value for name, value in figures.items()}
    Sample.objects.create(at=at, figures={"seconds": 10, "redis": 1} | named)
    return at


def body(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def picture(text: str, title: str) -> str:
    """The figure of this title."""
    [found] = [one for one in text.split("<figure")[1:] if re.search(rf"<figcaption>{re.escape(title)}[ <\n]", one)]
    return found.split("</figure>")[0]


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("address", [PAGE, PICTURES])
def test_only_staff_who_may_see_payments_see_it(address: str) -> None:
    sample()
    nobody = User.objects.create(username="new", is_staff=True)
    customer = User.objects.create(username="eater")

    assert signed_in(nobody).get(address).status_code == 403
    for client in (signed_in(customer), Client()):
        response = client.get(address)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/admin/login/")
    for role in ("", "support", "finance", "operators"):
        assert "Payments a minute" in body(signed_in(make_staff(role)), address)


def test_the_menu_leads_to_it_for_those_who_may_see_it() -> None:
    nobody = User.objects.create(username="new", is_staff=True)

    assert f'href="{PAGE}"' in body(signed_in(make_staff("support")), "/admin/")
    assert f'href="{PAGE}"' not in body(signed_in(nobody), "/admin/")


def test_it_only_reads() -> None:
    staff = signed_in(make_staff())

    assert [staff.post(address).status_code for address in (PAGE, PICTURES)] == [405, 405]


def test_before_the_first_sample_it_says_what_it_waits_for() -> None:
    text = body(signed_in(make_staff()), PAGE)

    assert "Nothing to draw yet." in text
    assert "<figure" not in text


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("", "1h"), ("?range=15m", "15m"), ("?range=48h", "48h"), ("?range=1H%22%3E", "1h"), ("?range=9", "1h")],
)
def test_a_range_is_chosen_and_any_other_word_means_an_hour(asked: str, shown: str) -> None:
    sample()
    text = body(signed_in(make_staff()), PAGE + asked)

    assert re.findall(r'href="\?range=(\w+)" aria-current="page"', text) == [shown]
    assert f'data-address="{PICTURES}?range={shown}"' in text
    assert re.findall(r'href="\?range=(\w+)"', text) == ["15m", "1h", "6h", "24h", "48h"]


@override_settings(SAMPLES_KEPT_FOR_HOURS=6)
def test_no_range_is_offered_that_is_longer_than_samples_are_kept() -> None:
    sample()

    text = body(signed_in(make_staff()), PAGE)

    assert re.findall(r'href="\?range=(\w+)"', text) == ["15m", "1h", "6h"]


def test_payments_are_drawn_by_outcome_and_again_for_each_gateway() -> None:
    sample(ended__fapshi__SETTLED=4, ended__fapshi__FAILED=2, ended__wallet__SETTLED=1, ended__campay__EXPIRED=1)

    text = body(signed_in(make_staff()), PICTURES + "?range=15m")

    words = r"<desc>(.*?)</desc>"
    assert re.findall(words, picture(text, "Payments a minute")) == [
        "Settled: now 30, highest 30; Failed: now 12, highest 12; Expired: now 6, highest 6"
    ]
    assert re.findall(words, picture(text, "wallet")) == ["Settled: now 6, highest 6; Failed: now 0, highest 0"]
    assert re.findall(words, text.split("<h2>Queue")[0].split("<figcaption>campay")[1])[0].startswith("Settled: now 0")


def test_the_rest_is_drawn_with_its_figures_beside_it() -> None:
    sample(
        queued__fapshi__3=5,
        queued__wallet__1=2,
        messages__webhooks=9,
        wait__p95=1.25,
        processing__p50=0.2,
        line__campay=0.5,
        in_flight__fapshi__charge=3,
        in_flight__fapshi__question=1,
        limit__fapshi=20,
        connections__used=40,
        connections__max=100,
        memory__used=3 * 1024**2,
    )

    text = body(signed_in(make_staff()), PICTURES + "?range=15m")

    def rows(title: str) -> dict[str, str]:
        return dict(re.findall(r'"></i>([^<]+)</th><td>([^<]+)</td>', picture(text, title)))

    assert rows("Payments that wait for their turn") == {"High": "5", "Medium": "0", "Normal": "2"}
    assert rows("Messages in Redis")["webhooks"] == "9"
    assert rows("Wait for a turn") == {"half of them within": "–", "95 % within": "1.25 s"}
    assert rows("The gateway&#x27;s call")["half of them within"] == "200 ms"
    assert rows("Line before the rate limit")["campay"] == "500 ms"
    assert rows("fapshi") == {"charges": "3", "questions": "1", "limit": "20"}
    assert rows("Database connections") == {"used": "40", "limit": "100"}
    assert rows("Memory of Redis") == {"used": "3 MB"}


def test_circuits_and_orders_are_strips() -> None:
    sample(30)
    sample(20, circuit__fapshi=1, circuit__campay__orange=0.5, mode__wallet=1)
    sample(10)

    text = body(signed_in(make_staff()), PICTURES + "?range=15m")

    circuits, orders = picture(text, "Circuits"), picture(text, "Orders of staff")
    assert re.findall(r"<title>Circuits: (.*?)</title>", circuits) == [
        "fapshi", "campay", "campay, orange", "razorpay", "cashfree",
    ]  # fmt: skip
    assert "<desc>now closed; in this time open: 10 s at most</desc>" in circuits
    assert "<desc>now closed; in this time on trial: 10 s at most</desc>" in circuits
    assert re.findall(r"<title>Orders of staff: (.*?)</title>", orders) == ["wallet"]
    assert "<desc>now runs; in this time stopped: 10 s at most</desc>" in orders


def test_where_no_sample_was_taken_there_is_a_gap_and_no_zero() -> None:
    sample(40, queued__fapshi__3=2)
    sample(10, queued__fapshi__3=2)

    text = picture(body(signed_in(make_staff()), PICTURES + "?range=15m"), "Payments that wait for their turn")

    [path] = re.findall(r'class="ct-shape ct-area ct-hue-deep" d="(.*?)"', text)
    assert path.count("M") == 2
    assert text.count('class="ct-gap"') in {2, 3}, "a new period may have begun meanwhile"
    assert text.count("<path") > 3


def test_the_words_at_the_pointer_are_there_for_every_point() -> None:
    sample(queued__fapshi__3=2)

    text = body(signed_in(make_staff()), PICTURES + "?range=15m")

    times = json.loads(re.findall(r'<script id="ct-times" type="application/json">(.*?)</script>', text)[0])
    hover = json.loads(re.findall(r'json">(.*?)</script>', picture(text, "Payments that wait for their turn"))[0])
    assert len(times) == 90
    assert [len(one["values"]) for one in hover] == [90, 90, 90]
    assert [one["values"].count("–") for one in hover] == [89, 89, 89]


def test_a_name_in_a_sample_is_no_markup() -> None:
    """Names come from settings; but a sample is data, and data is never trusted with markup."""
    sample(**{f"ended__{EVIL}__SETTLED": 3, f"ended__x{EVIL}__SETTLED": 3, "ended__fapshi__SETTLED": 1})

    text = body(signed_in(make_staff()), PICTURES + "?range=15m")

    assert "alert(1)" in text
    assert _Scripts.of(text) <= {"application/json"}
    assert "<script>" not in text


def test_it_says_when_no_sample_was_taken_for_a_while() -> None:
    staff = signed_in(make_staff())
    sample(120)
    assert "No sample since" in body(staff, PICTURES + "?range=15m")

    sample(10)
    forget_histories()
    assert "No sample since" not in body(staff, PICTURES + "?range=15m")


def test_the_last_sample_in_words() -> None:
    sample(20, queued__fapshi__3=50)
    sample(queued__fapshi__3=2, queued__wallet__1=1, asked__campay=4, ended__fapshi__SETTLED=7, circuit__fapshi=1)

    text = body(signed_in(make_staff()), PICTURES + "?range=15m")

    now = re.findall(r"<b>([^<]+)</b>([a-z ]+)</span>", text.split('class="ct-now"')[1].split("</p>")[0])
    assert now == [
        ("3", "waiting for a turn"),
        ("4", "at a gateway"),
        ("42", "settled a minute"),
        ("1", "circuits open or on trial"),
        ("0", "stopped or draining"),
    ]


def test_the_first_page_has_the_last_hour_at_a_glance() -> None:
    staff = signed_in(make_staff("support"))
    assert "ct-spark" not in body(staff, "/admin/")
    sample(ended__fapshi__SETTLED=7, queued__wallet__1=3)
    forget_histories()

    text = body(staff, "/admin/")

    labels = re.findall(r'aria-label="([^"]*)"', text.split('class="ct-sparks"')[1])[:3]
    assert labels == [
        "Settled a minute: now 42, highest 42",
        "Failed a minute: now 0, highest 0",
        "Waiting for a turn: now 3, highest 3",
    ]


class _Scripts(HTMLParser):
    """The types of every script in a page, as a browser would see it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.found.add(dict(attrs).get("type") or "javascript")

    @classmethod
    def of(cls, text: str) -> set[str]:
        parser = cls()
        parser.feed(text)
        return parser.found
