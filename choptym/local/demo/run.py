"""The demo from end to end: traffic, quiet, proof, report."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import requests
from rich.console import Console

from choptym.local.demo.display import watch
from choptym.local.demo.faults import mild_faults
from choptym.local.demo.plan import make_plan
from choptym.local.demo.report import print_problems, print_reasons, print_table, summarise
from choptym.local.demo.traffic import Tally, Traffic
from choptym.local.errors import StackError
from choptym.local.stack import Stack

PAYMENTS = 200
LIMIT_SECONDS = 150  # every payment must have ended; more are given more time
EXTRA_SECONDS_PER_PAYMENT = 0.2
QUIET_SECONDS = 20
SAY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    summary: dict[str, Any]
    is_good: bool

    def print_summary(self) -> None:
        """Print the last line of the demo. Not through the console, which may fold it: programs read it."""
        print(json.dumps(self.summary), flush=True)


def run_demo(stack: Stack, payments: int, console: Console) -> Outcome:
    """Drive the traffic, prove the books and show what happened."""
    plan = make_plan(payments, requests.get(f"{stack.web}/api/products/", timeout=10).json())
    console.print(f"{payments} checkouts through the API, the gateways a little unreliable …")
    began_at = time.monotonic()
    with mild_faults(stack.sandbox):
        tally = _drive(stack, plan, payments, console)
        seconds = time.monotonic() - began_at
        _wait_for_quiet(stack, console)
    print_table(tally.journeys, console)
    print_reasons(tally.journeys, tally.topups, console)
    print_problems(tally.journeys, console)
    summary = summarise(tally.journeys, tally.topups, seconds, _prove(stack, console))
    is_complete = summary["unfinished"] == 0 and summary["payments"] > 0
    return Outcome(summary, is_complete and summary["books_ok"] and summary["lost"] == summary["doubled"] == 0)


def read_payments() -> int:
    """Return how many checkouts are wanted."""
    said = os.environ.get("PAYMENTS", "").strip() or str(PAYMENTS)
    if not said.isdecimal() or int(said) < 1:
        raise StackError(f"PAYMENTS={said} must be a whole number of at least 1.")
    return int(said)


def _drive(stack: Stack, plan: dict[str, Any], payments: int, console: Console) -> Tally:
    traffic = Traffic(stack.web, plan, LIMIT_SECONDS + EXTRA_SECONDS_PER_PAYMENT * max(0, payments - PAYMENTS))
    try:
        watch(traffic, console)
    finally:
        traffic.close()
    return traffic.tally


def _wait_for_quiet(stack: Stack, console: Console) -> None:
    """Wait until nothing is in the queue and the messages to customers have gone out."""
    until = time.monotonic() + QUIET_SECONDS
    before = None
    while time.monotonic() < until:
        queue = requests.get(f"{stack.web}/api/payment/queue/status", timeout=10).json()
        messages = requests.get(f"{stack.sink}/messages.json?since=999999999", timeout=10).json()["counts"]
        told = ", ".join(f"{count} {channel}" for channel, count in sorted(messages.items())) or "none"
        payments = queue["queueLength"] + queue["processing"]
        if payments == 0 and messages == before:
            console.print(f"messages to customers: {told}")
            return
        is_first, before = before is None, messages
        if payments:
            what = "payment that is" if payments == 1 else "payments that are"
            console.print(f"waiting for {payments} {what} still in the queue or in progress …")
        elif not is_first:  # one look does not tell whether they do
            console.print(f"messages to customers are still going out ({told} so far) …")
        time.sleep(SAY_SECONDS)


def _prove(stack: Stack, console: Console) -> dict[str, Any]:
    """Run prove_money, once for people and once for programs, at the same time: each loads Django for a second."""
    console.print("proving the books …")
    began = time.monotonic()
    with ThreadPoolExecutor(2) as runs:
        proofs = [runs.submit(stack.manage, "prove_money", *more) for more in ((), ("--json",))]
        while wait(proofs, timeout=SAY_SECONDS).not_done:
            console.print(f"still proving them ({time.monotonic() - began:.0f} s) …")
    shown, counted = (proof.result() for proof in proofs)
    console.print(shown.stdout.rstrip(), markup=False)
    objects = [line for line in counted.stdout.splitlines() if line.startswith("{")]
    if not objects:
        raise StackError("prove_money said nothing: see the messages above.")
    proof: dict[str, Any] = json.loads(objects[-1])
    return proof
