"""Every operation of the API under generated requests: no server error, and no answer that is not described (API-2).

Schemathesis makes the requests from the OpenAPI document: boundary values of every parameter, and a number of random
ones, fitting and unfitting. What the document cannot say is put in here, or hardly a request would get past finding
nothing: ids are those of things that exist, of the right kind, or of none. Each request is undone, so that all of them
meet the same world. FUZZ_EXAMPLES sets the number of random ones of each operation.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from knox.models import AuthToken
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import ApiToken, Invitation
from agents.models import ImportRun
from clients.models import WORKSPACE_MODELS
from roles import catalogue
from roles.actions import CreateRole
from roles.actors import RoleActor, resolve
from roles.models import Application, Membership, RoleEvent
from tenancy.actors import Scope
from tenancy.api.throttling import ReadThrottle, WriteThrottle
from tenancy.context import acting
from tests.factories import MembershipFactory, UserFactory, built_in, inside, on_platform
from tests.world import Agency, furnish, make_agency, make_staff

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
THOROUGH = 50
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MISSING = "0198c0de-dead-7000-8000-000000000000"
#: The answers to requests that are turned away before anything is done.
AT_THE_DOOR = frozenset({400, 401, 403, 404, 405, 406, 413, 415, 428})
#: Operations of which some request has to get as far as the action.
TRIED = re.compile("roles|applications")
#: What a name in a path, a query or a body refers to.
KINDS = {
    "role": "roles",
    "parent": "roles",
    "replacement": "roles",
    "organization": "organizations",
    "user": "people",
    "users": "people",
    "client": "clients",
    "clients": "clients",
    "assignee": "members",
    "event": "events",
}
schemathesis.openapi.format("permission", st.sampled_from([*catalogue.entries(), "no:such"]))
Ids = dict[str, list[str]]
DOCUMENT = SchemaGenerator().get_schema(request=None, public=True)


def described(*, unfit_boundaries: bool) -> Any:
    """Return the API as it is described; with the unfit boundary values of every parameter there are many requests."""
    api = schemathesis.openapi.from_dict(DOCUMENT)
    api.app = get_wsgi_application()
    if not unfit_boundaries:
        api.config.phases.coverage.generation.update(modes=[GenerationMode.POSITIVE])
    return api


# The views of roles serve organizations too; so there their unfit boundary values are left to longer runs.
ROLES = "^/api/admin/(roles|permissions)(/|$)"
ROLES_OF_THE_PLATFORM = described(unfit_boundaries=True).include(path_regex=ROLES)
REST = described(unfit_boundaries=EXAMPLES > THOROUGH).exclude(path_regex=ROLES)
BOUNDED = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@dataclass(frozen=True)
class World:
    """A furnished agency, the ids of what is in it by kind, and the tokens of two who may do everything: a super admin
    on the platform and the owner in the agency. `answers` are the status codes seen, by operation."""

    agency: Agency
    ids: Ids
    super_admin: str
    owner: str
    answers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def ids_for(self, case: schemathesis.Case) -> Ids:
        """Return the ids that mean something to the caller of that request."""
        if not is_platform(case):
            return self.ids
        return self.ids | {kind.removeprefix("platform "): self.ids[kind] for kind in self.ids if " " in kind}


@pytest.fixture(scope="module")
def world(module_db: str) -> Iterator[World]:
    agency, staff = make_agency("Larkmoor"), make_staff("super-admin")
    furnish(agency)
    made = World(
        agency,
        ids_of(agency, staff),
        secret_of(staff, None),
        secret_of(agency.owner, agency.organization),
    )
    with pytest.MonkeyPatch.context() as patch, one_connection():
        for throttle in (ReadThrottle, WriteThrottle):
            patch.setattr(throttle, "THROTTLE_RATES", {"read": None, "write": None})
        yield made
    untried = {label for label, codes in made.answers.items() if TRIED.search(label) and AT_THE_DOOR.issuperset(codes)}
    assert not untried, "No request of these got as far as the action, so that little of them was tried."


@contextmanager
def one_connection() -> Iterator[None]:
    """Let requests leave the connection open, for it is in the transaction that undoes them."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def ids_of(agency: Agency, staff: Any) -> Ids:
    """Return ids of what is there by the name of its kind, custom roles with a history and people among them."""
    person = UserFactory()
    platform, owner = resolve(staff.pk), agency.actor("owner")
    assert isinstance(platform, RoleActor)
    with acting(platform):
        values = {"name": "auditor", "display_name": "Auditor", "permissions": ["audit:read"]}
        auditor = CreateRole(platform, values, Scope.PLATFORM).execute()
        idle = CreateRole(platform, {"name": "idle", "display_name": "Idle"}, Scope.PLATFORM).execute()
    with acting(owner):
        values = {"name": "editor", "display_name": "Editor", "permissions": ["clients:read"]}
        editor = CreateRole(owner, values, people=[agency.viewer.pk, agency.member.pk]).execute()
        spare = CreateRole(owner, {"name": "spare", "display_name": "Spare"}).execute()
    MembershipFactory(user=person, organization=None, role=auditor)
    with inside(agency.organization):
        items = {model._meta.model_name + "s": list(model._default_manager.all()[:2]) for model in WORKSPACE_MODELS}
        found: dict[str, Any] = {
            **items,
            "roles": [editor, spare, built_in("org-admin")],
            "people": [agency.viewer, agency.member],
            "members": list(Membership.objects.filter(user__in=[agency.viewer, agency.member])),
            "clients": agency.clients,
            "organizations": [agency.organization],
            "events": list(RoleEvent.objects.filter(role_id=editor.pk)),
            "invitations": list(Invitation.objects.all()),
            "tokens": list(ApiToken.objects.all()),
            "imports": list(ImportRun.objects.all()),
            "applications": list(Application.objects.all()),
        }
    with on_platform():
        found["platform roles"] = [auditor, idle, *found["roles"]]
        found["platform people"] = [person, *found["people"]]
        found["platform events"] = [*RoleEvent.objects.filter(role_id=auditor.pk), *found["events"]]
        found["platform tokens"] = list(ApiToken.objects.filter(organization=None))
    return {kind: [str(one.pk) for one in things] for kind, things in found.items()}


def secret_of(user: Any, organization: Any) -> str:
    with on_platform():
        credential, secret = AuthToken.objects.create(user=user)
        ApiToken.objects.create(credential=credential, user=user, organization=organization, name="Fuzzing")
    return str(secret)


def is_platform(case: schemathesis.Case) -> bool:
    return bool(case.path.startswith("/api/admin/"))


def is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def with_ids(ids: Ids, value: Any, name: str, salt: str) -> Any:
    """Return the value with every id in it made one of the kind that its name tells of: mostly one that exists."""
    if isinstance(value, dict):
        return {inner: with_ids(ids, one, inner, salt) for inner, one in value.items()}
    if isinstance(value, list):
        return [with_ids(ids, one, name, f"{salt}{place}") for place, one in enumerate(value)]
    # For a reference that may be null the boundary values of Schemathesis are those of any text.
    if is_id(value) or (value == "" and name in KINDS):
        known = ids.get(KINDS.get(name, name), [])
        chosen = crc32(f"{salt}{name}{value}".encode(errors="replace"))
        return known[chosen // 8 % len(known)] if known and chosen % 8 else MISSING
    return value


def fit(case: schemathesis.Case, world: World) -> None:
    """Put ids that exist into the request, and a version that is stored; a platform role has no place and no reach."""
    salt = repr((case.method, case.query, case.body))
    if case.meta is not None and case.meta.phase.name == "coverage":
        # Boundary values are told from each other by one parameter only; each is sent once.
        salt += str(len(world.answers[case.operation.label]))
    ids = world.ids_for(case)
    collection = case.path.split("/{id}")[0].rpartition("/")[2]
    named = {**case.path_parameters, collection: case.path_parameters.get("id")}
    found = with_ids(ids, named, "", salt)
    case.path_parameters.update({name: found[collection if name == "id" else name] for name in case.path_parameters})
    if "organization" in case.path_parameters:
        case.path_parameters["organization"] = world.agency.slug
    case.query.update(with_ids(ids, dict(case.query), "", salt))
    if isinstance(case.body, dict):
        case.body = with_ids(ids, case.body, "", salt)
        if "resource_ids" in case.body and crc32(salt.encode(errors="replace")) % 4:
            case.body["resource_type"] = "invoice"  # what the applications of `furnish` have
        if case.body.get("scope") == "PLATFORM":
            case.body.update({name: None for name in ("reach", "organization", "parent") if name in case.body})
    if str(case.headers.get("If-Match", "")).startswith('"'):
        case.headers["If-Match"] = "*" if crc32(salt.encode(errors="replace")) % 4 else '"1"'


def answer_holds(case: schemathesis.Case, world: World) -> None:
    """Send the request as someone who may do everything there, check its answer, and undo what it did."""
    fit(case, world)
    secret = world.super_admin if is_platform(case) else world.owner
    with transaction.atomic():
        answer = case.call(headers={"Authorization": f"Bearer {secret}"})
        connection.check_constraints()
        transaction.set_rollback(True)
    world.answers[case.operation.label].append(answer.status_code)
    case.validate_response(answer, checks=CHECKS)


@pytest.mark.requirement("API-2")
@ROLES_OF_THE_PLATFORM.parametrize()
@BOUNDED
def test_the_api_of_the_platform_s_roles_answers_as_described(case: schemathesis.Case, world: World) -> None:
    answer_holds(case, world)


@pytest.mark.requirement("API-2")
@REST.parametrize()
@BOUNDED
def test_the_rest_of_the_api_answers_as_described(case: schemathesis.Case, world: World) -> None:
    answer_holds(case, world)
