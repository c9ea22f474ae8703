"""The page of the queue in the admin: what it shows, its buttons, and who may press them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from payments import in_force
from payments.models import QueueControl, Steering
from payments.steering.stop import stop_queue
from tests.factories import make_payment
from tests.payments.staff import acts_about, make_staff, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways", "steered")]

PAGE = "/admin/payments/queuecontrol/"


@pytest.fixture
def operator() -> User:
    return make_staff("operators")


@pytest.fixture
def client(operator: User) -> Client:
    return signed_in(operator)


def press(client: Client, act: str, **form: Any) -> Any:
    return client.post(f"{PAGE}act/{act}/", {"gateway": "fapshi", "reason": "to see", **form})


def test_shows_every_gateway_with_its_mode_its_figures_and_why(client: Client, operator: User) -> None:
    make_payment()
    stop_queue("fapshi", actor_id=operator.pk, reason="Fapshi answers with nonsense")

    shown = client.get(PAGE).content.decode()

    for words in (
        "fapshi",
        "campay",
        "wallet",
        "Fapshi answers with nonsense",
        "stop_queue",
        operator.username,
        "Resume",
    ):
        assert words in shown
    assert shown.count("act/stop/?gateway=") == 6
    assert shown.count("act/set/?gateway=") == 5  # not of the wallet


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("role", ["support", "finance"])
def test_other_roles_see_it_and_have_no_buttons(role: str) -> None:
    client = signed_in(make_staff(role))

    shown = client.get(PAGE)

    assert shown.status_code == 200
    assert "act/stop/" not in shown.content.decode()
    for act in ("stop", "drain", "resume", "set"):
        assert client.get(f"{PAGE}act/{act}/").status_code == 403
        assert press(client, act).status_code == 403
    assert not QueueControl.objects.exists()


def test_whoever_has_no_role_does_not_see_it() -> None:
    assert signed_in(User.objects.create(username="new", is_staff=True)).get(PAGE).status_code == 403


@pytest.mark.parametrize(("act", "mode"), [("stop", "STOP"), ("drain", "DRAIN"), ("resume", "RUN")])
def test_a_button_asks_why_and_then_does_it(client: Client, operator: User, act: str, mode: str) -> None:
    asked = client.get(f"{PAGE}act/{act}/?gateway=campay").content.decode()
    assert '<option value="campay" selected>' in asked
    assert "reason" in asked

    answer = press(client, act, gateway="campay")

    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert in_force.mode_of("campay") == mode
    assert acts_about("queue:campay") == [(operator.username, f"{act}_queue", "to see")]


def test_an_end_may_be_given(client: Client) -> None:
    press(client, "stop", until="2020-01-01T10:00")
    assert not QueueControl.objects.exists()
    until = timezone.localtime() + timedelta(hours=2)

    press(client, "stop", until=until.strftime("%Y-%m-%dT%H:%M"))

    held = in_force.held_until("fapshi")
    assert held is not None
    assert abs((held - until).total_seconds()) <= 60


def test_limits_are_shown_changed_and_emptied(client: Client) -> None:
    press(client, "set", max_concurrent="7", rate_per_second="")
    assert QueueControl.objects.get().max_concurrent == 7
    assert 'value="7"' in client.get(f"{PAGE}act/set/?gateway=fapshi").content.decode()

    press(client, "set", max_concurrent="", rate_per_second="3")

    row = QueueControl.objects.get()
    assert (row.max_concurrent, row.rate_per_second) == (None, 3)


def test_who_resumes_one_while_all_are_stopped_is_told_so(client: Client) -> None:
    press(client, "stop", gateway="all")

    answer = client.post(f"{PAGE}act/resume/", {"gateway": "fapshi", "reason": "to see"}, follow=True)

    assert "fapshi is still stopped, because all gateways are: resume all as well." in answer.content.decode()


@pytest.mark.parametrize(
    ("act", "form"),
    [
        ("stop", {"gateway": "stripe"}),
        ("stop", {"gateway": ""}),
        ("stop", {"reason": ""}),
        ("stop", {"reason": "\0"}),
        ("stop", {"until": "tomorrow"}),
        ("stop", {"until": "9999-12-31T23:59"}),
        ("set", {"max_concurrent": "0"}),
        ("set", {"max_concurrent": "many"}),
        ("set", {"max_concurrent": "9" * 40}),
        ("set", {"gateway": "all", "rate_per_second": "3"}),
        ("set", {"gateway": "wallet", "max_concurrent": "3"}),
    ],
)
def test_what_cannot_be_ordered_is_said_on_the_page_and_nothing_changes(client: Client, act: str, form: Any) -> None:
    answer = press(client, act, **form)

    assert answer.status_code == 200
    assert "errornote" in answer.content.decode() or "text-red" in answer.content.decode()
    assert not QueueControl.objects.exists()


def test_there_is_no_other_button(client: Client) -> None:
    assert client.get(f"{PAGE}act/explode/").status_code == 404


def test_the_profile_is_chosen_with_a_reason(client: Client, operator: User) -> None:
    assert "by clock and load" in client.get(f"{PAGE}profile/").content.decode()
    assert client.post(f"{PAGE}profile/", {"profile": "weekend"}).status_code == 200
    assert not Steering.objects.exists()

    assert client.post(f"{PAGE}profile/", {"profile": "weekend", "reason": "a feast"}).status_code == 302

    assert Steering.objects.get().pinned_profile == "weekend"
    assert [verb for _, verb, _ in acts_about("queue:all")] == ["pin_profile"]


def test_the_clean_up_is_ordered_with_a_reason(client: Client) -> None:
    assert "webhook events" in client.get(f"{PAGE}clear/").content.decode()

    assert client.post(f"{PAGE}clear/", {"reason": "before the audit"}).status_code == 302

    assert [verb for _, verb, _ in acts_about("queue:all")] == ["order_clean_up"]


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("act", ["profile", "clear"])
def test_other_roles_choose_no_profile_and_clear_nothing(act: str) -> None:
    client = signed_in(make_staff("finance"))

    assert client.post(f"{PAGE}{act}/", {"profile": "weekend", "reason": "why not"}).status_code == 403
    assert not Steering.objects.exists()


def test_a_gateway_that_is_none_chooses_nothing(client: Client) -> None:
    assert client.get(f"{PAGE}act/stop/?gateway=nope").status_code == 404
