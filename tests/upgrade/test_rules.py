"""Each rule for migrations refuses what it is there for, however it is written, and lets the right way through."""

from typing import Any

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import connection, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Q, Value

from tests.upgrade.examples import nothing, problems_of, sql


def add(name: str, field: "models.Field[Any, Any]") -> Operation:
    return migrations.AddField("payment", name, field)


def rename_all(apps: Any, editor: Any) -> None:
    apps.get_model("payments", "Payment").objects.update(problem="renamed")


def rename_in_steps(apps: Any, editor: Any) -> None:
    """So many keys at a time, each step committed by itself. Of a table that has rows here too."""
    rows, last = apps.get_model("auth", "Permission").objects.order_by("pk"), 0
    while keys := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:50]):
        rows.filter(pk__in=keys).update(name="renamed")
        last = keys[-1]


def rename_in_ranges(apps: Any, editor: Any) -> None:
    rows = apps.get_model("auth", "Permission").objects
    for start in range(0, rows.latest("pk").pk, 100):
        rows.filter(pk__gt=start, pk__lte=start + 100).update(name="renamed")


def rename_those_of_a_state(apps: Any, editor: Any) -> None:
    apps.get_model("payments", "Payment").objects.filter(state="FAILED").update(problem="renamed")


def rename_from_a_key_on(apps: Any, editor: Any) -> None:
    apps.get_model("payments", "Payment").objects.filter(pk__gt=5).update(problem="renamed")


def rename_those_of_an_order(apps: Any, editor: Any) -> None:
    """One order's: but the rule sees no key of the table that is changed."""
    apps.get_model("payments", "Payment").objects.filter(order_id__in=[1, 2]).update(problem="renamed")


def delete_those_of_a_query(apps: Any, editor: Any) -> None:
    editor.execute(
        "DELETE FROM payments_webhookevent WHERE id IN (SELECT id FROM payments_webhookevent WHERE state = 'MATCHED')"
    )


def rename_what_a_limit_lets_through(apps: Any, editor: Any) -> None:
    editor.execute(
        "UPDATE payments_payment AS p SET problem = '' "
        "FROM (SELECT id FROM payments_payment WHERE problem <> '' ORDER BY id LIMIT 100) AS part WHERE p.id = part.id"
    )


POSITIVE = models.CheckConstraint(condition=Q(attempts_made__gte=0), name="attempts_positive")
BY_PHONE = models.Index(fields=["phone", "state"], name="by_phone_and_state")
RAW_CHECK = "ALTER TABLE payments_payment ADD CONSTRAINT sane CHECK (attempts_made >= 0)"
TRIGGER = """
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE orders_product SET name = name; RETURN NEW; END $$;
CREATE TRIGGER noted AFTER UPDATE ON payments_payment FOR EACH ROW WHEN (false) EXECUTE FUNCTION note_it();
"""

BAD: dict[str, tuple[list[Operation], str]] = {
    "a column the code of before does not write": (
        [add("channel", models.CharField(default="app", max_length=10))],
        "payments_payment.channel is NOT NULL without a default in the database",
    ),
    "the same in SQL": (
        [
            sql(
                "alter table payments_payment add n int default 5 not null;"
                "alter table payments_payment alter n drop default"
            )
        ],
        "payments_payment.n is NOT NULL without a default in the database",
    ),
    "what may be empty may not any more": (
        [sql("ALTER TABLE payments_payment ALTER asked_at SET NOT NULL")],
        "looks at every row to make payments_payment.asked_at NOT NULL",
    ),
    "a default that is another for each row": (
        [sql("ALTER TABLE payments_payment ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()")],
        "writes every row of payments_payment anew",
    ),
    "another type": (
        [sql("ALTER TABLE orders_cartitem ALTER quantity TYPE bigint")],
        "writes every row of orders_cartitem anew",
    ),
    "a column that is used goes": ([migrations.RemoveField("payment", "problem")], "drops the column payments_payment"),
    "the same among others": ([sql("ALTER TABLE payments_payment ADD x int, DROP problem")], "drops the column"),
    "a column is renamed": ([migrations.RenameField("payment", "problem", "trouble")], "renames the column"),
    "a table is renamed": ([migrations.RenameModel("Payment", "Purchase")], "renames the table payments_payment"),
    "a table that is used goes": ([sql("DROP TABLE payments_deadletter")], "drops the table payments_deadletter"),
    "an index": ([migrations.AddIndex("payment", BY_PHONE)], "makes the index by_phone_and_state"),
    "an index in SQL": ([sql("create index slow on payments_payment (phone, id)")], "makes the index slow"),
    "a unique constraint": (
        [migrations.AddConstraint("product", models.UniqueConstraint(fields=["shop", "name"], name="one_name"))],
        "makes the index one_name",
    ),
    "a foreign key with its index": (
        [add("again", models.ForeignKey("orders.Order", models.PROTECT, null=True, related_name="+"))],
        "makes the index payments_payment_again_id",
    ),
    "a checked constraint": ([migrations.AddConstraint("payment", POSITIVE)], "adds attempts_positive"),
    "a checked constraint in SQL": ([sql(RAW_CHECK)], "adds sane to payments_payment without NOT VALID"),
    "one that comes with a column": ([add("n", models.PositiveIntegerField(null=True))], "without NOT VALID"),
    "checked in the same breath": (
        [AddConstraintNotValid("payment", POSITIVE), ValidateConstraint("payment", "attempts_positive")],
        "validates a constraint while it holds the lock",
    ),
    "data beside tables": (
        [add("n", models.IntegerField(null=True)), migrations.RunPython(nothing, nothing)],
        "changes data in the same migration as tables",
    ),
    "data beside tables in SQL": (
        [sql("ALTER TABLE payments_payment ADD n int; UPDATE payments_payment SET n = 1")],
        "changes data in the same migration as tables",
    ),
    "every row in one statement": ([sql("UPDATE payments_payment SET problem = ''")], "changes rows in one statement"),
    "every row in one transaction": ([migrations.RunPython(rename_all, nothing)], "changes rows in one transaction"),
    "hidden": ([sql("DO $$ BEGIN UPDATE payments_payment SET problem = ''; END $$")], "hides in DO what it does"),
    "waits a whole second": (
        [sql("SET LOCAL lock_timeout TO '1s'"), sql("ALTER TABLE payments_payment ADD n int")],
        "waits too long for a lock",
    ),
    "waits for ever": (
        [sql("SET lock_timeout = 0; ALTER TABLE payments_payment ADD n int; RESET lock_timeout")],
        "waits too long for a lock, and payments wait behind it: ALTER TABLE payments_payment ADD n int",
    ),
}

BAD_WITHOUT_TRANSACTION: dict[str, tuple[list[Operation], str]] = {
    "an index, not concurrently": ([migrations.AddIndex("payment", BY_PHONE)], "makes the index by_phone_and_state"),
    **{
        what: ([migrations.RunPython(act, nothing)], "changes as many rows of payments_")
        for what, act in {
            "every row in Python": rename_all,
            "every row of a state": rename_those_of_a_state,
            "every row from a key on": rename_from_a_key_on,
            "every row by another key": rename_those_of_an_order,
            "every row that a query finds": delete_those_of_a_query,
        }.items()
    },
    "two things": (
        [AddIndexConcurrently("payment", BY_PHONE), sql("ALTER TABLE payments_payment ADD n int")],
        "does several things without a transaction",
    ),
}

GOOD: dict[str, list[Operation]] = {
    "a column that may be empty": [add("channel", models.CharField(max_length=10, null=True))],
    "a column with a default in the database": [
        add("channel", models.CharField(db_default=Value("app"), max_length=10))
    ],
    "a foreign key without its index": [
        add("again", models.ForeignKey("orders.Order", models.PROTECT, null=True, related_name="+", db_index=False))
    ],
    "a constraint for new rows": [AddConstraintNotValid("payment", POSITIVE)],
    "longer text": [migrations.AlterField("payment", "problem", models.CharField(blank=True, max_length=5000))],
    "a table of its own, with an index": [
        migrations.CreateModel(
            "Visit", [("id", models.BigAutoField(primary_key=True)), ("at", models.DateTimeField())]
        ),
        migrations.AddIndex("visit", models.Index(fields=["-at"], name="visit_by_time")),
    ],
    "a trigger": [sql(TRIGGER)],
    "roles": [migrations.RunPython(nothing, nothing)],
}

GOOD_WITHOUT_TRANSACTION: dict[str, list[Operation]] = {
    "an index": [AddIndexConcurrently("payment", BY_PHONE)],
    "an index that may wait": [
        sql("SET statement_timeout = 0; SET lock_timeout = 0"),
        AddIndexConcurrently("payment", BY_PHONE),
        sql("RESET statement_timeout; RESET lock_timeout"),
    ],
    "small steps": [migrations.RunPython(rename_in_steps, nothing)],
    "small ranges": [migrations.RunPython(rename_in_ranges, nothing)],
    "a limit": [migrations.RunPython(rename_what_a_limit_lets_through, nothing)],
}


# What one release begins, a later one may end: (the first migration, the second).
GOOD_LATER: dict[str, tuple[list[Operation], list[Operation]]] = {
    "a constraint is checked": (
        [AddConstraintNotValid("payment", POSITIVE)],
        [ValidateConstraint("payment", "attempts_positive")],
    ),
    "a column that the code forgot": (
        [migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("payment", "problem")])],
        [sql("ALTER TABLE payments_payment DROP COLUMN problem")],
    ),
    "a table that the code forgot": (
        [migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Sample")])],
        [sql("DROP TABLE payments_sample")],
    ),
    "NOT NULL where a checked constraint says so": (
        [sql("ALTER TABLE orders_product ADD n int DEFAULT 1, ADD CONSTRAINT known CHECK (n IS NOT NULL)")],
        [sql("ALTER TABLE orders_product ALTER n SET NOT NULL")],
    ),
    "a unique constraint from an index": (
        [sql("CREATE UNIQUE INDEX one_name ON orders_product (shop_id, name)")],
        [sql("ALTER TABLE orders_product ADD CONSTRAINT one_name UNIQUE USING INDEX one_name")],
    ),
    "an index of a partitioned table, part by part": (
        [sql("CREATE INDEX by_kind ON ONLY payments_history (kind)")],
        [sql("SELECT 1")],
    ),
}

BAD_LATER: dict[str, tuple[list[Operation], list[Operation], str]] = {
    "a default is taken away": (
        [sql("ALTER TABLE payments_payment ADD n int NOT NULL DEFAULT 1")],
        [sql("ALTER TABLE payments_payment ALTER n DROP DEFAULT")],
        "payments_payment.n is NOT NULL without a default in the database",
    ),
    "a constraint is checked beside another change": (
        [AddConstraintNotValid("payment", POSITIVE)],
        [ValidateConstraint("payment", "attempts_positive"), sql("ALTER TABLE payments_payment ADD n int")],
        "validates a constraint while it holds the lock",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_payments_would_notice_is_refused(rolled_back: ProjectState, name: str) -> None:
    operations, problem = BAD[name]

    assert problem in "\n".join(problems_of(rolled_back, operations))


@pytest.mark.parametrize("name", BAD_WITHOUT_TRANSACTION)
def test_what_goes_wrong_without_a_transaction_is_refused(copy: str, state: ProjectState, name: str) -> None:
    operations, problem = BAD_WITHOUT_TRANSACTION[name]

    assert problem in "\n".join(problems_of(state, operations, atomic=False))


@pytest.mark.parametrize("name", BAD_LATER)
def test_what_comes_too_soon_after_another_is_refused(rolled_back: ProjectState, name: str) -> None:
    first, second, problem = BAD_LATER[name]
    problems_of(rolled_back, first)

    assert problem in "\n".join(problems_of(rolled_back, second))


@pytest.mark.parametrize("name", GOOD)
def test_what_nobody_notices_is_let_through(rolled_back: ProjectState, name: str) -> None:
    assert problems_of(rolled_back, GOOD[name]) == []


@pytest.mark.parametrize("name", GOOD_WITHOUT_TRANSACTION)
def test_what_needs_no_transaction_is_let_through(copy: str, state: ProjectState, name: str) -> None:
    assert problems_of(state, GOOD_WITHOUT_TRANSACTION[name], atomic=False) == []


@pytest.mark.parametrize("act", [rename_in_steps, rename_in_ranges])
def test_the_good_steps_are_seen_at_work(rolled_back: ProjectState, act: Any) -> None:
    assert problems_of(rolled_back, [migrations.RunPython(act, nothing)], atomic=False) == []

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE name <> 'renamed') FROM auth_permission")
        [(rows, left)] = cursor.fetchall()
    assert rows > 100
    assert left == 0


@pytest.mark.parametrize("name", GOOD_LATER)
def test_what_an_earlier_release_prepared_is_let_through(rolled_back: ProjectState, name: str) -> None:
    first, second = GOOD_LATER[name]
    problems_of(rolled_back, first)

    assert problems_of(rolled_back, second) == []
