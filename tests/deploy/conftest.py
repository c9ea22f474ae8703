"""The tree that the image would hold, made once."""

from pathlib import Path

import pytest

from tests.deploy.image import copy_context


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_context(tmp_path_factory.mktemp("image") / "app")
