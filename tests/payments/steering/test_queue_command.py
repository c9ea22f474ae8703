"""manage.py queue: what it shows, what it orders, and how it refuses."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from choptym.audit.models import Act
from payments import in_force
from payments.models import IdempotencyKey, QueueControl
from payments.steering.screen import bar
from tests.brokers import without_redis
from tests.factories import make_payment, make_pending, make_user
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways", "steered")]


@pytest.fixture(autouse=True)
def boss() -> User:
    return make_staff()


def queue(*words: str) -> str:
    out = StringIO()
    call_command("queue", *words, stdout=out, no_color=True)
    return out.getvalue()


def row_of(gateway: str, text: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(f"{gateway} "))


def test_shows_per_gateway_and_priority_what_waits() -> None:
    for gateway, priority, number in (("fapshi", 3, 1), ("fapshi", 1, 3), ("campay", 2, 2), ("wallet", 1, 1)):
        for _ in range(number):
            make_payment(gateway=gateway, priority=priority)
    make_pending(gateway="fapshi")

    text = queue("status")

    assert "7 wait; calls in flight at all gateways [............] 0/10" in text
    assert row_of("fapshi", text) == [
        "fapshi", "RUN", "1", "0", "3", "[############]", "4", "1", "[............]", "0/20", "1000", "closed",
    ]  # fmt: skip
    assert row_of("campay", text)[2:7] == ["0", "2", "0", "[######......]", "2"]
    assert row_of("wallet", text) == ["wallet", "RUN", "0", "0", "1", "[###.........]", "1", "0", "-", "-", "-"]


def test_says_what_is_held_and_why() -> None:
    queue("stop", "--gateway", "campay", "--reason", "they are down", "--for", "30m")

    text = queue("status")

    assert row_of("campay", text)[1] == "STOP"
    assert "campay: STOP until 20" in text
    assert text.strip().endswith(": they are down")


def test_as_json_it_is_one_object() -> None:
    make_payment(priority=3)
    queue("drain", "--reason", "a new release")

    shown = json.loads(queue("status", "--json"))

    assert (shown["mode"], shown["waiting"], shown["max_concurrent"]) == ("DRAIN", 1, 10)
    fapshi = shown["gateways"]["fapshi"]
    assert fapshi["waiting"] == {"3": 1, "2": 0, "1": 0}
    assert (fapshi["mode"], fapshi["reasons"], fapshi["until"]) == ("DRAIN", ["a new release"], None)


def test_watching_shows_it_again_and_again() -> None:
    began = time.monotonic()

    lines = queue("status", "--watch", "--times", "2", "--json").splitlines()

    assert [json.loads(line)["waiting"] for line in lines] == [0, 0]
    assert 0.9 < time.monotonic() - began < 5


def test_on_a_terminal_it_is_drawn_anew_until_ctrl_c() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with patch("payments.management.commands.queue.time.sleep", side_effect=[None, KeyboardInterrupt]):
        call_command("queue", "status", "--watch", stdout=out, no_color=True)

    assert out.getvalue().count("\x1b[H\x1b[J") == 2
    assert out.getvalue().count("\nfapshi ") == 2


@pytest.fixture
def no_redis(silent_gateways: None) -> Iterator[None]:
    with without_redis():
        yield


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_shows_what_the_database_knows() -> None:
    make_payment()

    text = queue("status")

    assert row_of("fapshi", text)[9:] == ["?/20", "1000", "-"]
    assert "Redis does not answer" in text


@pytest.mark.parametrize(
    ("words", "column", "value"),
    [
        (["stop"], "mode", "STOP"),
        (["drain", "--gateway", "fapshi"], "mode", "DRAIN"),
        (["resume", "--gateway", "wallet"], "mode", "RUN"),
        (["set", "--concurrency", "5"], "max_concurrent", 5),
        (["set", "--gateway", "campay", "--rate", "2", "--concurrency", "3"], "rate_per_second", 2),
    ],
)
def test_orders_what_it_is_told(words: list[str], column: str, value: Any, boss: User) -> None:
    queue(*words, "--reason", "to see")

    row = QueueControl.objects.get()
    assert row.gateway == (words[words.index("--gateway") + 1] if "--gateway" in words else "")
    assert (getattr(row, column), row.reason, row.changed_by_id) == (value, "to see", boss.pk)


def test_limits_are_taken_back() -> None:
    queue("set", "--gateway", "fapshi", "--rate", "2", "--concurrency", "3", "--reason", "gently")
    queue("set", "--gateway", "fapshi", "--none", "--reason", "over")

    row = QueueControl.objects.get()
    assert (row.max_concurrent, row.rate_per_second) == (None, None)


def test_who_resumes_one_reads_that_all_are_still_stopped() -> None:
    queue("stop", "--reason", "to see")

    told = queue("resume", "--gateway", "fapshi", "--reason", "to see")

    assert told.splitlines() == [
        "fapshi: STOP",
        "fapshi is still stopped, because all gateways are: resume all as well.",
    ]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800)])
def test_reads_how_long(text: str, seconds: int) -> None:
    queue("stop", "--reason", "to see", "--for", text)

    until = in_force.held_until("fapshi")
    assert until is not None
    assert abs((until - timezone.now()).total_seconds() - seconds) < 20


def test_reads_an_end_in_the_time_zone_of_the_service() -> None:
    year = timezone.now().year + 1
    with patch("payments.steering.write.LONGEST", timedelta(days=800)):
        queue("stop", "--reason", "to see", "--until", f"{year}-03-05T14:00")

    assert QueueControl.objects.get().until.isoformat() == f"{year}-03-05T13:00:00+00:00"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "the following arguments are required: ACT"),
        (["explode"], "invalid choice: 'explode'"),
        (["stop"], "the following arguments are required: --reason"),
        (["stop", "--reason", " "], "Please say why."),
        (["stop", "--reason", "x", "--gateway", "stripe"], "There is no gateway 'stripe' here; there are fapshi,"),
        (["stop", "--reason", "x", "--for", "soon"], "'soon' is no time such as"),
        (["stop", "--reason", "x", "--for", "0m"], "in the future"),
        (["stop", "--reason", "x", "--for", "30m10"], "'30m10' is no time such as"),
        (["stop", "--reason", "x", "--for", "999999d"], "of a year at most"),
        (["stop", "--reason", "x", "--until", "2020-01-01T00:00"], "in the future"),
        (["stop", "--reason", "x", "--until", "25:00"], "'25:00' is no time such as"),
        (["stop", "--reason", "x", "--until", "2099-01-01T00:00", "--for", "1m"], "not allowed with"),
        (["resume", "--reason", "x", "--for", "1m"], "unrecognized arguments: --for"),
        (["set", "--reason", "x"], "say what to set"),
        (["set", "--reason", "x", "--none", "--rate", "1", "--gateway", "fapshi"], "either --none, or"),
        (["set", "--reason", "x", "--rate", "5"], "Each gateway has its own rate"),
        (["set", "--reason", "x", "--concurrency", "0"], "Calls in flight: from 1 to 10,000."),
        (["set", "--reason", "x", "--concurrency", "many"], "invalid int value: 'many'"),
        (["stop", "--reason", "x", "--by", "nobody"], "nobody is no member of staff who may steer the queue"),
        (["status", "--watch", "--times", "0"], "--times must be 1 or more"),
    ],
)
def test_refuses_in_words_and_changes_nothing(words: list[str], says: str) -> None:
    with pytest.raises(CommandError) as caught:
        queue(*words)

    assert says in str(caught.value)
    assert caught.value.returncode != 0
    assert (QueueControl.objects.count(), Act.objects.count()) == (0, 0)


def test_who_answers_for_it_must_be_said_when_nobody_is_the_only_one(boss: User) -> None:
    operator = make_staff("operators")
    make_staff()
    with pytest.raises(CommandError, match="--by USERNAME"):
        queue("stop", "--reason", "x")

    queue("stop", "--reason", "x", "--by", operator.username)

    assert QueueControl.objects.get().changed_by_id == operator.pk


@pytest.mark.invariant("INV-10")
def test_only_staff_who_may_are_taken_at_their_name() -> None:
    for user in (make_staff("support"), make_staff("finance"), make_user()):
        with pytest.raises(CommandError, match="no member of staff who may steer"):
            queue("stop", "--reason", "x", "--by", user.username)


@pytest.mark.parametrize(
    ("part", "whole", "drawn"),
    [
        (0, 10, "...."),
        (1, 100, "#..."),
        (5, 10, "##.."),
        (99, 100, "###."),
        (10, 10, "####"),
        (9, 3, "####"),
        (0, 0, "...."),
    ],
)
def test_a_bar_is_empty_only_with_nothing_and_full_only_with_all(part: int, whole: int, drawn: str) -> None:
    assert bar(part, whole, 4) == f"[{drawn}]"


def test_chooses_a_profile_and_shows_it() -> None:
    with override_settings(PAYMENT_PROFILES=True):
        said = queue("profile", "weekend", "--reason", "a feast")
        assert said == "The profile is weekend: 40 charges at once, batches of 75, 3 attempts.\n"
        assert ", profile weekend, pinned" in queue("status").splitlines()[0]

    assert "PAYMENT_PROFILES is off" in queue("profile", "auto", "--reason", "over")


def test_clears_what_is_completed_and_says_how_much(boss: User) -> None:
    key = IdempotencyKey.objects.create(user=make_user(), key="k", fingerprint="f", status=202, body={})
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=30))

    said = queue("clear-completed", "--reason", "before the audit")

    assert said.splitlines()[0] == "idempotency keys: 1"
    assert "Cleaned up: idempotency keys 1, sessions of staff 0" in said
    assert not IdempotencyKey.objects.filter(pk=key.pk).exists()
    assert Act.objects.get(verb="clear_completed").actor == boss


@pytest.mark.parametrize(
    "words",
    [("--reason", "a\udcff"), ("--reason", "x" * 501), ("--reason", "x", "--by", "\udcff"), ("--reason", "a\0b")],
)
def test_text_that_cannot_be_kept_is_refused_with_a_sentence(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"--(reason|by) must"):
        queue("stop", *words)

    assert not QueueControl.objects.exists()
