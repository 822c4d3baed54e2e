"""What people may do: the catalogue, roles with inheritance, memberships, applications, and the versions that caches go
by."""

from roles.models.application import ActionReach, Application, ApplicationAction, ResourceGrant
from roles.models.history import PermissionUse, RoleEvent, RoleEventKind, RoleEventQuerySet, RoleUse
from roles.models.membership import Membership, MembershipQuerySet
from roles.models.policy import PolicyChange, PolicyVersion
from roles.models.role import REACHES, SCOPES, Permission, Role, RolePermission, RoleQuerySet

__all__ = [
    "REACHES",
    "SCOPES",
    "ActionReach",
    "Application",
    "ApplicationAction",
    "Membership",
    "MembershipQuerySet",
    "Permission",
    "PermissionUse",
    "PolicyChange",
    "PolicyVersion",
    "ResourceGrant",
    "Role",
    "RoleEvent",
    "RoleEventKind",
    "RoleEventQuerySet",
    "RolePermission",
    "RoleQuerySet",
    "RoleUse",
]
