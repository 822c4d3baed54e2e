"""The messages of this room. A secret link is in the message only, never in a queue or a log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.db import transaction
from django.template.loader import render_to_string

from accounts.directory import organization_by_slug
from accounts.links import org_address
from accounts.models import CustomDomain, Invitation

logger = logging.getLogger(__name__)


def invitation_message(invitation: Invitation, token: str) -> EmailMessage:
    """Return the message that carries the invitation's link, on the organization's own domain if it has one.

    The address is built from what the installation knows, never from the Host header of a request.
    """
    organization = invitation.organization
    domain = CustomDomain.objects.filter(organization=organization, verified_at__isnull=False).order_by("host").first()
    context = {
        "organization": organization,
        "branding": organization_by_slug(organization.slug),
        "inviter": invitation.invited_by,
        "role": invitation.role,
        "expires_at": invitation.expires_at,
        "url": org_address(organization.slug, domain.host if domain else None, "join", token),
    }
    message = EmailMultiAlternatives(
        subject=" ".join(render_to_string("email/invitation.subject.txt", context).split()),
        body=render_to_string("email/invitation.txt", context),
        to=[invitation.email],
    )
    message.attach_alternative(render_to_string("email/invitation.html", context), "text/html")
    return message


def send_after_commit(messages: Sequence[EmailMessage]) -> None:
    """Send the messages over one connection once the current transaction has committed; if it does not, send none.

    A mail server that is away is logged: the invitations stand and can be resent.
    """
    transaction.on_commit(lambda: _send(messages))


def _send(messages: Sequence[EmailMessage]) -> None:
    try:
        get_connection().send_messages(list(messages))
    except OSError:  # smtplib's errors are of this kind
        logger.exception("The mail server refused %d message(s) or could not be reached.", len(messages))
