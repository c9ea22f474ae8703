"""deploy/nginx.conf: who counts as one client before the log-in. What it does when it runs: test_whole.py."""

import re

import pytest

from tests.deploy.compose import DEPLOY

WRITTEN = re.sub(r"(?m)^\s*#.*$", "", (DEPLOY / "nginx.conf").read_text())


def network_of(address: str) -> str:
    """What the map says, which takes the first expression that fits."""
    [body] = re.findall(r"map \$remote_addr \$client_network \{\n(.*?)\n  \}", WRITTEN, re.DOTALL)
    rules = re.findall(r'"~([^"]+)" \$(\w+);', body)
    assert len(rules) == body.count("~")
    for expression, name in rules:
        if found := re.search(expression.replace("(?<", "(?P<"), address):
            return str(found[name])
    return address


@pytest.mark.parametrize(
    "addresses",
    [
        ("2001:db8:0:7::1", "2001:db8:0:7:ffff:1:2:3", "2001:db8:0:7:0:1::"),
        ("2001:db8::1", "2001:db8::ffff:1:2:3"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
    ],
)
def test_addresses_of_one_client_count_as_one(addresses: tuple[str, ...]) -> None:
    assert len({network_of(address) for address in addresses}) == 1


def test_other_networks_are_other_clients() -> None:
    addresses = ("2001:db8:0:7::1", "2001:db8:0:8::1", "2001:db8:7::1", "2001:db8::1", "1.2.3.4", "1.2.3.5", "::1")

    assert len({network_of(address) for address in addresses}) == len(addresses)


def test_every_limit_counts_clients_so() -> None:
    zones = dict(re.findall(r"limit_(?:req|conn)_zone (\S+) zone=(\w+):", WRITTEN))

    assert set(zones) == {"$client_network"}
