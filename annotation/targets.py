"""Where webhooks may lead: only to what the operator has named, in WEBHOOK_TARGETS.

An entry is one of
- an address that a webhook's begins with: `https://hooks.example.org/pairwright/`, `http://10.0.0.5:9000/`;
- a host, `hooks.example.org`, or all hosts below one, `*.example.org`: by https, on the usual port;
- a network or an address that is not public but may be connected to: `10.20.0.0/16`, `127.0.0.1`.

A name is looked up when a message is sent, all that it leads to must be allowed, and the connection goes
to one of the addresses that were looked at. So a name whose answer changes in between leads nowhere else.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import cast
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Conflict, Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """A webhook's address, taken apart; `allowed` by some entry."""

    url: str
    parts: SplitResult

    @property
    def host(self) -> str:
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        return self.parts.port or PORTS[self.parts.scheme]

    def addresses(self) -> list[Address]:
        """What its name leads to now. Refused if any of that may not be connected to; OSError if nothing."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(info[4][0]) for info in found]
        for address in addresses:
            if not may_connect(address):
                raise Conflict(
                    _("%(host)s leads to %(address)s, which the operator has not named.")
                    % {"host": self.host, "address": address}
                )
        return addresses


def target(url: str) -> Target:
    """The address, if the operator allows it; what it leads to is seen when it is connected to."""
    if not settings.WEBHOOK_TARGETS:
        raise Invalid(
            _("Webhooks are switched off here. The operator can name targets (WEBHOOK_TARGETS)."),
            "url",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid(_("This is no address."), "url") from None
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise Invalid(
            _("Use a whole address, such as https://hooks.example.org/pairwright."), "url"
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Invalid(_("An address with a name, a password or a # cannot be used."), "url")
    if not url.isascii() or any(character <= " " or character in "\\\x7f" for character in url):
        raise Invalid(
            _("Write the address without spaces, and other letters than a to z encoded."), "url"
        )
    if not any(_allows(entry, parts) for entry in settings.WEBHOOK_TARGETS):
        raise Invalid(_("The operator does not allow this target (WEBHOOK_TARGETS)."), "url")
    return Target(url, parts)


def may_connect(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_global and not address.is_multicast:
        return True
    named = [_network(entry) for entry in settings.WEBHOOK_TARGETS]
    return any(address in network for network in named if network)


def usable(entry: str) -> bool:
    """Whether an entry of WEBHOOK_TARGETS is one of the three kinds."""
    if "://" in entry:
        try:
            parts = urlsplit(entry)
            return parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return False
    if _network(entry):
        return True
    host = entry.removeprefix("*.")
    return bool(host) and not set(host) & set("*/:@ ")


def _allows(entry: str, parts: SplitResult) -> bool:
    host = cast(str, parts.hostname)
    if "://" not in entry:
        if parts.scheme != "https" or parts.port not in (None, 443) or _network(entry):
            return False
        entry = entry.lower()
        return host.endswith(entry[1:]) if entry.startswith("*.") else host == entry
    allowed = urlsplit(entry)
    same = (allowed.scheme, allowed.hostname) == (parts.scheme, host)
    ports = [part.port or PORTS[part.scheme] for part in (allowed, parts)]
    path = parts.path or "/"
    # A path that climbs could leave what is allowed, if the receiver resolves it.
    climbs = "/.." in path or "%2e" in path.lower()
    within = path == allowed.path or path.startswith(allowed.path.rstrip("/") + "/")
    return same and ports[0] == ports[1] and within and not climbs


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network that an entry names, be it as the host of an address."""
    if "://" in entry:
        entry = urlsplit(entry).hostname or ""
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
