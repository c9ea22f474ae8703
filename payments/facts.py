"""What is handed from those who ask the gateways to those who book."""

from dataclasses import dataclass

from choptym.lib.money import Money


@dataclass(frozen=True, slots=True)
class Paid:
    """What the gateway says it collected for one try. `problem` says what could not be read of it.

    `gateway` is the one of the try, which need not be the one that its payment stands at now; whoever books looks it
    up where it is left empty.
    """

    payment_id: int
    attempt_id: int
    money: Money | None
    fee: Money | None = None
    transaction_id: str = ""
    problem: str = ""
    gateway: str = ""
    gateway_payment_id: str = ""  # the money itself, where one transaction may be paid more than once
