"""The verbs on roles and memberships. Each checks the actor, changes the data, and leaves its record."""

from roles.actions.applications import DeleteApplication, RegisterApplication, UpdateApplication
from roles.actions.assign import AssignMany, AssignRole, RemoveMembership, UnassignMany
from roles.actions.create import CloneRole, CreateRole
from roles.actions.delete import DeleteRole
from roles.actions.resources import GrantResources, RevokeResources
from roles.actions.sync import SyncPlan, apply_sync, plan_sync
from roles.actions.update import RestoreRole, UpdateRole, activate, deactivate, reparent

__all__ = [
    "AssignMany",
    "AssignRole",
    "CloneRole",
    "CreateRole",
    "DeleteApplication",
    "DeleteRole",
    "GrantResources",
    "RegisterApplication",
    "RemoveMembership",
    "RestoreRole",
    "RevokeResources",
    "SyncPlan",
    "UnassignMany",
    "UpdateApplication",
    "UpdateRole",
    "activate",
    "apply_sync",
    "deactivate",
    "plan_sync",
    "reparent",
]
