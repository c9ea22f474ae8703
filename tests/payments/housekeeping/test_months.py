"""The months of the history: made ahead, taken away after their retention, and nobody held up."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import override_settings
from structlog.testing import capture_logs

from payments.housekeeping.months import keep_months, make_months, take_old_months_away
from payments.models import History
from tests.payments.housekeeping.aged import clean, old_event

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 11, 22, 12, tzinfo=UTC)
AHEAD = [f"payments_history_{month}" for month in ("2031_11", "2031_12", "2032_01", "2032_02")]


def at(year: int, month: int, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def archive(archived_at: datetime) -> History:
    return History.objects.create(kind="event", row_id=1, happened_at=archived_at, archived_at=archived_at, content={})


def table_of(row: History) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM payments_history WHERE id = %s", [row.pk])
        found = cursor.fetchone()
    return str(found[0]) if found else ""


def is_table(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


@pytest.fixture(autouse=True)
def _no_rest() -> None:
    History.objects.all().delete()


def test_this_month_and_the_next_three_are_made_once() -> None:
    assert make_months(NOW) == AHEAD
    assert make_months(NOW) == []
    assert make_months(at(2031, 12)) == ["payments_history_2032_03"]


def test_a_row_goes_into_its_month_to_the_instant() -> None:
    make_months(NOW)

    last, first = archive(datetime(2031, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC)), archive(at(2031, 12))

    assert [table_of(last), table_of(first)] == AHEAD[:2]


def test_a_month_has_the_indexes_of_the_history() -> None:
    make_months(NOW)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_index WHERE indrelid = 'payments_history'::regclass")
        [wanted] = cursor.fetchone()
        cursor.execute(f"SELECT count(*) FROM pg_index WHERE indrelid = '{AHEAD[0]}'::regclass")  # noqa: S608
        assert cursor.fetchone() == (wanted,)
    assert wanted == 4


def test_a_row_of_a_month_that_was_missing_is_told_of_and_moved_when_the_month_is_made() -> None:
    row, far = archive(at(2032, 1, 15)), archive(at(2090, 1))
    assert (table_of(row), table_of(far)) == ("payments_history_rest", "payments_history_rest")

    with capture_logs() as logs:
        assert keep_months(NOW) == 1

    assert (table_of(row), table_of(far)) == ("payments_history_2032_01", "payments_history_rest")
    assert [(line["log_level"], line.get("count")) for line in logs if line["log_level"] == "error"] == [("error", 1)]


@override_settings(HISTORY_KEPT_FOR_MONTHS=2)
def test_a_month_is_dropped_after_its_retention_and_not_a_day_before() -> None:
    make_months(NOW)
    rows = [archive(at(2031, 11, 30)), archive(at(2031, 12, 1))]

    assert take_old_months_away(at(2032, 1, 31)) == []
    assert take_old_months_away(at(2032, 2, 1)) == AHEAD[:1]

    assert [table_of(row) for row in rows] == ["", AHEAD[1]]
    assert (is_table(AHEAD[0]), is_table(AHEAD[1])) == (False, True)


@override_settings(HISTORY_KEPT_FOR_MONTHS=2, HISTORY_DROPPED=False)
def test_a_month_that_is_to_be_copied_first_is_detached_and_stays() -> None:
    make_months(NOW)
    row = archive(at(2031, 11, 30))

    assert take_old_months_away(at(2032, 2, 1)) == AHEAD[:1]

    assert (table_of(row), is_table(AHEAD[0])) == ("", True)
    assert take_old_months_away(at(2032, 2, 1)) == []
    with override_settings(HISTORY_DROPPED=True):  # also what a run that died left detached
        assert take_old_months_away(at(2032, 2, 1)) == AHEAD[:1]
    assert not is_table(AHEAD[0])


@override_settings(HISTORY_KEPT_FOR_MONTHS=0)
def test_nothing_is_dropped_when_the_history_is_kept_for_ever() -> None:
    make_months(NOW)

    assert take_old_months_away(at(2090, 1)) == []


def test_what_is_archived_now_has_a_month() -> None:
    make_months()
    event = old_event(None)

    clean("webhook events")

    [row] = History.objects.filter(kind="event", row_id=event.pk)
    assert table_of(row) == f"payments_history_{row.archived_at.astimezone(UTC):%Y_%m}"
