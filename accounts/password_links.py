"""The link by which a person sets a password, and the message that carries it. Nobody else ever sees the link."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.links import org_address
from accounts.models import Organization, User


def password_link(user: User) -> str:
    """Return the address that sets a new password once, within settings.PASSWORD_RESET_TIMEOUT seconds.

    It is built from what the installation knows, never from the Host header of a request.
    """
    path = reverse(
        "account_reset_password_from_key",
        urlconf="iam_dashboard.urls",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)},
    )
    return settings.BASE_URL + path


def password_message(user: User, organization: Organization | None = None) -> EmailMessage:
    """Return the message with the link: to a first owner of an organization, or to someone who needs a new password."""
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    return _message("set_password", user, organization=organization, url=password_link(user), days=days)


def owner_message(user: User, organization: Organization) -> EmailMessage:
    """Return the message that tells a person with an account that they own a new organization."""
    return _message("owner", user, organization=organization, url=org_address(organization.slug, None, "home"))


def _message(template: str, user: User, **context: Any) -> EmailMessage:
    context["user"] = user
    message = EmailMultiAlternatives(
        subject=" ".join(render_to_string(f"email/{template}.subject.txt", context).split()),
        body=render_to_string(f"email/{template}.txt", context),
        to=[user.email],
    )
    message.attach_alternative(render_to_string(f"email/{template}.html", context), "text/html")
    return message
