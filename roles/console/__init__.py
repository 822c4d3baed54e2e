"""The platform console's pages of roles, of the catalogue, and of who has which role (ADM-2, ADM-3).

A module for each kind of page. They render: what may be done, and what it would change, roles.access, roles.actions and
roles.review say.
"""

from roles.console.catalogue import PermissionAdmin
from roles.console.chips import role_chip
from roles.console.memberships import MembershipAdmin
from roles.console.roles import RoleAdmin

__all__ = ["MembershipAdmin", "PermissionAdmin", "RoleAdmin", "role_chip"]
