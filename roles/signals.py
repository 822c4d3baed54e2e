"""What other rooms are told of a role before it happens, inside its transaction."""

from django.dispatch import Signal

#: A role is about to be deleted. Sent with `actor`, `role` and `replacement` (a role, or None). A receiver that refers
#: to roles puts the replacement in its place, or raises ActionRefused when it cannot do without one.
role_leaving = Signal()
