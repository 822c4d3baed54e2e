"""The parts of the forms of roles, for the console and for the pages of organizations alike."""

from roles.forms.appearance import ColorField, IconField
from roles.forms.details import RoleDetailsForm
from roles.forms.permissions import MatrixField, MatrixWidget, PermissionsForm

__all__ = ["ColorField", "IconField", "MatrixField", "MatrixWidget", "PermissionsForm", "RoleDetailsForm"]
