"""A customer who has nothing to do with it: with a cart, a paid order and a wallet, and no row of theirs may change."""

from tests.live import Customer, Live

# Every table that holds something of a customer, with the rows that are theirs.
THEIRS = {
    "auth_user": "id = %(user)s",
    "authtoken_token": "user_id = %(user)s",
    "orders_cartitem": "user_id = %(user)s",
    "orders_order": "user_id = %(user)s",
    "orders_orderitem": "order_id IN (SELECT id FROM orders_order WHERE user_id = %(user)s)",
    "payments_payment": "user_id = %(user)s",
    "payments_paymentattempt": "payment_id IN (SELECT id FROM payments_payment WHERE user_id = %(user)s)",
    "payments_refund": "payment_id IN (SELECT id FROM payments_payment WHERE user_id = %(user)s)",
    "payments_idempotencykey": "user_id = %(user)s",
    "wallets_account": "name = 'customer:' || %(user)s",
    "wallets_entry": "%(user)s IN (SELECT split_part(name, ':', 2)::int FROM wallets_account "
    "WHERE id IN (debit_id, credit_id) AND name LIKE 'customer:%%')",
    "notifications_preference": "user_id = %(user)s",
}


class Bystander:
    """Their rows as they were."""

    def __init__(self, customer: Customer, digests: dict[str, tuple[int, str]]) -> None:
        self.customer, self.digests = customer, digests


def make_bystander(live: Live) -> Bystander:
    customer = live.customer()
    customer.wait(customer.top_up(5000))
    customer.wait(customer.pay())
    customer.put_into_cart(live.products[1])
    found = _digests(live, customer)
    assert all(found[table][0] for table in ("orders_cartitem", "orders_order", "payments_payment", "wallets_entry"))
    return Bystander(customer, found)


def assert_untouched(live: Live, bystander: Bystander) -> None:
    after = _digests(live, bystander.customer)
    assert after == bystander.digests, [table for table in after if after[table] != bystander.digests[table]]


def _digests(live: Live, customer: Customer) -> dict[str, tuple[int, str]]:
    found = {}
    for table, condition in THEIRS.items():
        digest = "md5(string_agg(line::text, ',' ORDER BY line::text))"
        query = f"SELECT count(*), {digest} FROM {table} line WHERE {condition}"  # noqa: S608
        [(number, found_digest)] = live.database.execute(query, {"user": customer.id}).fetchall()
        found[table] = (int(number), str(found_digest))
    return found
