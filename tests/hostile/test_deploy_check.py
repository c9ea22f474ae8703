"""A deployment is told the truth at its start, and its answers carry what browsers must know."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client, override_settings

from choptym.local.postgres import SETTINGS
from choptym.settings import env
from tests.architecture.source import PROJECT
from tests.deploy.compose import command_of, environment_of, services
from tests.deploy.plain import GIVEN, HOST
from tests.payments.staff import make_staff

KEY = "".join(f"{number:02x}" for number in range(7, 47))


def deployed(tmp_path: Path, **more: str) -> dict[str, str]:
    """The environment of web-1 in compose.yaml, with the secrets that make-secrets.sh makes."""
    secrets = tmp_path / "secrets"
    subprocess.run(["sh", PROJECT / "deploy" / "make-secrets.sh", str(secrets)], check=True)
    told = environment_of(services()["web-1"], GIVEN)
    moved = {name: value.replace("/run/secrets", str(secrets)) for name, value in told.items()}
    return {**GIVEN, **moved, "PATH": os.environ["PATH"], **more}


def start(environment: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    words = command or ("-c", "import choptym.settings")
    return subprocess.run(
        [sys.executable, *words], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_check_of_a_deployment_finds_nothing(tmp_path: Path) -> None:
    done = start(deployed(tmp_path), "manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "System check identified no issues (0 silenced).\n"


@pytest.mark.parametrize("key", ["short", "x" * 80, "django-insecure-" + KEY, "0123456789" * 4])
def test_a_weak_key_stops_the_start_and_is_not_told(tmp_path: Path, key: str) -> None:
    environment = deployed(tmp_path)
    del environment["SECRET_KEY_FILE"]

    done = start({**environment, "SECRET_KEY": key})

    assert done.returncode == 1
    assert "SECRET_KEY is weak" in done.stderr
    assert key not in done.stderr
    assert start({**environment, "SECRET_KEY": KEY}).returncode == 0


def test_debug_is_not_on_by_accident(tmp_path: Path) -> None:
    done = start(deployed(tmp_path, DEBUG="true"))

    assert done.returncode == 1
    assert "DEBUG=true is only for a host that nobody else reaches" in done.stderr


@pytest.mark.parametrize(
    "address",
    ["user:s3cret@host/db", "ftp://user:s3cret@host/db", "postgres:user:s3cr/s3cret@host", "http://u:p@s3cret@host/x"],
)
def test_a_misspelt_address_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(env, "problems", [])
    monkeypatch.setenv("THING", address)

    env.url("THING", schemes=("postgresql",))

    [problem] = env.problems
    assert "s3cret" not in problem
    assert "host" in problem


@pytest.fixture
def https(settings: object) -> Client:
    return Client(raise_request_exception=False, headers={"X-Forwarded-Proto": "https"})


SAFE = override_settings(
    SECURE_HSTS_SECONDS=31_536_000,
    SECURE_HSTS_INCLUDE_SUBDOMAINS=True,
    SECURE_HSTS_PRELOAD=True,
    SECURE_SSL_REDIRECT=True,
    SESSION_COOKIE_SECURE=True,
    CSRF_COOKIE_SECURE=True,
)


@pytest.mark.django_db
@SAFE
@pytest.mark.parametrize(
    "path", ["/api/products/", "/api/payments/", "/admin/login/", "/return/", "/nothing", "/admin/"]
)
def test_every_answer_tells_browsers_to_be_careful(https: Client, path: str) -> None:
    answer = https.get(path)

    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.django_db
@SAFE
def test_cookies_of_staff_are_kept_from_scripts_and_plain_connections(https: Client) -> None:
    user = make_staff()
    user.set_password("the right one")
    user.save()

    cookies = https.post("/admin/login/", {"username": user.username, "password": "the right one"}).cookies

    assert (cookies["sessionid"]["secure"], cookies["sessionid"]["httponly"]) == (True, True)
    assert cookies["csrftoken"]["secure"]
    assert {cookie["samesite"] for cookie in cookies.values()} == {"Lax"}
    assert Client().get("/api/payments/").status_code == 301


def test_the_settings_of_a_deployment_are_those(tmp_path: Path) -> None:
    program = """
from choptym.settings import *
print(SECURE_HSTS_SECONDS, SECURE_SSL_REDIRECT, SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE, DEBUG, LOCAL_STACK)
print(*PASSWORD_HASHERS)
"""
    done = start(deployed(tmp_path), "-c", program)

    flags, hashers = done.stdout.splitlines()
    assert flags.split() == ["31536000", "True", "True", "True", "False", "False"]
    assert hashers == "choptym.lib.hashers.FewAtOnce"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing", "/api/nothing/", "/admin/nothing/", "/webhooks/none/"])
@pytest.mark.parametrize("host", ["testserver", "elsewhere.example"])
def test_an_error_page_tells_nothing_of_the_inside(path: str, host: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(make_staff())

    answer = client.get(path, headers={"Host": host})

    assert answer.status_code == (404 if host == "testserver" else 400)
    assert not re.search(r"Traceback|DEBUG|site-packages|urlconf|\.py\b|ALLOWED_HOSTS|Django", answer.content.decode())


def test_the_log_of_postgresql_holds_no_statement_and_no_row() -> None:
    """Values stand in statements, and a refusal's detail repeats the row: here and in the deployment."""
    command = " ".join(command_of(services()["postgres"]))

    for name, value in (("log_min_error_statement", "panic"), ("log_error_verbosity", "terse")):
        assert SETTINGS[name] == value
        assert f"-c {name}={value}" in command
    assert not re.search("log_statement|log_min_duration|log_parameter|auto_explain", command + " ".join(SETTINGS))
    assert HOST in GIVEN["ALLOWED_HOSTS"]
