"""Settlement alone: ours in batches, against plain SQL (pgbench) that changes the same rows payment by payment.

The SQL is prepared, takes its locks first and in order, and runs with as many clients as suit it best. Ours runs in as
many processes as there are cores, as the workers do, with the batch size of the settings and with the one of a rush.
Both work on the same tables; our own processes stand still meanwhile.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from choptym.local.postgres_home import find_installed
from choptym.local.role import PROJECT
from tests.bench.cpu import Meter
from tests.bench.goods import make_buyers, make_shop, make_waiting
from tests.bench.line import Line
from tests.bench.ours import Ours

NAME = "settle_vs_sql"
REACH = 0.5
DISHES = 200
PAYMENTS = 6_000
CLIENTS = (4, 8, 16, 32)
BATCHES = (50, 200)  # of the settings, and of a flash sale (payments/profiles.py)
PROCESSES = 2
WARM_UP = 200  # of each process
SCRIPT = Path(__file__).parent / "sql" / "settle.sql"


def run(ours: Ours) -> Line:
    dishes = make_shop(ours.database, "INR", dishes=DISHES)
    with ours.frozen():
        settle(ours, make_facts(ours, dishes, 100), 50)  # opens the accounts that both post to
        theirs = {clients: _pgbench(ours, make_facts(ours, dishes, PAYMENTS), clients) for clients in CLIENTS}
        ours_by_batch, cpu = {}, {}
        for batch in BATCHES:
            facts = make_facts(ours, dishes, PAYMENTS + PROCESSES * WARM_UP)
            meter = Meter({"postgres": ours.stack.pids["postgres"]})
            ours_by_batch[batch] = settle(ours, facts, batch)
            cpu = meter.shares()
    best = max(theirs, key=lambda clients: theirs[clients])
    return Line(
        bench=NAME,
        value=ours_by_batch[BATCHES[0]] / theirs[best],
        unit="times the payments a second of plain SQL",
        reach=REACH,
        against={"sql_per_second_by_clients": {str(clients): round(rate) for clients, rate in theirs.items()}},
        cpu=cpu,
        figures={
            "per_second_by_batch": {str(batch): round(rate) for batch, rate in ours_by_batch.items()},
            "ratio_in_a_rush": round(ours_by_batch[BATCHES[1]] / theirs[best], 2),
            "processes": PROCESSES,
        },
    )


Fact = tuple[int, int, int, int]  # payment, attempt, amount, fee


def make_facts(ours: Ours, dishes: Sequence[int], count: int) -> list[Fact]:
    """Payments that wait, and what a webhook would tell of each."""
    ours.say(f"making {count} payments that wait")
    waiting = make_waiting(ours.database, make_buyers(ours.database, count, "INR"), dishes, "razorpay")
    ids = [one.payment for one in waiting]
    rows = ours.database.execute("SELECT payment_id, id FROM payments_paymentattempt WHERE payment_id = ANY(%s)", [ids])
    attempts = dict[int, int](rows)
    # A fee of 2 %, as Razorpay keeps it.
    return [(one.payment, attempts[one.payment], one.amount_minor, one.amount_minor // 50) for one in waiting]


def settle(ours: Ours, facts: Sequence[Fact], batch: int, processes: int = PROCESSES) -> float:
    """Payments a second, by so many processes of ours."""
    ours.say(f"ours, in batches of {batch}")
    warm_up = min(WARM_UP, len(facts) // (2 * processes))
    with tempfile.TemporaryDirectory(prefix="choptym-bench-") as folder:
        running = []
        for number in range(processes):
            file = Path(folder, f"{number}.json")
            file.write_text(json.dumps({"facts": facts[number::processes], "batch": batch, "warm_up": warm_up}))
            running.append(_start_settler(ours, file))
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        seconds = max(float(process.communicate(timeout=120)[0]) for process in running)
    return (len(facts) - processes * warm_up) / seconds


def _start_settler(ours: Ours, wish: Path) -> subprocess.Popen[str]:
    environment = {**ours.stack.environment, "DJANGO_SETTINGS_MODULE": "choptym.settings", "PROCESS_ROLE": "settler"}
    command = [sys.executable, "-m", "tests.bench.settler", str(wish)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=pipe, stdout=pipe, text=True)


def _pgbench(ours: Ours, facts: Sequence[Fact], clients: int) -> float:
    """Transactions a second, without the time to connect."""
    ours.say(f"plain SQL with {clients} clients")
    ours.database.execute("DROP TABLE IF EXISTS bench_waiting")
    ours.database.execute("DROP SEQUENCE IF EXISTS bench_turn")
    ours.database.execute("CREATE SEQUENCE bench_turn")
    ours.database.execute(
        """
        CREATE TABLE bench_waiting AS
        SELECT row_number() OVER (ORDER BY try.payment_id) AS number, try.payment_id AS payment, try.id AS attempt,
               payment.order_id AS ordered, payment.user_id AS buyer, 'payment:' || payment.id AS about,
               'customer:' || payment.user_id AS wallet,
               (SELECT id FROM wallets_account WHERE name = 'gateway:razorpay' AND currency = 'INR') AS gateway,
               (SELECT id FROM wallets_account WHERE name = 'fees:razorpay' AND currency = 'INR') AS fees,
               (SELECT id FROM wallets_account WHERE name = 'sales' AND currency = 'INR') AS sales
        FROM payments_paymentattempt try JOIN payments_payment payment ON payment.id = try.payment_id
        WHERE try.payment_id = ANY(%s)
        """,
        [[fact[0] for fact in facts]],
    )
    ours.database.execute("ALTER TABLE bench_waiting ADD PRIMARY KEY (number)")
    ours.database.execute("ANALYZE")
    at = urlsplit(ours.stack.database_url)
    command = [
        str(find_installed() / "bin" / "pgbench"),
        *("-h", str(at.hostname), "-p", str(at.port), "-U", str(at.username), "-n", "-M", "prepared"),
        *("-c", str(clients), "-j", "1", "-t", str(len(facts) // clients), "-f", str(SCRIPT), at.path.strip("/")),
    ]
    environment = {**os.environ, "PGPASSWORD": unquote(at.password or "")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+) \(without initial connection time\)", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench: {done.stderr[-2000:]}")
    return float(found.group(1))
