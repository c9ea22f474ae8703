"""What guards the rows, or finds them quickly, stays while code runs that counts on it: it goes a release later."""

import pytest
from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.upgrade.examples import problems_of, sql

EVENTS, ENTRIES = "ALTER TABLE payments_webhookevent", "ALTER TABLE wallets_entry"
FORGET_PROBLEM = migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("payment", "problem")])
GUARD_PROBLEM = (
    "ALTER TABLE payments_payment ADD CONSTRAINT short CHECK (length(problem) < 900) NOT VALID;"
    "CREATE INDEX by_problem ON payments_payment (lower(problem), id)"
)

GONE: dict[str, tuple[list[Operation], str]] = {
    "a unique constraint": (
        [migrations.RemoveConstraint("webhookevent", "event_stored_once")],
        "drops the constraint event_stored_once of payments_webhookevent",
    ),
    "the same in SQL": ([sql(f"{EVENTS} DROP CONSTRAINT event_stored_once")], "drops the constraint event_stored_once"),
    "its index": ([sql(f"{EVENTS} DROP CONSTRAINT event_stored_once")], "drops the index event_stored_once"),
    "another of its name": (
        [
            sql(
                f"{EVENTS} DROP CONSTRAINT event_stored_once;"
                f"{EVENTS} ADD CONSTRAINT event_stored_once UNIQUE (gateway, key, id)"
            )
        ],
        "drops the constraint event_stored_once",
    ),
    "a unique index": ([sql("DROP INDEX attempt_one_may_charge")], "drops the index attempt_one_may_charge"),
    "a check": (
        [sql("ALTER TABLE payments_payment DROP CONSTRAINT payment_settled_has_time")],
        "drops the constraint payment_settled_has_time",
    ),
    "what keeps a reason from being posted twice": (
        [sql(f"{ENTRIES} DROP CONSTRAINT wallets_entry_reason_key")],
        "drops the constraint wallets_entry_reason_key",
    ),
    "a primary key": (
        [sql("ALTER TABLE wallets_entry DROP CONSTRAINT wallets_entry_pkey")],
        "drops the constraint wallets_entry_pkey",
    ),
    "a trigger": ([sql("DROP TRIGGER entry_append_only ON wallets_entry")], "drops the trigger entry_append_only"),
    "a trigger that is switched off": (
        [sql(f"{ENTRIES} DISABLE TRIGGER entry_append_only")],
        "drops the trigger entry_append_only",
    ),
    "all triggers": ([sql(f"{ENTRIES} DISABLE TRIGGER USER")], "drops the trigger entry_never_truncated"),
    "called unused in the same breath": (
        [
            sql("ALTER TRIGGER entry_append_only ON wallets_entry RENAME TO unused_append_only"),
            sql("DROP TRIGGER unused_append_only ON wallets_entry"),
        ],
        "drops the trigger entry_append_only",
    ),
    "with a function": (
        [sql("DROP FUNCTION wallets_refuse_change() CASCADE")],
        "drops the trigger entry_append_only of wallets_entry, on which the code of before counts",
    ),
}

# (the release that stops to need it, the next one)
GONE_LATER: dict[str, tuple[list[Operation], list[Operation]]] = {
    "a unique constraint": (
        [sql(f"{EVENTS} RENAME CONSTRAINT event_stored_once TO unused_event_once")],
        [sql(f"{EVENTS} DROP CONSTRAINT unused_event_once")],
    ),
    "a unique index": (
        [sql("ALTER INDEX attempt_one_may_charge RENAME TO unused_one_may_charge")],
        [sql("DROP INDEX unused_one_may_charge")],
    ),
    "a trigger": (
        [sql("ALTER TRIGGER entry_append_only ON wallets_entry RENAME TO unused_append_only")],
        [sql("DROP TRIGGER unused_append_only ON wallets_entry")],
    ),
    "with the column that the code forgot": (
        [FORGET_PROBLEM],
        [sql("ALTER TABLE payments_payment DROP COLUMN problem")],
    ),
}

REPLACED: dict[str, list[Operation]] = {
    "a check by a wider one of its name": [
        sql("ALTER TABLE payments_payment DROP CONSTRAINT payment_settled_has_time"),
        sql(
            "ALTER TABLE payments_payment ADD CONSTRAINT payment_settled_has_time "
            "CHECK (state <> 'SETTLED' OR settled_at IS NOT NULL) NOT VALID"
        ),
    ],
    "a trigger by another of its name": [
        sql("DROP TRIGGER entry_append_only ON wallets_entry"),
        sql(
            "CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON wallets_entry "
            "FOR EACH STATEMENT EXECUTE FUNCTION wallets_refuse_change()"
        ),
    ],
}


@pytest.mark.parametrize("name", GONE)
def test_what_the_code_of_before_counts_on_may_not_go(rolled_back: ProjectState, name: str) -> None:
    operations, problem = GONE[name]

    assert problem in "\n".join(problems_of(rolled_back, operations))


@pytest.mark.parametrize("name", GONE_LATER)
def test_what_an_earlier_release_needed_no_more_may_go(rolled_back: ProjectState, name: str) -> None:
    first, second = GONE_LATER[name]

    assert problems_of(rolled_back, first) == []
    assert problems_of(rolled_back, second) == []


def test_what_guards_a_column_goes_with_it(rolled_back: ProjectState) -> None:
    problems_of(rolled_back, [sql(GUARD_PROBLEM)])
    problems_of(rolled_back, [FORGET_PROBLEM])

    assert problems_of(rolled_back, [sql("ALTER TABLE payments_payment DROP COLUMN problem CASCADE")]) == []


@pytest.mark.parametrize("name", REPLACED)
def test_what_is_put_in_its_place_may_come(rolled_back: ProjectState, name: str) -> None:
    assert problems_of(rolled_back, REPLACED[name]) == []


def test_an_index_that_is_used_may_not_go_concurrently_either(copy: str, state: ProjectState) -> None:
    index = state.models["payments", "payment"].options["indexes"][0].name

    said = problems_of(state, [RemoveIndexConcurrently("payment", index)], atomic=False)

    assert said == [f"drops the index {index} of payments_payment, on which the code of before counts"]
