"""The long forms: what passes is told as ok, what fails or does not run is not."""

import json
from pathlib import Path

import pytest

from choptym.local.role import PROJECT
from tests.chaos.suites import Suite, run_suite

HEAD = "import pytest\n\n@pytest.mark.long\n"
TELLING = 'def test_it(tell):\n    tell(fault="tried", payments=7, lost=0, doubled=0, recovery_seconds=1, ok=True)\n'


def told(path: Path, text: str, *, tells: bool) -> list[dict[str, object]]:
    (path / "test_tried.py").write_text(HEAD + text)
    (path / "conftest.py").write_text("from tests.conftest import tell\n")
    place = (str(path), "-c", str(PROJECT / "pyproject.toml"))
    return [json.loads(line) for line in run_suite(Suite("tried", "", place, tells=tells), seed=7)]


@pytest.mark.parametrize(
    ("text", "tells", "oks", "payments"),
    [
        ("def test_it():\n    pass\n", False, [True], 0),
        ("def test_it():\n    pass\n", True, [False], 0),
        ("def test_it():\n    assert False\n", False, [False], 0),
        ("def test_it():\n    pytest.skip('not here')\n", False, [False], 0),
        (TELLING, True, [True], 7),
        (f"{TELLING}    assert False\n", True, [True, False], 7),
    ],
    ids=["passes", "says nothing", "fails", "is skipped", "tells", "tells and fails"],
)
def test_a_suite_is_ok_when_its_tests_ran_and_passed(
    tmp_path: Path, text: str, tells: bool, oks: list[bool], payments: int
) -> None:
    lines = told(tmp_path, text, tells=tells)

    assert [line["ok"] for line in lines] == oks
    assert lines[0]["payments"] == payments
    assert {line["seed"] for line in lines if "seed" in line} <= {7}
