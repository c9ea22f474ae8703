"""On the way of money no transaction is without a name, in whatever form: what has none is listed, with its reason.

What no reading finds (a single statement that commits by itself) a process notes that runs with failpoints.
"""

import ast

import pytest

from tests.architecture.source import name_of, tree_of
from tests.architecture.transactions import bare_transactions, lone_writes
from tests.failpoints.points import sources

BARE = {
    "payments/admin/people.py": "a password, and the tokens that end with it",
    "payments/alerts/check.py": "alerts to operators: an alert and its notices",
    "payments/refunds/outside.py": "a savepoint in the caller's: what cannot be booked is taken back, and set aside",
}
_CALLERS = "in the caller's transaction, as its docstring says"
_ALERTS = "alerts to operators"
# By file and function.
LONE = {
    "choptym/lib/tokens.py:end_tokens": "who is logged in",
    "choptym/login.py:post": "the token of a customer who logs in",
    "orders/carts.py:remove_from_cart": "a cart: nothing is ordered yet",
    "payments/alerts/books.py:note_proof": _ALERTS,
    "payments/alerts/check.py:_take_turn": _ALERTS,
    "payments/alerts/notices.py:write_notices": _ALERTS,
    "payments/canaries.py:_forget": _ALERTS,
    "payments/canaries.py:sign_on": _ALERTS,
    "payments/housekeeping/jobs.py:claim_job": "the clock's jobs: due again by their rows",
    "payments/management/commands/seed_demo.py:_seed_menu": "a demo's menu",
    "payments/management/commands/seed_demo.py:_seed_users": "a demo's customers",
    "payments/reconciliation/fees.py:_book": "in book_fees's transaction",
    "payments/reconciliation/record.py:_add": "in record_breaks's transaction",
    "payments/reconciliation/record.py:_see_again": "in record_breaks's transaction",
    "payments/samples.py:forget_old_samples": "figures",
    "payments/samples.py:take_sample": "figures",
    "payments/steering/locks.py:lock_control": "orders about the queue, in the caller's transaction",
    "payments/steering/locks.py:lock_steering": "orders about the queue, in the caller's transaction",
    "wallets/post.py:_change_balances": "in the transaction of post_entries's caller",
    "wallets/post.py:_open_accounts": "in the transaction of post_entries's caller",
}


def test_no_transaction_is_bare() -> None:
    bare = {name_of(path) for path in sources() if any(bare_transactions(tree_of(path)))}

    assert bare - set(BARE) == set(), "write `with committing(…)` from choptym/lib/failpoints.py"
    assert set(BARE) - bare == set(), "listed here, and has none"


def test_nothing_that_django_wraps_in_a_transaction_stands_alone() -> None:
    alone = {f"{name_of(path)}:{function}" for path in sources() for function, _ in lone_writes(tree_of(path))}

    assert alone - set(LONE) == set(), "write it under `with committing(…)` or `@commits(…)`"
    assert set(LONE) - alone == set(), "listed here, and has none"


@pytest.mark.parametrize(
    "text",
    [
        "with transaction.atomic(): pay()",
        "with lock(), transaction.atomic(savepoint=False): pay()",
        "with transaction.atomic(durable=False): pay()",
        "with other.atomic(durable=True): pay()",
        "@transaction.atomic\ndef pay(): ...",
        "@transaction.atomic(using='default')\ndef pay(): ...",
        "from django.db.transaction import atomic",
        "from django.db.transaction import atomic as whole",
        "whole = transaction.atomic",
        "transaction.set_autocommit(False)",
        "DATABASE = {'ATOMIC_REQUESTS': True}",
        "DATABASES['default']['ATOMIC_REQUESTS'] = True",
        "DATABASE = {'AUTOCOMMIT': False}",
    ],
)
def test_the_rule_sees_a_bare_transaction_in_every_form(text: str) -> None:
    assert list(bare_transactions(ast.parse(text))) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "Payment.objects.bulk_create(rows)",
        "Payment.objects.bulk_update(rows, ['state'])",
        "Payment.objects.get_or_create(pk=1)",
        "payment.attempts.update_or_create(pk=1)",
        "payment.delete()",
        "deleted = Payment.objects.filter(pk=1).delete()[0]",
        "if not locked:\n        rows.delete()",
        "with lock():\n        rows.delete()",
        "def inner():\n        rows.delete()",
    ],
)
def test_the_rule_sees_what_django_wraps(text: str) -> None:
    assert len(list(lone_writes(ast.parse(f"def pay():\n    {text}")))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "with committing('pay'):\n    Payment.objects.bulk_create(rows)",
        "with around('pay'), connection.cursor():\n    rows.delete()",
        "with transaction.atomic(durable=True):\n    if new:\n        rows.delete()",
        "@commits('pay')\ndef pay():\n    return rows.get_or_create(pk=1)",
        "redis().delete(key)",
        "DATABASE = {'ATOMIC_REQUESTS': False, 'AUTOCOMMIT': True}",
        "if connection.in_atomic_block: pass",
    ],
)
def test_what_has_a_name_is_let_through(text: str) -> None:
    tree = ast.parse(text)

    assert [*bare_transactions(tree), *lone_writes(tree)] == []
