"""The verbs on clients, and finding them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import AccessRecord, ModelChange
from clients.access import client_policy
from clients.actions import CreateClient, DeleteClient, UpdateClient
from clients.filters import ClientFilter
from clients.models import Client, ClientGrant, Contact
from clients.search import MOST_WORDS, matching, words
from roles.actors import RoleActor, resolve
from tenancy.context import acting
from tenancy.errors import AccessDenied, StaleVersion
from tests.factories import (
    ClientFactory,
    InvoiceFactory,
    MembershipFactory,
    NoteFactory,
    RoleFactory,
    UserFactory,
    assign,
    inside,
)
from tests.world import Agency


@pytest.mark.requirement("CLI-1")
def test_a_manager_creates_changes_and_deletes_a_client(agency: Agency) -> None:
    manager = agency.actor("manager")
    with acting(manager):
        made = CreateClient(manager, {"name": "  Fennel   Foods ", "city": "Ghent"}).execute()
        changed = UpdateClient(manager, made.pk, {"city": "Bruges"}, version=1).execute()
        assert (changed.name, changed.city, changed.version) == ("Fennel Foods", "Bruges", 2)
        DeleteClient(manager, made.pk, version=2).execute()
        assert not Client.objects.filter(pk=made.pk).exists()


@pytest.mark.requirement("CLI-1")
def test_a_viewer_may_not_create_a_client(agency: Agency) -> None:
    viewer = agency.actor("viewer")
    with pytest.raises(AccessDenied), acting(viewer):
        CreateClient(viewer, {"name": "Fennel Foods"}).execute()


@pytest.mark.requirement("CLI-2")
def test_someone_with_assigned_reach_is_assigned_to_the_client_they_create(agency: Agency) -> None:
    member = agency.actor("member")
    with acting(member):
        made = CreateClient(member, {"name": "Fennel Foods"}).execute()
        assert UpdateClient(member, made.pk, {"city": "Bruges"}).execute().version == 2


@pytest.mark.requirement("AUD-2")
def test_every_change_leaves_its_record_and_its_history(agency: Agency) -> None:
    manager = agency.actor("manager")
    with acting(manager):
        made = CreateClient(manager, {"name": "Fennel Foods"}).execute()
        pk = str(made.pk)
        UpdateClient(manager, pk, {"city": "Bruges"}).execute()
        DeleteClient(manager, pk).execute()
    with inside(agency.organization):
        told = AccessRecord.objects.filter(resource_id=pk).order_by("id").values_list("action", "operation")
        assert list(told) == [
            ("clients:write", "create_client"),
            ("clients:write", "update_client"),
            ("clients:delete", "delete_client"),
        ]
        history = ModelChange.objects.filter(object_pk=pk).order_by("id").values_list("action", "actor_id")
        assert list(history) == [(action, agency.manager.pk) for action in (0, 1, 2)]


@pytest.mark.requirement("API-1")
def test_a_stale_edit_overwrites_nothing_and_carries_what_is_stored(agency: Agency) -> None:
    manager, client = agency.actor("manager"), agency.clients[0]
    with acting(manager):
        UpdateClient(manager, client.pk, {"city": "Bruges"}, version=1).execute()
        with pytest.raises(StaleVersion) as stale:
            UpdateClient(manager, client.pk, {"city": "Ghent"}, version=1).execute()
        assert (stale.value.stored.city, stale.value.stored.version) == ("Bruges", 2)
        with pytest.raises(StaleVersion):
            DeleteClient(manager, client.pk, version=1).execute()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \u200d "}, "name"),
        ({"name": "Fennel \u202eFoods"}, "name"),
        ({"name": "Fennel\x00Foods"}, "name"),
        ({"name": "Fennel\ud800"}, "name"),
        ({"name": "F" * 201}, "name"),
        ({"name": "Fennel", "description": "\x07"}, "description"),
        ({"name": "Fennel", "status": "gone"}, "status"),
        ({"name": "Fennel", "email": "fennel"}, "email"),
        ({"name": "Fennel", "annual_revenue": -1}, "annual_revenue"),
    ],
)
@pytest.mark.requirement("API-2")
def test_unfit_values_are_refused_by_field(agency: Agency, values: dict[str, Any], field: str) -> None:
    manager = agency.actor("manager")
    with acting(manager):
        with pytest.raises(ValidationError) as refused:
            CreateClient(manager, values).execute()
        assert set(refused.value.message_dict) == {field}
        assert Client.objects.count() == 3


def test_a_face_cannot_set_a_field_that_nobody_fills_in(agency: Agency, other_agency: Agency) -> None:
    manager = agency.actor("manager")
    with acting(manager), pytest.raises(ValueError, match="organization"):
        UpdateClient(manager, agency.clients[0].pk, {"organization": other_agency.organization.pk}).execute()


@pytest.mark.requirement("CLI-1")
def test_deleting_a_client_takes_its_workspace_and_assignments_along(agency: Agency) -> None:
    client = agency.clients[0]
    NoteFactory(client=client)
    manager = agency.actor("manager")
    with acting(manager):
        DeleteClient(manager, client.pk).execute()
        assert not client.notes.exists()
        assert not ClientGrant.objects.filter(content_object_id=client.pk).exists()
        assert matching(Client.objects.all(), client.name).count() == 0


@pytest.mark.requirement("CLI-2")
def test_deleting_a_client_needs_the_permission_for_every_kind_found_there(agency: Agency) -> None:
    role = RoleFactory(
        organization=agency.organization, reach="assigned", keys=("clients:read", "clients:delete", "notes:delete")
    )
    person = UserFactory()
    MembershipFactory(user=person, organization=agency.organization, role=role)
    noted, invoiced = agency.clients[1:]
    NoteFactory(client=noted)
    InvoiceFactory(client=invoiced)
    assign(person, noted)
    assign(agency.viewer, noted)
    assign(person, invoiced)
    actor = resolve(person.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    with acting(actor):
        DeleteClient(actor, noted.pk).execute()
    with pytest.raises(AccessDenied, match="invoices:delete"), acting(actor):
        DeleteClient(actor, invoiced.pk).execute()
    with inside(agency.organization):
        assert set(Client.objects.filter(pk__in=[noted.pk, invoiced.pk])) == {invoiced}
        assert not ClientGrant.objects.filter(content_object_id=noted.pk).exists()


@pytest.mark.requirement("CLI-1")
@pytest.mark.parametrize(
    "text", ["müll", "MULLER", "Müller muenster", "söhne", "www.muller", "CRM-77", "mull 77", "sohne"]
)
def test_a_client_is_found_by_the_beginnings_of_its_words(agency: Agency, text: str) -> None:
    found = ClientFactory(
        organization=agency.organization,
        name="Müller & Söhne",
        city="Muenster",
        website="https://www.muller.example",
        external_id="CRM-77",
    )
    with acting(agency.actor("owner")):
        assert list(matching(Client.objects.all(), text)) == [found]


@pytest.mark.parametrize("text", ["uller", "Muller Utrecht", "---", "%", "\0", "\ud800", "o'brien; --"])
def test_other_words_find_nothing_and_break_nothing(agency: Agency, text: str) -> None:
    ClientFactory(organization=agency.organization, name="Müller & Söhne", city="Muenster")
    with acting(agency.actor("owner")):
        assert not matching(Client.objects.all(), text).exists()


@given(text=st.text(st.characters(max_codepoint=127, exclude_characters="\0"), max_size=100))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.requirement("CLI-1")
def test_plain_words_are_cut_as_the_database_cuts_them(db: None, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM iam_words(%s) AS word", (text,))
        kept = {word for (word,) in cursor.fetchall()}
    found = set(words(text))
    assert found <= kept
    assert len(found) == min(len(kept), MOST_WORDS)


@pytest.mark.requirement("CLI-3")
def test_search_finds_nothing_out_of_reach(agency: Agency, other_agency: Agency) -> None:
    member = agency.actor("member")
    with acting(member):
        assert list(matching(client_policy.visible(member), "client")) == [agency.clients[0]]
        assert not matching(client_policy.visible(member), "Quaymark").exists()


def filtered(actor: RoleActor, **query: str) -> list[Client]:
    request = type("Request", (), {"actor": actor})()
    with acting(actor):
        found = ClientFilter(query, queryset=client_policy.visible(actor), request=request)
        assert found.is_valid(), found.errors
        return list(found.qs)


@pytest.mark.requirement("CLI-4")
def test_unassigned_clients_and_a_persons_clients_are_found(agency: Agency) -> None:
    owner, first = agency.actor("owner"), agency.clients[0]
    assert filtered(owner, assigned_to=str(agency.member.pk)) == [first]
    assert set(filtered(owner, unassigned="true")) == set(agency.clients[1:])
    assert filtered(owner, unassigned="false") == [first]


@pytest.mark.requirement("CLI-3")
def test_who_may_not_see_assignments_learns_nothing_from_the_filters(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, keys=("clients:read",))
    person = UserFactory()
    MembershipFactory(user=person, organization=agency.organization, role=role)
    actor = resolve(person.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    assert len(filtered(actor)) == 3
    assert filtered(actor, assigned_to=str(agency.member.pk)) == []
    assert filtered(actor, unassigned="true") == []
    assert filtered(actor, unassigned="false") == []


def test_names_order_both_ways(agency: Agency) -> None:
    owner = agency.actor("owner")
    assert filtered(owner, ordering="-name") == list(reversed(agency.clients))
    assert filtered(owner, ordering="name") == agency.clients


def test_contacts_of_a_client_are_deleted_with_history(agency: Agency) -> None:
    manager = agency.actor("manager")
    with acting(manager):
        contact = Contact.objects.create(client=agency.clients[0], organization=agency.organization, first_name="Ada")
        pk = str(contact.pk)
        DeleteClient(manager, agency.clients[0].pk).execute()
        assert ModelChange.objects.filter(object_pk=pk, action=ModelChange.Action.DELETE).count() == 1
