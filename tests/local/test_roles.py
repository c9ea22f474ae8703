"""In which order the processes start."""

from pathlib import Path

from choptym.local.environment import Addresses
from choptym.local.roles import Roles


def test_flower_starts_after_the_workers_whose_queues_it_shows(tmp_path: Path) -> None:
    roles = Roles(tmp_path, Addresses(), {"MAX_CONCURRENT_PAYMENTS": "10"})

    assert "flower" not in [role.name for role in roles.ours()]
    assert [role.name for role in roles.last()] == ["beat", "flower"]
