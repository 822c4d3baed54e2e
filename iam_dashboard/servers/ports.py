"""Ports on the loopback interface."""

import socket

LOOPBACK = "127.0.0.1"


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def is_free(port: int) -> bool:
    """Return whether nobody listens on the port, over IPv4 or IPv6, on this machine's loopback interface."""
    if not _can_bind(socket.AF_INET, LOOPBACK, port):
        return False
    has_ipv6 = socket.has_ipv6 and _can_bind(socket.AF_INET6, "::1", 0)
    return not has_ipv6 or _can_bind(socket.AF_INET6, "::1", port)


def find_free_port(preferred: int | None = None) -> int:
    """Return the preferred port when it is free, else one that the operating system chose."""
    if preferred is not None and is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port
