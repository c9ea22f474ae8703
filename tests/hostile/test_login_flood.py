"""Many try passwords at once: they wait for each other, and nobody else waits for them."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.contrib.auth.models import User
from django.test import Client

from choptym.lib.hashers import PLACES
from choptym.lib.jobs import redis
from choptym.local.role import Role
from choptym.local.roles import WEB_PROCESSES
from tests.factories import make_user
from tests.hostile.conftest import QUICK
from tests.hostile.slow_passwords import HASH_SECONDS
from tests.hostile.strange import LOGIN, get
from tests.hostile.wire import opened, talk
from tests.live import Live, eventually, running_stack
from tests.payments.staff import make_staff

API, ADMIN = "/api/auth/token/", "/admin/login/"
# Without a bound these keep all threads busy for seven seconds and more.
FLOOD = 120
QUICK_SECONDS = 3


@pytest.fixture
def hashing(db: None, settings: LazySettings) -> None:
    """Passwords are kept as in a deployment."""
    settings.PASSWORD_HASHERS = ["choptym.lib.hashers.FewAtOnce"]
    for key in redis().scan_iter("choptym:tries:*"):
        redis().delete(key)


def somebody(user: User) -> str:
    user.set_password("the right one")
    user.save()
    return user.username


def log_in(door: str, name: str) -> Any:
    body = {"username": name, "password": "the right one"}
    client = Client(raise_request_exception=False)
    return client.post(API, body, content_type="application/json") if door == API else client.post(door, body)


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize(("door", "let_in"), [(API, 200), (ADMIN, 302)])
def test_who_finds_all_places_taken_is_told_when_to_come_back(door: str, let_in: int) -> None:
    name = somebody(make_staff())
    with PLACES.taken(), PLACES.taken():
        began = time.monotonic()
        refused = log_in(door, name)
        waited = time.monotonic() - began

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert 0.9 < waited < QUICK_SECONDS
    assert "sessionid" not in refused.cookies
    assert log_in(door, name).status_code == let_in


@pytest.mark.usefixtures("hashing")
def test_each_door_refuses_in_its_own_way() -> None:
    name = somebody(make_staff())
    with PLACES.taken(), PLACES.taken():
        api, admin = log_in(API, name), log_in(ADMIN, name)

    assert (set(api.json()), api.json()["code"]) == ({"code", "message", "fields"}, "throttled")
    assert "Too many tries" in admin.content.decode()
    assert "no-store" in admin.headers["Cache-Control"]


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("door", [API, ADMIN])
def test_a_check_that_fails_gives_its_place_back(door: str) -> None:
    broken = make_user(is_staff=True)
    User.objects.filter(pk=broken.pk).update(password="pbkdf2_sha256$1$$no salt")  # a fault within the check
    name = somebody(make_staff())

    assert {log_in(door, broken.username).status_code for _ in range(5)} == {500}
    assert log_in(door, name).status_code in {200, 302}


@pytest.mark.usefixtures("hashing")
def test_a_name_that_nobody_has_needs_a_place_too() -> None:
    with PLACES.taken(), PLACES.taken():
        assert log_in(API, "made up").status_code == 429
    assert log_in(API, "made up").status_code == 401


@pytest.mark.usefixtures("hashing")
def test_staff_who_set_a_password_just_then_are_asked_to_wait() -> None:
    staff, customer = make_staff(), make_user()
    client = Client()
    client.force_login(staff)
    form = {"password1": "a good long one", "password2": "a good long one", "usable_password": "true"}
    page = f"/admin/auth/user/{customer.pk}/password/"

    with PLACES.taken(), PLACES.taken():
        assert client.post(page, form).status_code == 429
    assert client.post(page, form).status_code == 302


def _slow_at_passwords(role: Role) -> Role:
    if role.name != "web":
        return role
    return replace(role, environment={**role.environment, "DJANGO_SETTINGS_MODULE": "tests.hostile.slow_settings"})


@pytest.fixture(scope="module")
def slow_at_passwords() -> Iterator[Live]:
    with running_stack("login_flood", _slow_at_passwords, **QUICK) as stack:
        yield stack


def _log_in_as(name: str) -> bytes:
    body = json.dumps({"username": name, "password": "a guess"}).encode()
    return LOGIN + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.timeout(300)
def test_a_flood_of_names_leaves_places_to_all_others(slow_at_passwords: Live) -> None:
    live = slow_at_passwords
    assert FLOOD * HASH_SECONDS / (WEB_PROCESSES * settings.WEB_PLACES) > 2 * QUICK_SECONDS
    with ExitStack() as stack:
        wires = [stack.enter_context(opened(live, 1, _log_in_as(f"made up {one}")))[0] for one in range(FLOOD)]
        others = [talk(live, get(path), seconds=QUICK_SECONDS) for path in (b"/health/live", b"/api/products/") * 5]
        heads = [_head(wire) for wire in wires]

    assert others == [[200]] * 10
    statuses = {int(head.split()[1]) for head in heads}
    assert statuses == {401, 429}, "some were looked at, the others sent away"
    refused = [head for head in heads if head.split()[1] == b"429"]
    assert [head for head in refused if not re.search(rb"\r\nretry-after: 5\r\n", head, re.IGNORECASE)] == []
    eventually(lambda: _assert_looked_at(live))


def _assert_looked_at(live: Live) -> None:
    assert talk(live, _log_in_as("made up"), seconds=10) == [401]


def _head(wire: socket.socket) -> bytes:
    wire.settimeout(30)
    received = b""
    while b"\r\n\r\n" not in received:
        piece = wire.recv(65536)
        assert piece, "it hung up"
        received += piece
    return received
