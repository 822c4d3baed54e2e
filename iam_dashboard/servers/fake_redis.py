"""A Redis in memory for machines without any server binary: ``python -m iam_dashboard.servers.fake_redis PORT``.

It forgets everything at its end and does not ask for the password, so it serves the demo on loopback and nothing else.
"""

import sys

from fakeredis import TcpFakeServer

from iam_dashboard.servers.ports import LOOPBACK


def serve(port: int) -> None:
    """Serve on loopback until the process is ended."""
    with TcpFakeServer((LOOPBACK, port), server_type="redis", server_version=(7,)) as server:
        server.daemon_threads = True
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
