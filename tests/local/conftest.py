"""Temporary directories that PostgreSQL's user may enter: pytest makes its own for nobody else."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _open_to_others(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
