"""Which gateway and which queue a payment goes to."""

from django.conf import settings

from choptym.lib.errors import Rejected
from choptym.lib.money import Money, written
from choptym.lib.phones import COUNTRIES, region_of
from payments import in_force
from payments.gateways import gateway_names, get_gateway
from payments.gateways.base import Rules
from payments.gateways.operators import operator_of
from payments.gateways.words import title_of
from payments.models import WALLET, Priority


def priority_of(money: Money) -> Priority:
    """By amount, with the thresholds of the settings: high is above the upper one, normal below the lower one."""
    thresholds = settings.PAYMENT_PRIORITY_THRESHOLDS[money.currency]
    if money.amount_minor > thresholds["high"]:
        return Priority.HIGH
    return Priority.MEDIUM if money.amount_minor >= thresholds["medium"] else Priority.NORMAL


def choose_gateway(money: Money, phone: str, *, by_link: bool) -> str:
    """For a customer who chose none: by the operator of the phone, else by the currency, else the first that can.

    Raises Rejected (currency_not_supported) when no gateway takes it.
    """
    order = [name for name in _order(money.currency, phone) if money.currency in get_gateway(name).rules.currencies]
    if not order:
        message = f"No method takes {money.currency}."
        raise Rejected(message, code="currency_not_supported", fields={"method": message})
    fitting = [name for name in order if _fits(get_gateway(name).rules, money, phone, by_link=by_link)]
    # One that is held back by order only where there is no other. When none fits, the first one's refusal tells why
    # (see check_method).
    return next((name for name in fitting if in_force.may_send(name)), (fitting or order)[0])


def gateways_instead(gateway: str, money: Money, phone: str, *, by_link: bool) -> list[str]:
    """Where else a payment of this gateway could go, in order: the same currency and region, and the same kind."""
    region = get_gateway(gateway).rules.phone_region
    others = [name for name in _order(money.currency, phone) if name != gateway]
    rules = {name: get_gateway(name).rules for name in others}
    return [
        name
        for name in others
        if rules[name].phone_region == region and _fits(rules[name], money, phone, by_link=by_link)
    ]


def _order(currency: str, phone: str) -> list[str]:
    """The gateways that are switched on, those that the settings prefer first; each once."""
    routes = settings.PAYMENT_ROUTES
    wanted = [*routes.get(operator_of(phone), ()), *routes.get(currency, ()), *gateway_names()]
    return [name for name in dict.fromkeys(wanted) if name in gateway_names()]


def _fits(rules: Rules, money: Money, phone: str, *, by_link: bool) -> bool:
    if money.currency not in rules.currencies or money.amount_minor < rules.minimum_minor.get(money.currency, 1):
        return False
    if not phone:
        return by_link and rules.has_links and not rules.links_need_phone
    return region_of(phone) == rules.phone_region and (rules.has_links or not by_link)


def check_method(method: str, money: Money, phone: str, *, amount_field: str) -> None:
    """Refuse what this method cannot collect. Raises Rejected, naming the field; `amount_field` is the amount's."""
    if method == WALLET:
        return
    if method not in gateway_names():
        raise Rejected("This method is not available.", code="unknown_method", fields={"method": "Not available."})
    rules = get_gateway(method).rules
    if money.currency not in rules.currencies:
        message = f"{title_of(method)} does not take {money.currency}."
        raise Rejected(message, code="currency_not_supported", fields={"method": message})
    if phone and region_of(phone) != rules.phone_region:
        message = f"Not {COUNTRIES[rules.phone_region].says}."
        raise Rejected(message, code="invalid_phone", fields={"phone": message})
    minimum = rules.minimum_minor.get(money.currency, 1)
    if money.amount_minor < minimum:
        message = f"{title_of(method)} takes {written(Money(minimum, money.currency), 'en')} or more."
        raise Rejected(message, code="amount_too_small", fields={amount_field: message})
