"""Which gateway and which queue a payment goes to."""

from django.conf import settings

from choptym.lib.errors import Rejected
from choptym.lib.money import Money, written
from payments.gateways import gateway_names, get_gateway
from payments.models import WALLET, Priority


def priority_of(money: Money) -> Priority:
    """By amount, with the thresholds of the settings: high is above the upper one, normal below the lower one."""
    thresholds = settings.PAYMENT_PRIORITY_THRESHOLDS[money.currency]
    if money.amount_minor > thresholds["high"]:
        return Priority.HIGH
    return Priority.MEDIUM if money.amount_minor >= thresholds["medium"] else Priority.NORMAL


def check_method(method: str, money: Money, *, amount_field: str) -> None:
    """Refuse what this method cannot collect. Raises Rejected, naming the field; `amount_field` is the amount's."""
    if method == WALLET:
        return
    if method not in gateway_names():
        raise Rejected(f"{method} is not available.", code="unknown_method", fields={"method": "Not available."})
    rules = get_gateway(method).rules
    if money.currency not in rules.currencies:
        message = f"{method} does not take {money.currency}."
        raise Rejected(message, code="currency_not_supported", fields={"method": message})
    minimum = rules.minimum_minor.get(money.currency, 1)
    if money.amount_minor < minimum:
        message = f"{method} takes {written(Money(minimum, money.currency), 'en')} or more."
        raise Rejected(message, code="amount_too_small", fields={amount_field: message})
