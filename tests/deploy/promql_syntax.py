"""PromQL as far as our rules and dashboards use it: read into a tree. Anything else is refused with its place."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

TOKEN = re.compile(
    r"""\s*(?:(?P<duration>\d+[smhd](?![\w:]))|(?P<number>\d+(?:\.\d+)?)|(?P<string>"[^"]*")
    |(?P<name>[A-Za-z_:][\w:]*)|(?P<sign>=~|!~|==|!=|>=|<=|[-+*/(){}\[\],=<>]))""",
    re.VERBOSE,
)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AGGREGATIONS = {"sum", "max", "min", "avg", "count"}
FUNCTIONS = {"rate": 1, "increase": 1, "absent": 1, "clamp_min": 2, "histogram_quantile": 2}
# From the loosest to the tightest.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and", "unless"),
    ("==", "!=", ">=", "<=", ">", "<"),
    ("+", "-"),
    ("*", "/"),
)


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Selector:
    """`seconds`: how far back, of a range; 0: now."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    seconds: int = 0


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Aggregation:
    name: str
    by: tuple[str, ...]
    argument: Any


@dataclass(frozen=True)
class Binary:
    """`on`: the labels that must be the same on both sides; None: all of them."""

    sign: str
    left: Any
    right: Any
    on: tuple[str, ...] | None = None


@cache
def parse(text: str) -> Any:
    """The tree of an expression. Raises ValueError."""
    reader = _Reader(_tokens(text))
    tree = reader.binary(0)
    if reader.tokens:
        raise ValueError(f"{reader.tokens[0][1]!r} was not expected in {text}")
    return tree


def parts(tree: Any) -> list[Any]:
    """A tree and everything in it."""
    inner: list[Any] = []
    match tree:
        case Call():
            inner = list(tree.arguments)
        case Aggregation():
            inner = [tree.argument]
        case Binary():
            inner = [tree.left, tree.right]
    return [tree, *(part for branch in inner for part in parts(branch))]


def selectors(tree: Any) -> list[Selector]:
    return [part for part in parts(tree) if isinstance(part, Selector)]


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match or not match.lastgroup:
            raise ValueError(f"{text[at:]!r} cannot be read")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens

    def binary(self, level: int) -> Any:
        if level == len(LEVELS):
            return self._one()
        left = self.binary(level + 1)
        while self._peek() in LEVELS[level]:
            sign = self._take()
            on = self._labels() if self._skip("on") else None
            left = Binary(sign, left, self.binary(level + 1), on)
        return left

    def _one(self) -> Any:
        if self._skip("("):
            inner = self.binary(0)
            self._want(")")
            return inner
        kind, text = self.tokens[0] if self.tokens else ("end", "")
        if kind == "number":
            return Number(float(self._take()))
        if kind != "name":
            raise ValueError(f"{text!r} begins nothing")
        self._take()
        if text in AGGREGATIONS:
            return self._aggregation(text)
        if self._peek() == "(":
            return self._call(text)
        return self._selector(text)

    def _aggregation(self, name: str) -> Aggregation:
        by = self._labels() if self._skip("by") else ()
        self._want("(")
        argument = self.binary(0)
        self._want(")")
        return Aggregation(name, by, argument)

    def _call(self, name: str) -> Call:
        if name not in FUNCTIONS:
            raise ValueError(f"{name}() is not known")
        self._want("(")
        arguments = [self.binary(0)]
        while self._skip(","):
            arguments.append(self.binary(0))
        self._want(")")
        if len(arguments) != FUNCTIONS[name]:
            raise ValueError(f"{name}() has {len(arguments)} arguments")
        if name in {"rate", "increase"} and not (isinstance(arguments[0], Selector) and arguments[0].seconds):
            raise ValueError(f"{name}() wants a range")
        return Call(name, tuple(arguments))

    def _selector(self, name: str) -> Selector:
        matchers = []
        if self._skip("{"):
            while not self._skip("}"):
                matchers.append((self._take("name"), self._take("sign"), self._take("string")[1:-1]))
                self._skip(",")
        seconds = 0
        if self._skip("["):
            length = self._take("duration")
            seconds = int(length[:-1]) * UNITS[length[-1]]
            self._want("]")
        return Selector(name, tuple(matchers), seconds)

    def _labels(self) -> tuple[str, ...]:
        self._want("(")
        labels = []
        while not self._skip(")"):
            labels.append(self._take("name"))
            self._skip(",")
        return tuple(labels)

    def _peek(self) -> str:
        return self.tokens[0][1] if self.tokens else ""

    def _skip(self, text: str) -> bool:
        if self._peek() != text:
            return False
        self.tokens.pop(0)
        return True

    def _want(self, text: str) -> None:
        if not self._skip(text):
            raise ValueError(f"{text!r} is missing before {self._peek()!r}")

    def _take(self, kind: str = "") -> str:
        if not self.tokens or (kind and self.tokens[0][0] != kind):
            raise ValueError(f"a {kind or 'word'} is missing before {self._peek()!r}")
        return self.tokens.pop(0)[1]
