"""The first person of an installation, who can then let in everyone else."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.models import EmailAddress

from accounts.models import User
from audit.recording import record_allowed
from roles.actions.assign import bring_in
from roles.models import Membership, Role
from tenancy.actors import SystemActor
from tenancy.errors import ActionRefused

INSTALLER = SystemActor("first super admin", permissions=frozenset({"admins:create"}))


@dataclass(frozen=True)
class CreateFirstSuperAdmin:
    """Give an e-mail address the role of super admin, once: where there is one already, they let in the next."""

    email: str
    name: str

    def check(self) -> None:
        """Raise ActionRefused when the installation has a super admin."""
        held = Membership.objects.filter(role__name="super-admin", role__is_system=True, user__is_active=True)
        if held.exists():
            raise ActionRefused("There is a super admin already. They give others the role in the console.")

    def execute(self) -> User:
        """Return the new user, who has no password yet. Raises ValidationError for an unusable address."""
        role = Role.objects.built_in().select_for_update().get(name="super-admin")
        self.check()
        user = User(email=User.objects.normalize_email(self.email), name=self.name)
        user.set_unusable_password()
        user.full_clean()
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        [membership] = bring_in([user], role, None, None)
        record_allowed("admins:create", membership, operation="create_first_super_admin")
        return user
