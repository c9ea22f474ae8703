"""A person chooses the profile: it holds, it is written down, and the loop leaves it alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from choptym.audit.models import Act
from choptym.lib.errors import Rejected
from payments import in_force
from payments.models import Steering
from payments.profiles import profile_at
from payments.steering.loop import steer
from payments.steering.pin_profile import pin_profile
from tests.factories import make_user
from tests.payments.staff import acts_about

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("profiles_on")]


def pin(name: str, reason: str = "a concert tonight") -> str:
    held = pin_profile(name, actor_id=make_user().pk, reason=reason)
    in_force.orders.forget()
    return held


def test_a_pinned_profile_holds_until_somebody_says_otherwise() -> None:
    assert pin("weekend") == "weekend"
    assert (in_force.current().profile, in_force.current().max_concurrent) == ("weekend", 40)

    by_clock = profile_at(timezone.now()).name
    assert pin("auto") == by_clock
    assert in_force.current().profile == by_clock
    assert [(verb, reason) for _, verb, reason in acts_about("queue:all")] == [
        ("pin_profile", "a concert tonight"),
        ("pin_profile", "a concert tonight"),
    ]
    details = Act.objects.filter(about="queue:all").order_by("pk").values_list("details", flat=True)
    assert list(details) == [{"was": "auto", "to": "weekend"}, {"was": "weekend", "to": "auto"}]


def test_a_flash_sale_of_a_person_is_not_ended_by_the_loop() -> None:
    assert pin("flash_sale") == "flash_sale"
    ages_ago = timezone.now() - timedelta(hours=3)
    Steering.objects.update(flash_sale_since=ages_ago)

    assert steer()

    assert Steering.objects.get().flash_sale_since == ages_ago
    in_force.orders.forget()
    assert in_force.current().profile == "flash_sale"


def test_auto_ends_a_flash_sale_that_the_loop_began() -> None:
    now = timezone.now()
    Steering.objects.create(pk=1, flash_sale_since=now, decided_at=now, long_since=now)
    assert in_force.current().profile == "flash_sale"

    assert pin("auto") == profile_at(now).name

    row = Steering.objects.get()
    assert (row.flash_sale_since, row.long_since) == (None, None)


@pytest.mark.parametrize(
    ("name", "reason", "code"), [("lunch", "why", "unknown_profile"), ("weekend", " ", "no_reason")]
)
def test_a_name_nobody_knows_and_a_missing_reason_change_nothing(name: str, reason: str, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        pin(name, reason)

    assert refused.value.code == code
    assert not Steering.objects.exclude(pinned_profile="").exists()
    assert acts_about("queue:all") == []
