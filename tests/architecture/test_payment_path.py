"""The path of a payment is written once, in payments/__init__.py, and every step on it is there."""

import inspect
import re
from importlib import import_module

import pytest

import payments

STEPS = re.findall(r"^    ([a-z_]+(?:\.[a-z_]+)+)   ", payments.__doc__ or "", re.MULTILINE)


def test_the_path_has_its_steps() -> None:
    assert STEPS[0] == "payments.start.start_checkout"
    assert STEPS[-1] == "notifications.deliver.deliver_batch"
    assert len(STEPS) >= 8


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_a_function_of_its_module(step: str) -> None:
    module, _, name = step.rpartition(".")

    function = getattr(import_module(module), name)

    assert callable(function)
    assert inspect.unwrap(function).__module__ == module, f"{step} is only imported there"


@pytest.mark.parametrize("other", re.findall(r"\b(payments\.[a-z_.]+[a-z_])", payments.__doc__ or ""))
def test_whatever_the_text_names_is_there(other: str) -> None:
    module, _, name = other.rpartition(".")

    assert hasattr(import_module(module), name) or import_module(other)
