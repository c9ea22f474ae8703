"""Temporary directories that PostgreSQL's user may enter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.open_paths import open_place


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with open_place() as path:
        yield path
