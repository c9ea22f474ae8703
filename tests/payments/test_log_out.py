"""Who is logged in, and how that ends: with another password, or by a button of staff."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from choptym.audit.models import Act
from choptym.lib.errors import Rejected
from choptym.log_out import log_out_everywhere
from tests.factories import make_user
from tests.payments.staff import acts_about, make_staff, signed_in

pytestmark = pytest.mark.django_db

NEW = "a good long new one"


@pytest.fixture
def ana() -> User:
    user = make_user()
    user.set_password("the old one")
    user.save()
    return user


def app_of(user: User) -> Client:
    """Logged in at the API."""
    return Client(headers={"Authorization": f"Token {Token.objects.get_or_create(user=user)[0].key}"})


def reads(app: Client) -> int:
    return app.get("/api/wallet/").status_code


def page_of(user: User, page: str) -> str:
    return f"/admin/auth/user/{user.pk}/{page}/"


def test_a_new_password_from_staff_ends_the_token_of_the_old_one(ana: User) -> None:
    app, other = app_of(ana), app_of(make_user())

    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    answer = signed_in(make_staff()).post(page_of(ana, "password"), form)

    assert (answer.status_code, reads(app), reads(other)) == (302, 401, 200)
    ana.refresh_from_db()
    assert ana.check_password(NEW)


def test_a_password_that_staff_take_away_ends_the_token(ana: User) -> None:
    app = app_of(ana)

    form = {"usable_password": "false", "unset-password": "1"}
    answer = signed_in(make_staff()).post(page_of(ana, "password"), form)

    assert (answer.status_code, reads(app)) == (302, 401)
    ana.refresh_from_db()
    assert not ana.has_usable_password()


def test_a_password_that_is_not_taken_ends_nothing(ana: User) -> None:
    app = app_of(ana)

    form = {"password1": NEW, "password2": "another", "usable_password": "true"}
    answer = signed_in(make_staff()).post(page_of(ana, "password"), form)

    assert (answer.status_code, reads(app)) == (200, 200)


def test_their_own_new_password_ends_the_token_of_staff(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    ana.refresh_from_db()
    app = app_of(ana)
    form = {"old_password": "the old one", "new_password1": NEW, "new_password2": NEW}

    answer = signed_in(ana).post("/admin/password_change/", form)

    assert (answer.status_code, reads(app)) == (302, 401)


def test_a_new_password_by_command_ends_the_token(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(ana)
    monkeypatch.setattr("getpass.getpass", lambda **_: NEW)

    call_command("changepassword", ana.username, verbosity=0)

    assert reads(app) == 401


def test_to_log_in_ends_nothing(ana: User) -> None:
    app = app_of(ana)
    body = {"username": ana.username, "password": "the old one"}

    answer: Any = Client().post("/api/auth/token/", body, content_type="application/json")

    assert answer.json() == {"token": Token.objects.get(user=ana).key}
    assert reads(app) == 200


def test_staff_log_somebody_out_everywhere(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    app, browsers, boss = app_of(ana), [signed_in(ana), signed_in(ana)], make_staff()
    other, others_app = signed_in(boss), app_of(boss)
    assert {browser.get("/admin/").status_code for browser in browsers} == {200}

    asked = other.get(page_of(ana, "log_out_everywhere"))
    answer = other.post(page_of(ana, "log_out_everywhere"), {"reason": "the phone was stolen"})

    assert (asked.status_code, answer.status_code) == (200, 302)
    assert reads(app) == 401
    assert {browser.get("/admin/").status_code for browser in browsers} == {302}
    assert (reads(others_app), other.get("/admin/").status_code) == (200, 200)
    assert acts_about(f"person:{ana.pk}") == [(boss.username, "log_out_everywhere", "the phone was stolen")]
    assert Act.objects.get(about=f"person:{ana.pk}").details == {"tokens": 1, "sessions": 2}


def test_staff_log_themselves_out_everywhere() -> None:
    boss = make_staff()
    here, elsewhere = signed_in(boss), signed_in(boss)

    answer = here.post(page_of(boss, "log_out_everywhere"), {"reason": "left it open somewhere"})

    assert answer.status_code == 302
    assert {browser.get("/admin/").status_code for browser in (here, elsewhere)} == {302}


@pytest.mark.parametrize("role", ["support", "finance", "operators"])
def test_only_who_may_change_people_logs_them_out(ana: User, role: str) -> None:
    app, staff = app_of(ana), signed_in(make_staff(role))

    answer = staff.post(page_of(ana, "log_out_everywhere"), {"reason": "to see"})

    assert (answer.status_code, reads(app)) == (403, 200)
    assert "log_out_everywhere" not in staff.get(page_of(ana, "change")).content.decode()
    assert "log_out_everywhere" in signed_in(make_staff()).get(page_of(ana, "change")).content.decode()


def test_nobody_is_logged_out_without_a_reason(ana: User) -> None:
    app, boss = app_of(ana), make_staff()

    page = signed_in(boss).post(page_of(ana, "log_out_everywhere"), {"reason": "  "})
    with pytest.raises(Rejected):
        log_out_everywhere(ana.pk, actor_id=boss.pk, reason="  ")

    assert (page.status_code, reads(app)) == (200, 200)
    assert not Act.objects.exists()
