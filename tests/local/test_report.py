"""What the demo says about payments that failed, and about wallets."""

from io import StringIO

from rich.console import Console

from choptym.local.demo.report import print_reasons
from choptym.local.demo.traffic import Journey


def test_says_why_payments_failed_the_most_frequent_reason_first() -> None:
    told = Console(file=StringIO(), width=200)
    declined = Journey("fapshi", 1, "FAILED", 1.0, failure_code="declined", message="…")
    unreachable = Journey(
        "campay", 2, "FAILED", 1.0, failure_code="gateway_unreachable", message="It did [not] answer."
    )
    given_up = Journey("razorpay", 5, "CANCELLED", 1.0, failure_code="cancelled", message="…")
    settled, unfinished = Journey("fapshi", 3, "SETTLED", 1.0), Journey("fapshi", 4, None, 1.0)

    print_reasons([unreachable, declined, declined, declined, given_up, given_up, settled, unfinished], 2, told)

    assert isinstance(told.file, StringIO)
    assert told.file.getvalue().splitlines() == [
        "3 declined by the payer: the sandbox refuses 3 % on purpose",
        "2 given up by the customer after 15 s: a UPI payment that was declined stays open for another try",
        "1 ended FAILED, gateway_unreachable: It did [not] answer.",
        "2 top-ups filled wallets first, so the gateways collected more than these orders cost",
    ]
