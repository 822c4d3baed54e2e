"""The one engine behind every question of access (PDP-1).

`decide` asks it about the actor of a request. A `Snapshot` holds all that decisions of one place depend on, and answers
for anybody in it; `snapshots` keeps them, each exactly as new as the version that a request has read.
"""

from roles.engine.deciding import allows, decide

__all__ = ["allows", "decide"]
