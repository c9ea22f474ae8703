"""Which tests claim which promise. `python -m tests.architecture.claims` writes it into docs/invariants.md."""

import ast
import re

from tests.architecture.source import PROJECT, name_of, python_files, tree_of

DOCUMENT = PROJECT / "docs/invariants.md"
NONE = "none yet"
# One promise: its heading, whatever is said of it, and its line of tests.
_PROMISE = re.compile(r"(^## (INV-\d+) .*?^Tests: )(.*?)(?=\n\n|\n*\Z)", re.MULTILINE | re.DOTALL)


def told() -> dict[str, list[str]]:
    """The promises of the document, each with the test files that it names."""
    found = _PROMISE.findall(DOCUMENT.read_text())
    return {name: re.findall(r"`([^`]+)`", tests) for _, name, tests in found}


def claimed() -> dict[str, list[str]]:
    """The promises that tests claim, each with the files of those tests."""
    claims: dict[str, set[str]] = {}
    for path in python_files("tests"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.invariant":
                for argument in node.args:
                    assert isinstance(argument, ast.Constant), f"{name_of(path)}:{node.lineno}: write the name out"
                    claims.setdefault(str(argument.value), set()).add(name_of(path))
    return {name: sorted(files) for name, files in claims.items()}


def write() -> None:
    """Bring the lines of tests up to date."""
    claims = claimed()

    def line(match: re.Match[str]) -> str:
        return match[1] + (", ".join(f"`{name}`" for name in claims.get(match[2], [])) or NONE)

    DOCUMENT.write_text(_PROMISE.sub(line, DOCUMENT.read_text()))


if __name__ == "__main__":
    write()
