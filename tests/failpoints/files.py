"""Files of many refunds or credits: staff upload and start them, workers go through them."""

from tests.failpoints.bench import PATIENCE_SECONDS, Bench
from tests.failpoints.staff import press, settled
from tests.live import eventually


def credits_many(bench: Bench, began: float) -> None:
    """More lines than one chunk takes."""
    customer = bench.customer()
    lines = "".join(f"{customer.name},{amount},XAF,a gift\n" for amount in range(101, 113))
    upload = _upload(bench, "CREDITS", f"customer,amount,currency,reason\n{lines}")
    press(bench, f"start_upload({upload}, **who)")
    eventually(lambda: _assert_finished(bench, upload, "DONE"), seconds=PATIENCE_SECONDS)
    assert bench.live.balance(customer) == sum(range(101, 113))


def _upload(bench: Bench, kind: str, text: str) -> int:
    code = f"""
stored = upload_file(kind=BulkKind("{kind}"), content={text.encode()!r}, file_name="many.csv", **who)
say(stored.upload.pk)
"""
    return int(press(bench, code))


def _assert_finished(bench: Bench, upload: int, *states: str) -> None:
    assert bench.live.column("SELECT state FROM payments_bulkupload WHERE id = %s", upload) == ["FINISHED"]
    assert set(bench.live.column("SELECT state FROM payments_bulkline WHERE upload_id = %s", upload)) == {*states}


def a_line_is_refused(bench: Bench, began: float) -> None:
    """What it would give back was given back meanwhile."""
    purchase = settled(bench, "fapshi")
    upload = _upload(bench, "REFUNDS", f"payment,amount,reason\n{purchase.payment},5000,cold soup\n")
    press(
        bench, "refund_payment(payment_id, Wish(reason='x', reference=key), actor_id=who['actor_id'])", purchase.payment
    )
    press(bench, f"start_upload({upload}, **who)")
    eventually(lambda: _assert_finished(bench, upload, "REFUSED"), seconds=PATIENCE_SECONDS)
    assert bench.live.balance(purchase.customer) == 5000


def a_file_is_discarded(bench: Bench, began: float) -> None:
    customer = bench.customer()
    upload = _upload(bench, "CREDITS", f"customer,amount,currency,reason\n{customer.name},55,XAF,a gift\n")
    press(bench, f"discard_upload({upload}, **who)")
    assert bench.live.column("SELECT state FROM payments_bulkupload WHERE id = %s", upload) == ["DISCARDED"]
    assert bench.live.balance(customer) == 0
