"""The chart of accounts.

    customer:<id>     what we owe a customer: their wallet. Stores its balance, which is never negative
    gateway:<name>    what a gateway holds for us
    sales             what customers bought
    fees:<name>       what a gateway kept
    refunds           what we gave customers: of what they had bought (`refund:<id>:given`), and as a credit

Every account has one currency. Only customers' accounts store a balance: any other row would be written by every
settlement and make them queue behind each other, so those balances are summed when somebody asks.
"""

CUSTOMER = "customer"
GATEWAY = "gateway"
SALES = "sales"
FEES = "fees"
REFUNDS = "refunds"

KINDS = (CUSTOMER, GATEWAY, SALES, FEES, REFUNDS)


def customer(user_id: int) -> str:
    return f"{CUSTOMER}:{user_id}"


def gateway(name: str) -> str:
    return f"{GATEWAY}:{name}"


def fees(name: str) -> str:
    return f"{FEES}:{name}"
