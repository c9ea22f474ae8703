"""Amounts are whole minor units; instants know their time zone."""

import ast
import re
from pathlib import Path

from django.apps import apps
from django.db.models import BigIntegerField, DecimalField, FloatField

from tests.architecture.source import APPS, SANDBOX, name_of, python_files, tree_of

AMOUNT = re.compile(r"(^|_)(amount|minor|price|balance|fee)(_|$)")
# What a rule of an alert measures: seconds, percent, a number of rows. Money never is.
MEASURED = {"payments.Alert.value", "payments.Alert.threshold"}
FRACTIONS = {"float", "Decimal"}
# The only places that read a gateway's number or write one down for people.
READERS = ("choptym/lib/money.py", "payments/gateways/", SANDBOX)


def _files() -> list[Path]:
    return [path for path in python_files("choptym", *APPS) if not name_of(path).startswith(READERS)]


def test_an_amount_is_never_a_fraction() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno} {name}"
        for path in _files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None
        for name in [node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)]
        if AMOUNT.search(name) and FRACTIONS & _names(node.annotation)
    ]

    assert wrong == []


def test_an_amount_is_never_made_a_fraction() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in _files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FRACTIONS
        if any(AMOUNT.search(name) for argument in node.args for name in _names(argument))
    ]

    assert wrong == []


def test_nobody_counts_minor_units_by_hand() -> None:
    by_hand = [
        f"{name_of(path)}:{node.lineno}"
        for path in _files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv)
        if any(isinstance(side, ast.Constant) and side.value == 100 for side in (node.left, node.right))
    ]

    assert by_hand == []


def test_every_column_with_an_amount_holds_a_whole_number() -> None:
    fields = [
        field for name in APPS for model in apps.get_app_config(name).get_models() for field in model._meta.fields
    ]
    amounts = [field for field in fields if AMOUNT.search(field.name)]

    assert len(amounts) >= 8
    assert [str(field) for field in amounts if not field.name.endswith("_minor")] == []
    assert [str(field) for field in amounts if not isinstance(field, BigIntegerField)] == []
    assert {str(field) for field in fields if isinstance(field, FloatField | DecimalField)} == MEASURED


def test_no_instant_without_its_time_zone() -> None:
    naive = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files("choptym", *APPS, "tests")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if (node.func.attr in {"utcnow", "today"} and "date" in ast.unparse(node.func.value))
        or (ast.unparse(node.func) in {"datetime.now", "datetime.datetime.now"} and not node.args + node.keywords)
    ]

    assert naive == []


def _names(node: ast.AST) -> set[str]:
    """Every name and attribute in an expression, in quotes too."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    found |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return found | {word for text in texts for word in re.findall(r"\w+", text)}
