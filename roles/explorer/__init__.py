"""The access explorer: who can do this, what can this person do, may they and why (PDP-2, PDP-4).

Every answer holds back what whoever asks may not know (threat 12). People and organizations are those that the policies
show them, and one out of their sight is answered like one that is not there. Platform staff see no clients
(docs/decisions/0008): how far a permission reaches is told them by a number. Of what is in an organization's
applications they may name one by its id, which they have from elsewhere, and are told none.
"""

from roles.explorer.answers import (
    Category,
    Extent,
    Grant,
    Holder,
    Holders,
    Link,
    Place,
    Step,
    Subject,
    Target,
    Verdict,
)
from roles.explorer.finding import find_places, suggested_places
from roles.explorer.questions import EXPORT, KEYS, VIEW_AS, Explorer

__all__ = [
    "EXPORT",
    "KEYS",
    "VIEW_AS",
    "Category",
    "Explorer",
    "Extent",
    "Grant",
    "Holder",
    "Holders",
    "Link",
    "Place",
    "Step",
    "Subject",
    "Target",
    "Verdict",
    "find_places",
    "suggested_places",
]
