"""What PgBouncer's transaction pooling wants of us: nothing that holds longer than a transaction."""

import re

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from orders.models import Product
from tests.architecture.source import APPS, name_of, python_files
from tests.deploy.compose import DEPLOY
from tests.factories import make_product

INI = (DEPLOY / "pgbouncer.ini").read_text()
MIGRATE = "payments/management/commands/migrate.py"  # goes to PostgreSQL directly (test_compose.py)
SESSION_WIDE = re.compile(r"pg_(?:try_)?advisory_lock|\bLISTEN\b|\"SET (?!LOCAL|TRANSACTION)|WITH HOLD")


def test_the_pooler_sets_the_time_outs_that_it_drops() -> None:
    options = settings.DATABASES["default"]["OPTIONS"]["options"]
    asked = dict(re.findall(r"-c (\w+)=(\d+)", options))

    assert dict(re.findall(r"SET (\w+) = (\d+)", INI)) == asked
    assert len(asked) == 3
    dropped = re.findall(r"^ignore_startup_parameters = (.+)$", INI, re.MULTILINE)[0].split(", ")
    assert {"options", *asked} <= set(dropped)


def test_nothing_in_the_code_holds_for_a_session() -> None:
    found = [
        f"{name_of(path)}: {match[0]}"
        for path in python_files("choptym", *APPS)
        if not name_of(path).startswith("choptym/local/") and name_of(path) != MIGRATE
        for match in SESSION_WIDE.finditer(path.read_text())
    ]

    assert found == []


@pytest.mark.django_db
def test_a_long_list_is_read_without_a_cursor_of_the_server() -> None:
    make_product()
    make_product()

    for _ in Product.objects.iterator(chunk_size=1):
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM pg_cursors WHERE name LIKE '\\_django%%'", [])
            assert cursor.fetchall() == []


def test_what_a_connection_prepares_the_pooler_follows_to_wherever_it_runs() -> None:
    """By the protocol's own messages: those it can follow, from 1.21 on, when it is told to."""
    assert settings.DATABASES["default"]["OPTIONS"]["prepare_threshold"] == 3
    assert re.findall(r"^max_prepared_statements = (\d+)$", INI, re.MULTILINE) == ["200"]
    assert psycopg.capabilities.has_send_close_prepared(), "DEALLOCATE would go to another session"
