"""Where people work: clients, the seven things of a client's workspace, and who is assigned to which client."""

from clients.models.client import Client, ClientGrant, ClientWord
from clients.models.workspace import (
    WORKSPACE_MODELS,
    Campaign,
    Connection,
    Contact,
    Document,
    Invoice,
    Note,
    Task,
    WorkspaceItem,
    document_path,
)

__all__ = [
    "WORKSPACE_MODELS",
    "Campaign",
    "Client",
    "ClientGrant",
    "ClientWord",
    "Connection",
    "Contact",
    "Document",
    "Invoice",
    "Note",
    "Task",
    "WorkspaceItem",
    "document_path",
]
