"""Starting, restarting and stopping real processes."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from choptym.local import processes
from choptym.local.errors import StackError
from choptym.local.supervisor import Supervisor
from tests.local.fakes import failing, stubborn, wait_until, web_server


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop()


def test_starts_a_killed_process_again(supervisor: Supervisor, tmp_path: Path) -> None:
    role = web_server("web", tmp_path)
    supervisor.start([role])
    first = supervisor.pids["web"]

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: supervisor.pids.get("web", first) != first)
    wait_until(role.is_ready)

    assert not processes.is_alive(first)
    assert "web ended with status -9, starting again in 0.2 s" in (tmp_path / "log" / "web.log").read_text()


def test_leaves_down_what_is_held_until_it_is_let_go(supervisor: Supervisor, tmp_path: Path) -> None:
    role = web_server("web", tmp_path)
    supervisor.start([role])

    supervisor.hold("web")
    os.kill(supervisor.pids["web"], signal.SIGKILL)
    time.sleep(1)  # twice as long as another start takes
    assert "web" not in supervisor.pids

    supervisor.let_go("web")
    wait_until(role.is_ready)


def test_shows_the_log_of_a_process_that_does_not_start(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"web ended with status 1 before it was ready(.|\n)*made of cheese"):
        supervisor.start([failing("web", tmp_path), web_server("other", tmp_path)])


def test_stops_everything_it_started(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start([web_server("web", tmp_path), stubborn("worker", tmp_path)])
    pids = supervisor.pids

    supervisor.stop()

    assert sorted(pids) == ["web", "worker"]
    assert not any(processes.is_alive(pid) for pid in pids.values())
    assert "worker did not stop within 0.3 s, killed" in (tmp_path / "log" / "worker.log").read_text()
    assert not (tmp_path / "processes.json").exists()


def test_stops_the_last_batch_first(supervisor: Supervisor, tmp_path: Path) -> None:
    said: list[str] = []
    supervisor.start([web_server("server", tmp_path)])
    supervisor.start([web_server("client", tmp_path)])

    supervisor.stop(said.append)

    assert said == ["stopping client", "stopping server"]


def test_marks_its_processes(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([web_server("web", tmp_path)])

    assert processes.has_marker(supervisor.pids["web"], tmp_path)
    assert not processes.has_marker(supervisor.pids["web"], tmp_path / "other")
    assert not processes.has_marker(os.getpid(), tmp_path)


def test_starts_a_role_again_from_another_directory(supervisor: Supervisor, tmp_path: Path) -> None:
    ready, newer = tmp_path / "ready", tmp_path / "newer"
    newer.mkdir()
    supervisor.start([replace(web_server("web", tmp_path), ready_file=ready), web_server("other", tmp_path)])
    before = supervisor.pids
    ready.touch()

    supervisor.restart("web", newer)

    after = supervisor.pids
    assert after["web"] != before["web"]
    assert after["other"] == before["other"]
    assert not processes.is_alive(before["web"])
    assert Path(f"/proc/{after['web']}/cwd").resolve() == newer
    assert not ready.exists(), "what the one before made does not count"


def test_names_what_takes_long_to_stop(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start([replace(stubborn("web", tmp_path), stop_within_seconds=1.3)])
    said: list[str] = []

    supervisor.stop(said.append)

    assert said == ["stopping web", "waiting for web to stop (1 s)"]


def test_the_nice_ones_let_others_go_first_and_nobody_else_does(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([web_server("web", tmp_path), replace(web_server("worker", tmp_path), nice=5)])
    ours = os.getpriority(os.PRIO_PROCESS, 0)

    found = {name: os.getpriority(os.PRIO_PROCESS, pid) - ours for name, pid in supervisor.pids.items()}

    assert found == {"web": 0, "worker": 5}
    for name, pid in supervisor.pids.items():
        session = Path(f"/proc/{pid}/autogroup")
        expected = os.getpriority(os.PRIO_PROCESS, pid) if found[name] else 0
        assert not session.exists() or int(session.read_text().split()[-1]) == expected
