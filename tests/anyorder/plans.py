"""In which order, how often, and with what in between the events of a payment reach us.

A plan is a tuple of steps, taken one after the other. A step is one event, or several at once ("a|b": stored in this
order, then looked at together), or POLL: we ask the gateway now; or an answer that was fetched long ago and is taken up
only now ("answer 0"); or an end of our own making (EXPIRE, CANCEL); or somebody buys all that is left (RIVAL).
"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from random import Random

Plan = tuple[str, ...]

POLL = "poll"
EXPIRE = "expire"
CANCEL = "cancel"
RIVAL = "rival"
ANSWER = "answer "


def every_order(events: Sequence[str]) -> list[Plan]:
    return list(permutations(events))


def every_part(events: Sequence[str]) -> list[Plan]:
    """Every order of every subset, the empty one too: then polling alone must do."""
    return [order for size in range(len(events) + 1) for order in permutations(events, size)]


def at_once(order: Plan) -> Plan:
    return ("|".join(order),)


def polled_after(order: Plan, places: Sequence[int]) -> Plan:
    """We ask after so many events (0: before the first)."""
    steps: list[str] = []
    for place in range(len(order) + 1):
        steps += order[place - 1 : place] if place else ()
        steps += [POLL] if place in places else []
    return tuple(steps)


def polled_everywhere(order: Plan) -> Plan:
    return polled_after(order, range(len(order) + 1))


def repeated(order: Plan, chance: Random) -> Plan:
    """Some of these events, one at least, come a second time, at any place."""
    again = [event for event in order if chance.random() < 0.5] or [chance.choice(order)]
    return scattered(order, again, chance)


def scattered(order: Plan, others: Sequence[str], chance: Random) -> Plan:
    """These others come at any places between."""
    steps = list(order)
    for other in others:
        steps.insert(chance.randint(0, len(steps)), other)
    return tuple(steps)


def any_orders(events: Sequence[str], answers: int, number: int, chance: Random) -> Iterator[Plan]:
    """Any orders of any of these events, with repetitions, polls and old answers in between."""
    for _ in range(number):
        order = tuple(chance.sample(list(events), chance.randint(0, len(events))))
        others = [POLL] * chance.randint(0, 2)
        others += [f"{ANSWER}{one}" for one in range(answers) if chance.random() < 0.5]
        plan = scattered(repeated(order, chance) if order else order, others, chance)
        yield at_once(order) if order and chance.random() < 0.2 else plan


def told_in(plan: Plan) -> set[str]:
    """The events of this plan."""
    return {event for step in plan for event in step.split("|") if not is_deed(event)}


def is_deed(step: str) -> bool:
    return step in {POLL, EXPIRE, CANCEL, RIVAL} or step.startswith(ANSWER)
