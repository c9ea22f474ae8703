"""A process that settles the payments it is told of, and nothing else.

`python -m tests.bench.settler wish.json` reads {"facts": [[payment, attempt, amount, fee], …], "batch": n, "warm_up":
n}, says "ready", waits for a line, settles, and says how many seconds that took.
"""

import json
import sys
import time
from pathlib import Path

import django

django.setup()

from choptym.lib.money import Money  # noqa: E402
from payments.facts import Paid  # noqa: E402
from payments.settle import settle_batch  # noqa: E402


def main() -> None:
    wish = json.loads(Path(sys.argv[1]).read_text())
    facts = [
        Paid(payment, attempt, Money(amount, "INR"), Money(fee, "INR"), gateway="razorpay")
        for payment, attempt, amount, fee in wish["facts"]
    ]
    settle_batch(facts[: wish["warm_up"]])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    began = time.monotonic()
    for first in range(wish["warm_up"], len(facts), wish["batch"]):
        settle_batch(facts[first : first + wish["batch"]])
    sys.stdout.write(f"{time.monotonic() - began}\n")


if __name__ == "__main__":
    main()
