"""What every page of the platform console has in common: the roles decide, and changes go through actions."""

from tenancy.console.filters import GuardedFilter
from tenancy.console.pages import GuardedAdmin, GuardedInline
from tenancy.console.paging import CappedList, CappedPaginator
from tenancy.console.routes import ConsoleRoute
from tenancy.console.standalone import ConsolePages
from tenancy.console.verbs import ConsoleVerb

__all__ = [
    "CappedList",
    "CappedPaginator",
    "ConsolePages",
    "ConsoleRoute",
    "ConsoleVerb",
    "GuardedAdmin",
    "GuardedFilter",
    "GuardedInline",
]
