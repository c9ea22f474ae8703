"""Where a source opens a transaction that has no name: its own, or one that Django opens because nobody else has."""

import ast
from collections.abc import Iterator

# Several statements: Django wraps them in a transaction, and what listens to statements takes it for somebody's.
OPEN_ONE = {"bulk_create", "bulk_update", "get_or_create", "update_or_create"}
# As settings of a database; anything else makes a transaction of what does not look like one.
MUST_BE = {"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True}
# Blocks in which a transaction is open, each judged by a rule of its own.
BLOCKS = ("committing(", "around(", "transaction.atomic(")


def bare_transactions(tree: ast.Module) -> Iterator[int]:
    """The line of each transaction that is not durable, in whatever form, and of whatever switches autocommit."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    durable = {id(node.func) for node in calls if ast.unparse(node) == "transaction.atomic(durable=True)"}
    fine = durable | {id(key) for key in _settings_as_they_must_be(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt) and _opens(node) and id(node) not in fine:
            yield node.lineno


def _settings_as_they_must_be(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None and any(
                    (ast.unparse(key), ast.unparse(value)) == (repr(name), str(must)) for name, must in MUST_BE.items()
                ):
                    yield key


def _opens(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr="atomic" | "set_autocommit") | ast.Name(id="atomic"):
            return True
        case ast.ImportFrom(module="django.db.transaction"):
            return True  # under which name ever
        case ast.Constant(value=str(name)):
            return name in MUST_BE
    return False


def lone_writes(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(function, line) of what Django wraps in a transaction of its own, where the function itself has opened none."""
    yield from _lone_writes(tree, "")


def _lone_writes(node: ast.AST, function: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.With() if any(ast.unparse(item).startswith(BLOCKS) for item in child.items):
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if not any(ast.unparse(one).startswith("commits(") for one in child.decorator_list):
                    yield from _lone_writes(child, child.name)
                continue
            case ast.Call(func=ast.Attribute(attr=name), args=args) if name in OPEN_ONE or (
                name == "delete" and not args
            ):
                yield function, child.lineno
        yield from _lone_writes(child, function)
