"""Temporary directories that PostgreSQL's user may enter: pytest makes its own for nobody else."""

from pathlib import Path

import pytest

from tests.local.open_paths import open_to_others


@pytest.fixture(autouse=True)
def _open_to_others(tmp_path: Path) -> None:
    open_to_others(tmp_path)
