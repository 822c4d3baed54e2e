"""How allauth behaves here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts come from invitations and from platform staff; nobody signs up by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Whether `url` stays on the host that the request came to."""
        return url_has_allowed_host_and_scheme(url, {self.request.get_host()}, require_https=self.request.is_secure())

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the address that sets a new password: the installation's, whatever host the request came to."""
        return _of_the_installation(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """Return the address that confirms an e-mail address: the installation's, like the one above."""
        return _of_the_installation(super().get_email_confirmation_url(request, emailconfirmation))

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> Any:
        if user.is_service:
            return self.respond_user_inactive(request, user)
        return super().pre_login(request, user, **kwargs)

    def send_password_reset_mail(self, user: Any, email: str, context: dict[str, Any]) -> None:
        """Send the link, except for a service account, which has no password; the page answers alike."""
        if not user.is_service:
            super().send_password_reset_mail(user, email, context)


def _of_the_installation(url: str) -> str:
    """Return the address on the installation's own host.

    Whoever owns a verified domain could otherwise ask there for someone else's reset, and have the link led to them.
    """
    return str(settings.BASE_URL) + urlsplit(url).path
