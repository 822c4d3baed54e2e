"""The REST face of clients and their workspaces: /api/orgs/<slug>/clients/, contacts/, campaigns/, …"""

from clients.api.urls import org_patterns

__all__ = ["org_patterns"]
