"""The verbs on organizations, people, invitations and tokens. Each checks the actor, changes the data, is recorded."""

from accounts.actions.invitations import Invite, ResendInvitation, RevokeInvitation
from accounts.actions.joining import AcceptInvitation, InvitationClosed, Offer, open_offer
from accounts.actions.tokens import CreateServiceAccount, IssueToken, RevokeToken

__all__ = [
    "AcceptInvitation",
    "CreateServiceAccount",
    "InvitationClosed",
    "Invite",
    "IssueToken",
    "Offer",
    "ResendInvitation",
    "RevokeInvitation",
    "RevokeToken",
    "open_offer",
]
