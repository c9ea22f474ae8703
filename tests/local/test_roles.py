"""In which order the processes start."""

from pathlib import Path

from choptym.local.environment import Addresses
from choptym.local.roles import BACKGROUND_NICE, MOST_CHARGES, Roles
from payments import profiles


def test_where_profiles_decide_there_are_threads_for_the_highest(tmp_path: Path) -> None:
    assert MOST_CHARGES == profiles.HIGHEST_CONCURRENT
    [charge] = [role for role in Roles(tmp_path, Addresses(), {}).ours() if role.name == "worker-charge"]

    assert charge.environment["CHARGE_THREADS"] == "125"


def test_flower_starts_after_the_workers_whose_queues_it_shows(tmp_path: Path) -> None:
    roles = Roles(tmp_path, Addresses(), {"MAX_CONCURRENT_PAYMENTS": "10"})

    assert "flower" not in [role.name for role in roles.ours()]
    assert [role.name for role in roles.last()] == ["beat", "flower"]


def test_who_is_waited_for_answers_first(tmp_path: Path) -> None:
    roles = Roles(tmp_path, Addresses(), {})
    nice = {role.name: role.nice for role in [*roles.outside_world(), *roles.ours(), *roles.last()]}

    assert {name for name, one in nice.items() if one == 0} == {"sandbox", "sink", "web", "events"}
    assert {one for one in nice.values() if one} == {BACKGROUND_NICE}
