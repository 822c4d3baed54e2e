"""PostgreSQL and Redis for machines that have none: binaries of wheels, on loopback, behind a password."""

from iam_dashboard.servers.embedded import EmbeddedServer, ServerError
from iam_dashboard.servers.ports import find_free_port, is_free
from iam_dashboard.servers.postgres import Postgres
from iam_dashboard.servers.redis import Redis

__all__ = ["EmbeddedServer", "Postgres", "Redis", "ServerError", "find_free_port", "is_free"]
