"""manage.py reconcile: the same run in the foreground, and an exit code for scripts. Here, because the clock of a
database inside a test's transaction stands still."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from payments.management.commands.reconcile import _days, _line, _report
from payments.models import Payment, Reconciliation
from payments.reconciliation.locks import claim_reconciliation
from payments.states import PaymentState
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.reconciliation.world import (
    GATEWAYS,
    all_switched_on,
    asked,
    collect_for_nobody,
    collected,
    settled,
    today,
    try_of,
)
from tests.sandboxes import running_sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A new one with all four gateways."""
    Payment.objects.update(next_check_at=None)
    Reconciliation.objects.filter(breaks=None).delete()
    with running_sandbox() as own, all_switched_on(own.url):
        yield own


def run(*options: str) -> tuple[int, dict[str, Any]]:
    output = StringIO()
    try:
        call_command("reconcile", *options, "--json", stdout=output)
    except CommandError as error:
        return error.returncode, json.loads(output.getvalue())
    return 0, json.loads(output.getvalue())


@pytest.mark.invariant("INV-6")
def test_it_books_what_was_lost_and_says_that_all_is_well(sandbox: Sandbox) -> None:
    payment = collected(sandbox, "razorpay")

    code, told = run("--gateway", "razorpay", "--day", today().isoformat())

    assert (code, told["ok"]) == (0, True)
    [day] = told["days"]
    assert (day["lines"], day["matched"], day["mended"], day["open"], day["state"]) == (1, 1, 1, 0, "FINISHED")
    assert fresh(payment).state == PaymentState.SETTLED


def test_an_open_break_makes_it_fail_and_is_named(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    settled(sandbox, "cashfree")
    transaction_id = collect_for_nobody(sandbox, "cashfree")
    output = StringIO()

    with pytest.raises(CommandError) as caught:
        call_command("reconcile", "--gateway", "cashfree", "--day", today().isoformat(), stdout=output, no_color=True)

    assert caught.value.returncode == 1
    lines = output.getvalue().splitlines()
    assert lines[0] == f"{today()} cashfree: 2 lines, 1 agree, 1 breaks open, 1 fees booked, list not complete"
    assert lines[1].split()[:2] == ["MISSING_HERE", transaction_id]
    assert lines[1].endswith(": ours nothing, theirs 700.00 INR SUCCESS")
    assert "comparing 0/2" in capsys.readouterr().err
    Reconciliation.objects.get(gateway="cashfree", day=today()).breaks.all().delete()


def test_a_break_of_ours_is_named_with_its_payment_and_both_sides(sandbox: Sandbox) -> None:
    payment = settled(sandbox, "razorpay")
    attempt = try_of(payment)
    row = asked("razorpay", today() - timedelta(days=15))
    row.breaks.create(
        kind="MISSING_THERE", transaction_id=attempt.transaction_id, reference=str(attempt.reference), attempt=attempt,
        our_minor=50_000, our_currency="INR", our_word="SETTLED",
    )  # fmt: skip

    [told] = _report(row.pk)["breaks"]

    names = f"MISSING_THERE {attempt.transaction_id} {attempt.reference}"
    assert _line(told) == f"{names}, payment {payment.pk}: ours 500.00 INR SETTLED, theirs nothing"
    assert _line({**told, "note": "why"}).endswith("theirs nothing; why")
    row.breaks.all().delete()
    row.delete()


def test_every_gateway_and_day_of_a_span_is_compared(sandbox: Sandbox) -> None:
    first, last = today() - timedelta(days=12), today() - timedelta(days=11)

    code, told = run("--from", first.isoformat(), "--to", last.isoformat())

    assert code == 0
    assert [(day["day"], day["gateway"]) for day in told["days"]] == [
        (day.isoformat(), gateway) for day in (first, last) for gateway in GATEWAYS
    ]


def test_without_a_day_it_is_yesterday(sandbox: Sandbox) -> None:
    _, told = run("--gateway", "razorpay")

    assert [day["day"] for day in told["days"]] == [(today() - timedelta(days=1)).isoformat()]


def test_a_day_that_a_worker_is_at_is_waited_for(sandbox: Sandbox) -> None:
    """That one has died: its lease passes in a moment."""
    day = today() - timedelta(days=13)
    row = asked("razorpay", day)
    assert claim_reconciliation(row.pk) is not None
    Reconciliation.objects.filter(pk=row.pk).update(next_attempt_at=timezone.now() + timedelta(seconds=1.2))

    began = timezone.now()
    code, told = run("--gateway", "razorpay", "--day", day.isoformat())

    assert (code, told["days"][0]["state"]) == (0, "FINISHED")
    assert timezone.now() - began > timedelta(seconds=1)


def test_a_gateway_that_does_not_answer_makes_it_fail(sandbox: Sandbox) -> None:
    with all_switched_on():
        code, told = run("--gateway", "razorpay", "--day", (today() - timedelta(days=14)).isoformat())

    assert code == 1
    assert told["days"][0]["problem"].startswith("NotSent: ")


@pytest.mark.parametrize(
    "options",
    [("--gateway", "mpesa"), ("--day", "2999-01-01"), ("--day", "2026-11-05", "--to", "2026-11-06"),
     ("--from", "2026-11-06", "--to", "2026-11-05"), ("--day", "soon"), ("--gateway", ""), ("--day", "0001-01-01"),
     ("--day", "20261105"), ("--from", "1990-01-01"), ("--from", "2020-01-01"), ("--to", "2999-01-01"),
     ("--from", "2026-01-01", "--to", "2026-04-03")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(sandbox: Sandbox, options: tuple[str, ...]) -> None:
    before = Reconciliation.objects.count()

    with pytest.raises(CommandError):
        call_command("reconcile", *options)

    assert Reconciliation.objects.count() == before


def test_a_quarter_is_not_too_long() -> None:
    assert len(_days({"day": None, "first": date(2026, 1, 1), "last": date(2026, 4, 2)})) == 92


@override_settings(GATEWAYS={})
def test_without_a_gateway_there_is_nothing_to_agree() -> None:
    with pytest.raises(CommandError, match="no gateway is switched on"):
        call_command("reconcile")


def test_stopped_half_way_it_leaves_one_day_to_the_workers(sandbox: Sandbox) -> None:
    first, last = today() - timedelta(days=40), today() - timedelta(days=36)

    with patch("rich.console.Console.print", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        call_command("reconcile", "--from", first.isoformat(), "--to", last.isoformat())

    assert Reconciliation.objects.filter(day__range=(first, last)).count() == 1
    Reconciliation.objects.filter(day__range=(first, last)).delete()
