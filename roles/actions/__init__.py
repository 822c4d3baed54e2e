"""The verbs on roles and memberships. Each checks the actor, changes the data, and leaves its record."""

from roles.actions.assign import AssignMany, AssignRole, RemoveMembership, UnassignMany
from roles.actions.create import CloneRole, CreateRole
from roles.actions.delete import DeleteRole
from roles.actions.sync import SyncPlan, apply_sync, plan_sync
from roles.actions.update import RestoreRole, UpdateRole, activate, deactivate, reparent

__all__ = [
    "AssignMany",
    "AssignRole",
    "CloneRole",
    "CreateRole",
    "DeleteRole",
    "RemoveMembership",
    "RestoreRole",
    "SyncPlan",
    "UnassignMany",
    "UpdateRole",
    "activate",
    "apply_sync",
    "deactivate",
    "plan_sync",
    "reparent",
]
