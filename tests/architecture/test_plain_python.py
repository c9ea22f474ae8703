"""What a file needs is imported at its top, and nothing happens behind the back of whoever writes a row."""

import ast
import re

from tests.architecture.source import APPS, functions_of, name_of, python_files, tree_of

SIGNALS = re.compile(r"django\.db\.models\.signals|django\.dispatch|(pre|post)_(save|delete|init)\b|m2m_changed")
OVERRIDES = {"save", "delete", "full_clean", "clean", "bulk_create", "get_queryset"}


def test_no_import_stands_inside_a_function() -> None:
    inside = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files("choptym", *APPS, "tests")
        for function in functions_of(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_nothing_listens_to_djangos_signals() -> None:
    listening = [name_of(path) for path in python_files("choptym", *APPS) if SIGNALS.search(path.read_text())]

    assert listening == []


def test_a_model_is_columns_and_constraints() -> None:
    overriding = [
        f"{name_of(path)}:{function.lineno} {function.name}"
        for path in python_files(*APPS)
        if path.name == "models.py" or path.parent.name == "models"
        for function in functions_of(path)
        if function.name in OVERRIDES
    ]

    assert overriding == []


def test_a_manager_decides_nothing() -> None:
    managers = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in python_files(*APPS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and any("Manager" in ast.unparse(base) for base in node.bases)
    ]

    assert managers == []
