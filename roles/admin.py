"""Where Django looks for the console's pages of this room."""

from roles.console import MembershipAdmin, PermissionAdmin, RoleAdmin, role_chip

__all__ = ["MembershipAdmin", "PermissionAdmin", "RoleAdmin", "role_chip"]
