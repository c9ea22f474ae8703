"""The variables that choptym/settings reads, found in its source: name, reader and default of each."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.source import PROJECT, Function, tree_of

READERS = {"text", "secret", "integer", "decimal", "flag", "rate", "url", "words"}

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Variable:
    """`default` is None when the variable is required or its default is made by code."""

    name: str
    reader: str
    default: object = None
    has_default: bool = False


def variables() -> dict[str, list[Variable]]:
    """Every variable with all the places that read it."""
    found: dict[str, list[Variable]] = {}
    for path in sorted((PROJECT / "choptym/settings").glob("*.py")):
        if path.name != "env.py":
            for variable in _Module(path).variables():
                found.setdefault(variable.name, []).append(variable)
    return found


class _Module:
    """Follows names through the calls of one file: f"{prefix}_API_KEY" is read once per caller of its function."""

    def __init__(self, path: Path) -> None:
        tree = tree_of(path)
        self.path = path
        self.functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        self.calls = [(call, self._owner(call)) for call in ast.walk(tree) if isinstance(call, ast.Call)]

    def variables(self) -> Iterator[Variable]:
        for call, owner in self.calls:
            is_reader = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env"
            if not is_reader or not isinstance(call.func, ast.Attribute) or call.func.attr not in READERS:
                continue
            for values in self._values_in(owner):
                name = _fold(call.args[0], values)
                assert isinstance(name, str), f"{self.path.name}:{call.lineno}: this name cannot be followed"
                yield Variable(name, call.func.attr, *_default(call, values))

    def _owner(self, call: ast.Call) -> Function | None:
        return next((f for f in self.functions.values() if f.lineno <= call.lineno <= (f.end_lineno or 0)), None)

    def _values_in(self, function: Function | None) -> Iterator[Values]:
        """What the parameters of a function are, once for each of its calls."""
        if function is None or not function.args.args + function.args.kwonlyargs:
            yield {}
            return
        for call, owner in self.calls:
            if isinstance(call.func, ast.Name) and call.func.id == function.name:
                for outer in self._values_in(owner):
                    given = dict(zip((arg.arg for arg in function.args.args), call.args, strict=False))
                    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
                    yield {name: _fold(value, outer) for name, value in given.items()}


def _default(call: ast.Call, values: Values) -> tuple[object, bool]:
    given = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "default")]
    return (_fold(given[0], values), True) if given else (None, False)


def _fold(node: ast.expr, values: Values) -> object:
    """The value of a constant expression; None when it is none."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return values.get(node.id)
        case ast.JoinedStr():
            return "".join(str(_fold(part, values)) for part in node.values)
        case ast.FormattedValue():
            return _fold(node.value, values)
        case ast.BinOp(op=ast.Mult()):
            left, right = _fold(node.left, values), _fold(node.right, values)
            return left * right if isinstance(left, int) and isinstance(right, int) else None
    return None
