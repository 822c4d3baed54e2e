"""The order in which the demo world is written, each part in one transaction: it is there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import Branding, Organization, User
from audit.recording import record_allowed
from iam_dashboard.demo.generators import records
from iam_dashboard.demo.seeding.access import list_access
from iam_dashboard.demo.seeding.agency import fill_agency
from iam_dashboard.demo.seeding.errors import SeedingError
from iam_dashboard.demo.seeding.history import date_back
from iam_dashboard.demo.seeding.people_file import DemoPerson, KeptAccess, new_password
from iam_dashboard.demo.seeding.roles import add_agency_roles, add_platform_roles
from roles.models import Membership, Role
from tenancy.actors import SystemActor
from tenancy.context import Origin, acting

PURPOSE = "seed demo"
ORIGIN = Origin("command", "seed_demo")
SUSPENSION_REASON = "The trial period has ended."
ACCENTS = ("#1F7A5C", "#7A3E9D", "#B4441E")
FOUNDED, JOINED, SETTLED = timedelta(days=900), timedelta(days=750), timedelta(days=60)


def seed(
    world: records.World, kept: KeptAccess, say: Callable[[str], None], password: str | None = None
) -> tuple[DemoPerson, ...]:
    """Write what is not there yet of the world, and return one person of each role and organization with their access.

    The password is the one given, else the kept one, else a new one. What is there already stays as people left it;
    only their access is renewed where the kept one no longer opens it. `say` receives a line for each step.
    Raises SeedingError when the built-in roles are missing or the address of a person to be added is taken.
    """
    password = password or kept.password or new_password()
    # Hashed once for all: the demo's people share one password, so a salt each would hide nothing and take minutes.
    # People who choose their own go through User.set_password.
    encoded = make_password(password)
    _seed_platform(world.platform_people, encoded, say)
    for place, agency in enumerate(world.organizations):
        _seed_organization(agency, ACCENTS[place % len(ACCENTS)], encoded, say)
    with acting(SystemActor(PURPOSE), ORIGIN):
        people = list_access(world, kept, password, encoded)
    say(f"Access of {len(people)} people")
    return people


def _seed_platform(staff: Sequence[records.PlatformPerson], encoded: str, say: Callable[[str], None]) -> None:
    with acting(SystemActor(PURPOSE), ORIGIN):
        if User.objects.filter(email__in=[person.email for person in staff]).exists():
            say("Platform: found, left as it is")
            return
        _add_people(None, staff, encoded)
        add_platform_roles(PURPOSE)
        record_allowed("admins:create", people=len(staff))
    say(f"Platform: {len(staff)} people")


def _seed_organization(agency: records.Organization, accent: str, encoded: str, say: Callable[[str], None]) -> None:
    with acting(SystemActor(PURPOSE), ORIGIN):
        if Organization.objects.filter(slug=agency.slug).exists():
            say(f"{agency.name}: found, left as it is")
            return
        organization = _add_organization(agency, accent)
        memberships = _add_people(organization, agency.people, encoded)
        record_allowed("organizations:create", organization)
        with acting(SystemActor(PURPOSE, organization.pk)):
            fill_agency(agency, organization.pk, memberships)
            add_agency_roles(PURPOSE, organization.pk, memberships)
    say(f"{agency.name}: {len(agency.people)} people, {len(agency.clients)} clients")


def _add_organization(agency: records.Organization, accent: str) -> Organization:
    organization = Organization(slug=agency.slug, name=agency.name)
    if agency.suspended:
        organization.status = Organization.Status.SUSPENDED
        organization.suspended_at = timezone.now()
        organization.suspension_reason = SUSPENSION_REASON
    Organization.objects.bulk_create([organization])
    Branding.objects.bulk_create(
        [Branding(organization=organization, accent=accent, sign_in_text=f"Welcome to {agency.name}.")]
    )
    date_back(Organization.objects.filter(pk=organization.pk), FOUNDED, JOINED)
    return organization


def _add_people(
    organization: Organization | None, people: Sequence[records.Person | records.PlatformPerson], encoded: str
) -> list[Membership]:
    """Add the people with a verified e-mail address, and return their memberships in the same order."""
    roles = _built_in_roles()
    taken = User.objects.filter(email__in=[person.email for person in people]).values_list("email", flat=True)
    if taken:
        raise SeedingError(f"{', '.join(taken)}: the address belongs to somebody already. Use another database.")
    users = [
        User(
            email=person.email,
            name=f"{person.first_name} {person.last_name}",
            password=encoded,
            last_login=person.last_sign_in,
        )
        for person in people
    ]
    User.objects.bulk_create(users)
    EmailAddress.objects.bulk_create(
        [EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users]
    )
    memberships = [
        Membership(user=user, organization=organization, role_id=roles[person.role.value])
        for user, person in zip(users, people, strict=True)
    ]
    Membership.objects.bulk_create(memberships)
    date_back(Membership.objects.filter(pk__in=[membership.pk for membership in memberships]), JOINED, SETTLED)
    return memberships


def _built_in_roles() -> Mapping[str, UUID]:
    roles = dict(Role.objects.built_in().values_list("name", "pk"))
    wanted = {role.value for role in (*records.PlatformRole, *records.TenantRole)}
    if missing := sorted(wanted - roles.keys()):
        raise SeedingError(f"The built-in roles are missing ({', '.join(missing)}): run manage.py sync_roles --apply.")
    return roles
