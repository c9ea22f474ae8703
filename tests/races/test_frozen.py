"""A process that stood still in a transaction for too long: PostgreSQL ends its session, and nothing is wrong with what
it was doing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from choptym.lib.money import Money
from payments.bulk.work import work_on_chunk
from payments.bulk_upload import start_upload, upload_file
from payments.models import BulkKind, BulkLine, BulkUpload, DeadLetter
from payments.settle import settle_batch
from tests.factories import a_while_ago, fresh, make_pending, paid
from tests.payments.staff import make_staff
from wallets.selectors import wallet_balance


@contextmanager
def frozen_before(beginning: str) -> Iterator[None]:
    """This process stands still before its first such statement, for longer than its transaction may idle."""
    is_frozen: list[bool] = []

    def freeze(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith(beginning) and not is_frozen:
            is_frozen.append(True)
            execute("SET LOCAL idle_in_transaction_session_timeout = '100ms'", None, False, context)
            time.sleep(0.5)
        return execute(sql, values, many, context)

    with connection.execute_wrapper(freeze):
        yield
    assert is_frozen


def test_a_good_payment_is_not_set_aside() -> None:
    payment, attempt = make_pending()
    fact = paid(payment, attempt_id=attempt.pk)

    with frozen_before("INSERT INTO"), pytest.raises(OperationalError, match="idle"):
        settle_batch([fact])
    assert fresh(payment).state == "PENDING"
    assert not DeadLetter.objects.filter(payment=payment).exists()
    settle_batch([fact])

    assert fresh(payment).state == "SETTLED"


def test_a_line_of_a_bulk_upload_is_not_refused(silent_gateways: None) -> None:
    staff: User = make_staff("finance")
    content = f"customer,amount,currency,reason\n{staff.username},500,XAF,sorry\n".encode()
    stored = upload_file(
        kind=BulkKind.CREDITS, content=content, file_name="a.csv", actor_id=staff.pk, reason="a bad day"
    )
    start_upload(stored.upload.pk, actor_id=staff.pk, reason="looked at it")

    with frozen_before("INSERT INTO"), pytest.raises(OperationalError, match="idle"):
        work_on_chunk()
    [line] = BulkLine.objects.filter(upload=stored.upload)
    assert line.state == "WAITING"
    BulkUpload.objects.filter(pk=stored.upload.pk).update(next_attempt_at=a_while_ago())
    work_on_chunk()

    assert fresh(line).state == "DONE"
    assert wallet_balance(staff.pk, "XAF") == Money(500, "XAF")
