"""The verbs on roles and memberships. Each checks the actor, changes the data, and leaves its record."""

from roles.actions.assign import AssignRole, RemoveMembership
from roles.actions.sync import SyncPlan, apply_sync, plan_sync

__all__ = ["AssignRole", "RemoveMembership", "SyncPlan", "apply_sync", "plan_sync"]
