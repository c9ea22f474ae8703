"""Small files, small functions: nobody scrolls for more than a minute. Complexity is ruff's to check."""

from tests.architecture.source import APPS, functions_of, name_of, python_files

FILE_LINES = 300
FUNCTION_LINES = 40
ROOTS = ("choptym", *APPS, "tests")


def test_no_file_is_long() -> None:
    long = {name_of(path): lines for path in python_files(*ROOTS) if (lines := _lines(path.read_text())) > FILE_LINES}

    assert long == {}


def test_no_function_is_long() -> None:
    long = [
        f"{name_of(path)}:{function.lineno} {function.name} has {lines} lines"
        for path in python_files(*ROOTS)
        for function in functions_of(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    ]

    assert long == []


def _lines(text: str) -> int:
    return len(text.splitlines())
