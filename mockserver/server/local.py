"""What counts as this machine."""

from __future__ import annotations

import ipaddress


def loopback(host: str) -> bool:
    """Whether this names the loopback interface: an address or the name localhost, and no other name."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
