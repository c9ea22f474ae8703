"""Addresses of clients, as limits count them."""

from ipaddress import IPv6Address, IPv6Network, ip_address

# What one customer gets from a provider: whoever has one address of it has all 2**64.
ONE_CLIENT_BITS = 64


def counted_as(address: str) -> str:
    """One name for all addresses that one client can take: of IPv6 its /64; IPv4, also within IPv6, as it is.

    What is no address counts as it is written.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Network((int(ip), ONE_CLIENT_BITS), strict=False))
