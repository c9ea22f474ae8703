"""How processes tell their figures: each for itself, or several as one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.test import override_settings
from prometheus_client.parser import text_string_to_metric_families

from choptym.lib.exposition import serve_figures
from tests.lib.peers import free_port

ROOT = Path(__file__).parents[2]
# A process that counts so much, says what all of them tell, and waits until it is stopped.
PROCESS = """
import sys, time, django
django.setup()
from choptym.lib.connections import POOL
from choptym.lib.exposition import tell_figures
from choptym.lib.jobs import PUBLISH_FAILURES
PUBLISH_FAILURES.labels("counted").inc(int(sys.argv[1]))
text = tell_figures().decode()
POOL.labels("idle").set(int(sys.argv[1]))
print(text, end="# said\\n", flush=True)
time.sleep(60)
"""


def start(number: int, directory: str | None) -> tuple["subprocess.Popen[str]", dict[str, float]]:
    """A process that has counted `number`, and what it told before it noted how many connections are idle."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
    if directory is not None:
        environment["PROMETHEUS_MULTIPROC_DIR"] = directory
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(number)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    text = "".join(iter(process.stdout.readline, "# said\n"))
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    counted = [one.value for one in samples if one.labels.get("task") == "counted" and one.name.endswith("_total")]
    idle = [one.value for one in samples if one.name == "choptym_database_pool" and one.labels["kind"] == "idle"]
    return process, {"counted": sum(counted), "idle": sum(idle)}


def stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    if process.stdout:
        process.stdout.close()


def test_processes_that_share_a_directory_count_as_one_and_the_dead_keep_only_what_they_counted(
    tmp_path: Path,
) -> None:
    shared = str(tmp_path / "made" / "if-missing")
    first, alone = start(3, shared)
    second, both = start(4, shared)
    stop(first)
    third, after = start(5, shared)
    for process in (second, third):
        stop(process)

    assert [told["counted"] for told in (alone, both, after)] == [3, 7, 12]
    assert [told["idle"] for told in (alone, both, after)] == [0, 3, 4]


@pytest.mark.parametrize("directory", [None, "", "  "])
def test_without_a_directory_each_tells_its_own(directory: str | None) -> None:
    before = set(ROOT.glob("*.db"))
    process, told = start(2, directory)
    stop(process)

    assert told["counted"] == 2
    assert set(ROOT.glob("*.db")) == before


def test_celery_starts_with_the_variable_left_blank_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """It loads Flower, and with it the library that believes the variable, before any line of ours."""
    code = "import celery.bin.celery, django; django.setup(); from choptym.lib.jobs import PUBLISH_FAILURES as one; "
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PROMETHEUS_MULTIPROC_DIR": ""}
    environment["TMPDIR"] = str(tmp_path)

    done = subprocess.run(
        [sys.executable, "-c", code + "one.labels('x').inc(); print(one.labels('x')._value.get())"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout.strip()[-3:]) == (0, "1.0"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_figures_are_told_on_a_port_and_a_taken_one_is_no_reason_to_stop() -> None:
    port = free_port()
    with override_settings(METRICS_PORT=port):
        serve_figures()
        told = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
        serve_figures()  # taken by the first

    assert "choptym_database_pool" in told
    assert "python_info" in told
