"""Evaluates the expressions of our rules over recorded series, as Prometheus does.

There is no well-kept evaluator in Python, and promtool comes with no package that every machine has. Where it is on the
PATH, test_alerts holds this one against it.
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.deploy.promql_syntax import Aggregation, Binary, Call, Number, Selector

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
# By labels, the name among them: (time in seconds, value) in order.
Series = Mapping[Labels, list[tuple[float, float]]]

NAME = "__name__"
STALE_SECONDS = 300
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right if right else math.nan,
}
COMPARISON: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
AGGREGATE: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "avg": lambda values: sum(values) / len(values),
    "count": lambda values: float(len(values)),
}


def evaluate(tree: Any, series: Series, at: float) -> Vector | float:
    """The value of an expression at a moment: a number, or a number for each set of labels."""
    match tree:
        case Number():
            return tree.value
        case Selector():
            return {_unnamed(labels): value for labels, value in _instant(tree, series, at).items()}
        case Call():
            return _call(tree, series, at)
        case Aggregation():
            return _aggregate(tree, _vector(evaluate(tree.argument, series, at)))
        case Binary():
            return _binary(tree, evaluate(tree.left, series, at), evaluate(tree.right, series, at))
    raise TypeError(tree)


def matches(selector: Selector, labels: Labels) -> bool:
    known = dict(labels)
    if known[NAME] != selector.name:
        return False
    for name, sign, wanted in selector.matchers:
        value = known.get(name, "")
        is_alike = re.fullmatch(wanted, value) is not None if "~" in sign else value == wanted
        if is_alike == sign.startswith("!"):
            return False
    return True


def _instant(selector: Selector, series: Series, at: float) -> Vector:
    found = {}
    for labels, samples in series.items():
        recent = [value for time, value in samples if at - STALE_SECONDS < time <= at]
        if recent and matches(selector, labels):
            found[labels] = recent[-1]
    return found


def _call(call: Call, series: Series, at: float) -> Vector:
    if call.name in {"rate", "increase"}:
        return _increases(call, series, at)
    if call.name == "absent":
        return {} if _vector(evaluate(call.arguments[0], series, at)) else {frozenset(): 1.0}
    if call.name == "clamp_min":
        least = _scalar(evaluate(call.arguments[1], series, at))
        return {labels: max(value, least) for labels, value in _vector(evaluate(call.arguments[0], series, at)).items()}
    return _quantiles(
        _scalar(evaluate(call.arguments[0], series, at)), _vector(evaluate(call.arguments[1], series, at))
    )


def _increases(call: Call, series: Series, at: float) -> Vector:
    selector = call.arguments[0]
    found = {}
    for labels, samples in series.items():
        window = [(time, value) for time, value in samples if at - selector.seconds < time <= at]
        if len(window) >= 2 and matches(selector, labels):
            increase = _increase(window, at - selector.seconds, at)
            found[_unnamed(labels)] = increase / (selector.seconds if call.name == "rate" else 1)
    return found


def _increase(window: list[tuple[float, float]], start: float, end: float) -> float:
    """With Prometheus's guess of what lies between the samples and the ends of the window."""
    values = [value for _, value in window]
    # A counter that fell began anew.
    raised = values[-1] - values[0] + sum(last for last, now in itertools.pairwise(values) if now < last)
    sampled = window[-1][0] - window[0][0]
    between = sampled / (len(window) - 1)
    before, after = window[0][0] - start, end - window[-1][0]
    if raised > 0 and values[0] >= 0:  # it cannot have been below 0
        before = min(before, sampled * values[0] / raised)
    whole = sampled + sum(gap if gap < between * 1.1 else between / 2 for gap in (before, after))
    return raised * whole / sampled


def _quantiles(share: float, buckets: Vector) -> Vector:
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        known = dict(labels)
        most = float(known.pop("le").replace("+Inf", "inf"))
        groups.setdefault(frozenset(known.items()), []).append((most, count))
    return {labels: _quantile(share, sorted(group)) for labels, group in groups.items()}


def _quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    wanted = share * buckets[-1][1]
    below, most_below = 0.0, 0.0
    for most, count in buckets:
        if count >= wanted and count > below:
            return (
                most_below
                if math.isinf(most)
                else most_below + (most - most_below) * (wanted - below) / (count - below)
            )
        below, most_below = count, most
    return math.nan


def _aggregate(tree: Aggregation, vector: Vector) -> Vector:
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        kept = frozenset(pair for pair in labels if pair[0] in tree.by)
        groups.setdefault(kept, []).append(value)
    return {labels: AGGREGATE[tree.name](values) for labels, values in groups.items()}


def _binary(tree: Binary, left: Vector | float, right: Vector | float) -> Vector | float:
    if tree.sign in {"and", "unless", "or"}:
        return _set(tree, _vector(left), _vector(right))
    if isinstance(left, float) and isinstance(right, float):
        return ARITHMETIC[tree.sign](left, right)
    pairs: list[tuple[Labels, float, float]] = []
    if isinstance(left, float):
        pairs = [(labels, left, value) for labels, value in _vector(right).items()]
    elif isinstance(right, float):
        pairs = [(labels, value, right) for labels, value in left.items()]
    else:
        others = {_key(tree, labels): value for labels, value in right.items()}
        for labels, value in left.items():
            if _key(tree, labels) in others:
                pairs.append((labels, value, others[_key(tree, labels)]))
    if tree.sign in ARITHMETIC:
        return {labels: ARITHMETIC[tree.sign](one, other) for labels, one, other in pairs}
    kept = [pair for pair in pairs if COMPARISON[tree.sign](pair[1], pair[2])]
    return {labels: other if isinstance(left, float) else one for labels, one, other in kept}


def _set(tree: Binary, left: Vector, right: Vector) -> Vector:
    theirs = {_key(tree, labels) for labels in right}
    if tree.sign == "or":
        ours = {_key(tree, labels) for labels in left}
        return left | {labels: value for labels, value in right.items() if _key(tree, labels) not in ours}
    return {labels: value for labels, value in left.items() if (_key(tree, labels) in theirs) == (tree.sign == "and")}


def _key(tree: Binary, labels: Labels) -> Labels:
    return labels if tree.on is None else frozenset(pair for pair in labels if pair[0] in tree.on)


def _unnamed(labels: Labels) -> Labels:
    return frozenset((name, value) for name, value in labels if name != NAME and value)


def _vector(value: Vector | float) -> Vector:
    if isinstance(value, float):
        raise TypeError("a vector is wanted, and this is a number")
    return value


def _scalar(value: Vector | float) -> float:
    if not isinstance(value, float):
        raise TypeError("a number is wanted, and this is a vector")
    return value
