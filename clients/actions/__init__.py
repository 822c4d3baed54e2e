"""The verbs on clients, on the things of their workspaces, and on assignments: the only place that changes them."""

from clients.actions.assignment import Access, Assign, AssignmentPreview, Unassign, preview_assignment
from clients.actions.client import CreateClient, DeleteClient, UpdateClient
from clients.actions.items import CreateItem, DeleteItem, UpdateItem

__all__ = [
    "Access",
    "Assign",
    "AssignmentPreview",
    "CreateClient",
    "CreateItem",
    "DeleteClient",
    "DeleteItem",
    "Unassign",
    "UpdateClient",
    "UpdateItem",
    "preview_assignment",
]
