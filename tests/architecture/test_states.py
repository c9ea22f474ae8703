"""A state changes through choptym/lib/states.py, or by an UPDATE that asks the same table of moves."""

import ast
from collections.abc import Iterator
from io import StringIO

from django.core.management import call_command

from tests.architecture.source import APPS, PROJECT, SANDBOX, Function, functions_of, name_of, python_files, tree_of

HOME = "choptym/lib/states.py"
WRITERS = {"update", "bulk_update"}


def test_nobody_assigns_a_state() -> None:
    assigned = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files("choptym", *APPS)
        if name_of(path) != HOME and not name_of(path).startswith(SANDBOX)  # the sandbox has states of its own
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.stmt | ast.expr) and _assigns_state(node)
    ]

    assert assigned == []


def test_an_update_of_a_state_says_from_which_states() -> None:
    blind = [
        f"{name_of(path)}:{call.lineno} {function.name}"
        for path in python_files("choptym", *APPS)
        if name_of(path) != HOME
        for function in functions_of(path)
        for call in _state_updates(function)
        if not _is_guarded(function, call)
    ]

    assert blind == []


def test_the_drawings_are_those_of_the_tables() -> None:
    drawn = StringIO()

    call_command("draw_states", stdout=drawn)

    told = "out of date: DJANGO_SETTINGS_MODULE=tests.settings .venv/bin/python manage.py draw_states > docs/states.md"
    assert (PROJECT / "docs/states.md").read_text() == drawn.getvalue(), told


def _assigns_state(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
        return any(isinstance(arg, ast.Constant) and arg.value == "state" for arg in node.args)
    else:
        return False
    return any(isinstance(part, ast.Attribute) and part.attr == "state" for top in targets for part in ast.walk(top))


def _state_updates(function: Function) -> Iterator[ast.Call]:
    for node in ast.walk(function):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS
        if is_call and isinstance(node, ast.Call) and any(keyword.arg == "state" for keyword in node.keywords):
            yield node


def _is_guarded(function: Function, update: ast.Call) -> bool:
    """Some other call of the function filters by the state that is stored."""
    return any(
        keyword.arg in {"state", "state__in"}
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and node is not update
        if isinstance(node.func, ast.Attribute) and node.func.attr == "filter"
        for keyword in node.keywords
    )
