"""Signing in: allauth's backend, which here authenticates and grants nothing."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend


class SignInBackend(AuthenticationBackend):  # type: ignore[misc]
    """Authenticate by e-mail and password. Permissions come from roles.backends alone."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Refuse banned people, and service accounts, which work through tokens."""
        return super().user_can_authenticate(user) and not user.is_service

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return False

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return False

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()
