"""The files that the architecture tests read."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
APPS = ("payments", "orders", "wallets", "notifications")
SANDBOX = "payments/sandbox/"

Function = ast.FunctionDef | ast.AsyncFunctionDef

# What tools leave behind, and what is not ours.
_NOT_OURS = {".git", ".venv", ".local", ".static", ".hypothesis", "__pycache__"}


def name_of(path: Path) -> str:
    """The path inside the project, as people write it."""
    return path.relative_to(PROJECT).as_posix()


def python_files(*roots: str) -> list[Path]:
    """Every Python file under these folders but the migrations, which Django writes."""
    found = [path for root in roots for path in sorted((PROJECT / root).rglob("*.py"))]
    assert found, f"no Python file under {roots}"
    return [path for path in found if "migrations" not in path.parts]


def text_files() -> Iterator[tuple[str, str]]:
    """(name, content) of everything that is kept in the repository and can be read."""
    for path in sorted(PROJECT.rglob("*")):
        parts = path.relative_to(PROJECT).parts
        if not path.is_file() or any(part in _NOT_OURS or part.endswith("_cache") for part in parts):
            continue
        try:
            yield name_of(path), path.read_text()
        except UnicodeDecodeError:
            continue


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions_of(path: Path) -> Iterator[Function]:
    """Every function of a file, the inner ones too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, Function):
            yield node
