"""deploy/compose.yaml: what every service must say, and that what it names is there."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from choptym.lib.drain import DRAIN_SECONDS, SEATS_EACH
from payments import profiles, prove
from tests.architecture.test_environment import READ, TOLD
from tests.deploy.compose import DEPLOY, command_of, compose, ours, services, stop_seconds

SERVERS = {"nginx", "postgres", "pgbouncer", "redis", "prometheus", "grafana"}
ROLES = {
    *("web-1", "web-2", "events", "migrate", "worker-charge", "worker-charge-high", "worker-confirm", "worker-notify"),
    *("worker-maintenance", "worker-reports", "beat", "flower"),
}
LONGEST_CALL_SECONDS = 30


def test_the_whole_stack_is_there() -> None:
    assert set(services()) == SERVERS | ROLES
    assert set(ours()) == ROLES


@pytest.mark.parametrize("name", sorted(SERVERS | ROLES - {"migrate"}))
def test_a_service_is_watched_bounded_and_started_again(name: str) -> None:
    service = services()[name]

    assert service["restart"] == "unless-stopped"
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    assert stop_seconds(service) >= 15
    assert "healthcheck" in service or name in ROLES, "ours have the one of the image"


def test_only_nginx_is_published() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert set(published) == {"nginx", "flower", "prometheus", "grafana"}
    # An address of IPv6, or none, lets strangers in under an address of Docker's own.
    assert published.pop("nginx") == ["${HTTP_ADDRESS:-127.0.0.1}:${HTTP_PORT:-80}:8080"]
    assert [port for ports in published.values() for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", sorted(name for name in SERVERS | ROLES - {"migrate"} if "tmpfs" in services()[name]))
def test_what_is_written_to_memory_has_an_end_below_the_limit(name: str) -> None:
    sizes = [re.search(r":size=(\d+)m$", folder) for folder in services()[name]["tmpfs"]]
    limit = re.fullmatch(r"(\d+)M", services()[name]["deploy"]["resources"]["limits"]["memory"])

    assert limit
    assert all(sizes)
    assert sum(int(size[1]) for size in sizes if size) <= int(limit[1]) / 3


@pytest.mark.parametrize("name", sorted(ROLES))
def test_what_our_processes_are_told_is_read_by_the_settings(name: str) -> None:
    told = {re.sub("_FILE$", "", variable) for variable in ours()[name]["environment"]}

    assert told - READ.keys() == set()
    required = {variable for variable, places in READ.items() if places[0].default is None and TOLD[variable][1] == ""}
    always = {"SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"}
    assert always <= required
    assert always <= told


def test_every_secret_may_come_as_a_file() -> None:
    secrets = {name for name, (unit, _) in TOLD.items() if unit == "secret"} | {"DATABASE_URL", "REDIS_URL"}
    secrets.remove("FLOWER_BASIC_AUTH")  # nobody else is told of it
    environment = ours()["worker-charge"]["environment"]

    assert {name for name in secrets if f"{name}_FILE" not in environment} == set()
    assert not any(name in environment for name in secrets), "a secret would stand in `docker inspect`"


@pytest.mark.parametrize("name", sorted(SERVERS | ROLES))
def test_a_service_has_the_secrets_that_it_names_and_no_other(name: str) -> None:
    service = services()[name]
    text = str(service.get("environment", "")) + str(service.get("command", "")) + str(service.get("healthcheck", ""))
    mounted = [volume.split(":")[0] for volume in service.get("volumes", []) if volume.startswith("./")]
    text += "".join((DEPLOY / path).read_text() for path in mounted if (DEPLOY / path).is_file())
    named = set(re.findall(r"/run/secrets/([\w.]+)", text)) - {"tls_certificate", "tls_key"}

    given = set(service.get("secrets", []))
    assert named <= given
    assert given - named <= {"database_url", "database_url_direct"}, "both addresses are in one list"
    assert given <= compose()["secrets"].keys()


def test_every_mounted_file_and_named_volume_is_there() -> None:
    mounts = [volume.split(":")[0] for service in services().values() for volume in service.get("volumes", [])]

    assert [path for path in mounts if path.startswith("./") and not (DEPLOY / path).exists()] == []
    assert {name for name in mounts if not name.startswith("./")} == compose()["volumes"].keys()


def test_what_a_service_waits_for_is_there_and_has_a_health_check() -> None:
    for name, service in services().items():
        for other, wish in service.get("depends_on", {}).items():
            assert other in services(), name
            if wish["condition"] == "service_healthy":
                assert "healthcheck" in services()[other] or other in ROLES, name
    assert ours()["migrate"]["depends_on"].keys() == {"postgres"}
    assert ours()["migrate"]["environment"]["DATABASE_URL_FILE"] == "/run/secrets/database_url_direct"


def test_every_queue_has_its_worker() -> None:
    consumed: list[str] = []
    for name, service in ours().items():
        if name.startswith("worker"):
            words = command_of(service)
            consumed += words[words.index("-Q") + 1].split(",")
            assert words[words.index("-P") + 1] == "threads"

    assert set(consumed) == set(settings.QUEUES)
    assert consumed.count("p1.high") == 2, "one of them is reserved"


def test_one_beat_and_charge_workers_with_threads_to_spare() -> None:
    commands = {name: command_of(ours()[name]) for name in ("worker-charge", "worker-charge-high")}
    threads = {name: int(words[words.index("-c") + 1]) for name, words in commands.items()}

    # For the drains of every queue; and to wait for gateways, as many as the highest profile needs.
    assert threads["worker-charge"] > len(settings.QUEUE_OF_PRIORITY) * SEATS_EACH
    assert threads["worker-charge-high"] > SEATS_EACH
    assert settings.CHARGE_THREADS >= profiles.HIGHEST_CONCURRENT * 1.25
    assert [name for name in ours() if "beat" in command_of(ours()[name])] == ["beat"]


def test_a_stop_waits_for_the_longest_task() -> None:
    drain = DRAIN_SECONDS + 2 * LONGEST_CALL_SECONDS
    longest = {
        "worker-charge": settings.PAYMENT_LEASE_SECONDS,
        "worker-charge-high": settings.PAYMENT_LEASE_SECONDS,
        "worker-confirm": drain,
        "worker-notify": drain,
        "worker-maintenance": prove.STATEMENT_TIMEOUT_MS / 1000,
        "worker-reports": 4 * settings.RECONCILE_LEASE_SECONDS,
    }

    assert {name: stop_seconds(ours()[name]) for name in longest if stop_seconds(ours()[name]) <= longest[name]} == {}


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run(["sh", DEPLOY / "make-secrets.sh", str(folder)], check=True)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    (folder / "fapshi_api_key").chmod(0o600)
    (folder / "fapshi_api_key").write_text("mine")
    subprocess.run(["sh", DEPLOY / "make-secrets.sh", str(folder)], check=True)

    assert {secret["file"] for secret in compose()["secrets"].values()} <= {f"secrets/{name}" for name in first}
    assert len(first["secret_key"].strip()) >= 50
    assert first["database_password"].strip() in first["database_url"]
    assert (folder / "fapshi_api_key").read_text() == "mine"
    assert {path.name: path.read_text() for path in folder.iterdir()} == first | {"fapshi_api_key": "mine"}
    assert folder.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}


def test_prometheus_asks_every_process_of_ours() -> None:
    text = (DEPLOY / "prometheus.yml").read_text()
    asked = {name for name in ROLES if re.search(rf'[-\["  ]{name}(:8000"|\]|$)', text, re.MULTILINE)}

    assert asked == ROLES - {"migrate", "flower"}


def test_who_is_waited_for_goes_first_on_a_busy_machine() -> None:
    shares = {name: service.get("cpu_shares", 1024) for name, service in services().items()}
    last = {"flower", "worker-reports"}

    background = {name for name in ROLES if name.startswith("worker-")} | {"beat", "flower"}
    assert {name for name, one in shares.items() if one < 1024} == background
    assert {name for name, one in shares.items() if one < shares["worker-charge"]} == last
