"""What counts as one client."""

import pytest

from choptym.lib.addresses import counted_as


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:102:304", "1.2.3.4"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"),
        ("2001:0DB8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"),
        ("2001:db8:0:8::1", "2001:db8:0:8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_a_network_of_ipv6_counts_as_one_client(address: str, counted: str) -> None:
    assert counted_as(address) == counted


@pytest.mark.parametrize("garbage", ["", "unknown", "1.2.3", "1.2.3.4:5678", "[2001:db8::1]", "2001:db8::1::", "\0"])
def test_what_is_no_address_counts_as_it_is_written(garbage: str) -> None:
    assert counted_as(garbage) == garbage
