"""Clients: the list with its search and filters, and the client's page, to each role what it may see."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clients.models import Client
from tests.factories import ClientFactory, assign, inside
from tests.pages.reading import field, links_of, text_of
from tests.world import Agency

ROLES = ("owner", "admin", "manager", "member", "viewer")


def stored(agency: Agency, **conditions: Any) -> Client | None:
    with inside(agency.organization):
        return Client.objects.filter(**conditions).first()


@pytest.mark.requirement("CLI-3")
@pytest.mark.parametrize(("role", "seen"), [("owner", 3), ("admin", 3), ("manager", 3), ("member", 1), ("viewer", 1)])
def test_the_list_shows_and_counts_the_clients_in_reach(agency: Agency, browse: Any, role: str, seen: int) -> None:
    page = browse(agency.people[role]).get(f"/o/{agency.slug}/clients/")

    assert page.context["page"].paginator.count == seen
    assert f"of {seen} clients" in text_of(page)
    assert ("Larkmoor client 2" in text_of(page)) is (seen == 3)


@pytest.mark.requirement("CLI-3")
def test_search_finds_words_within_reach_only(agency: Agency, browse: Any) -> None:
    ClientFactory(organization=agency.organization, name="Bramblewick Bakery")
    search = f"/o/{agency.slug}/clients/?q=brambl"

    assert "Bramblewick Bakery" in text_of(browse(agency.owner).get(search))
    hidden = browse(agency.member).get(search)
    assert "Bramblewick" not in text_of(hidden)
    assert "No client fits" in text_of(hidden)


@pytest.mark.requirement("CLI-3")
def test_the_choices_of_a_filter_tell_of_clients_in_reach_only(agency: Agency, browse: Any) -> None:
    ClientFactory(organization=agency.organization, industry="Falconry")

    assert "Falconry" in text_of(browse(agency.owner).get(f"/o/{agency.slug}/clients/"))
    assert "Falconry" not in text_of(browse(agency.member).get(f"/o/{agency.slug}/clients/"))


@pytest.mark.requirement("CLI-1")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=paused", ["Slow Mill"]),
        ("industry=Milling", ["Slow Mill"]),
        ("country=Norway", ["Slow Mill"]),
        ("unassigned=true", ["Larkmoor client 2", "Larkmoor client 3", "Slow Mill"]),
        ("unassigned=false", ["Larkmoor client 1"]),
        ("assigned_to=nobody", ["Larkmoor client 2", "Larkmoor client 3", "Slow Mill"]),
        ("ordering=-name", ["Slow Mill", "Larkmoor client 3", "Larkmoor client 2", "Larkmoor client 1"]),
    ],
)
def test_filters_narrow_the_list(agency: Agency, browse: Any, query: str, found: list[str]) -> None:
    ClientFactory(
        organization=agency.organization, name="Slow Mill", status="paused", industry="Milling", country="Norway"
    )

    page = browse(agency.owner).get(f"/o/{agency.slug}/clients/?{query}")

    assert [row["client"].name for row in page.context["rows"]] == found


@pytest.mark.requirement("CLI-4")
def test_clients_of_one_person_are_found(agency: Agency, browse: Any) -> None:
    page = browse(agency.owner).get(f"/o/{agency.slug}/clients/?assigned_to={agency.member.pk}")

    assert [row["client"].name for row in page.context["rows"]] == ["Larkmoor client 1"]


@pytest.mark.requirement("CLI-4")
def test_who_is_assigned_is_one_choice_with_nobody_beside_the_people(agency: Agency, browse: Any) -> None:
    page = browse(agency.owner).get(f"/o/{agency.slug}/clients/?assigned_to=nobody").content.decode()

    assert 'name="unassigned"' not in page
    assert re.search(r'<option value="nobody" selected>Nobody \(unassigned\)</option>', page)
    assert f'<option value="{agency.member.pk}" >Larkmoor member' in page


@pytest.mark.requirement("CLI-1")
@pytest.mark.parametrize(
    ("website", "linked"),
    [
        ("https://www.mill.example/", "https://www.mill.example/"),
        ("mill.example", "https://mill.example"),
        ("javascript:alert(1)", None),
        ("javascript://mill.example/%0aalert(1)", None),
    ],
)
def test_a_website_is_a_link_when_it_is_a_web_address(
    agency: Agency, browse: Any, website: str, linked: str | None
) -> None:
    mill = ClientFactory(organization=agency.organization, website=website)

    page = browse(agency.owner).get(f"/o/{agency.slug}/clients/{mill.pk}/")

    assert links_of(page).get(website) == linked
    assert website in text_of(page)


@pytest.mark.requirement("CLI-1")
def test_a_region_named_like_its_city_is_told_once(agency: Agency, browse: Any) -> None:
    place = {"city": "Vienna", "region": "Vienna", "country": "Austria"}
    mill = ClientFactory(organization=agency.organization, **place)

    assert text_of(browse(agency.owner).get(f"/o/{agency.slug}/clients/{mill.pk}/")).count("Vienna") == 1


@pytest.mark.requirement("CLI-4")
def test_unassigned_clients_are_marked_for_those_who_assign(agency: Agency, browse: Any) -> None:
    assert text_of(browse(agency.owner).get(f"/o/{agency.slug}/clients/")).count("Unassigned") == 2
    assert "Unassigned" not in text_of(browse(agency.member).get(f"/o/{agency.slug}/clients/"))


@pytest.mark.requirement("CLI-1")
def test_a_long_list_comes_in_pages(agency: Agency, browse: Any) -> None:
    for number in range(30):
        ClientFactory(organization=agency.organization, name=f"Page {number:02}")

    second = browse(agency.owner).get(f"/o/{agency.slug}/clients/?page=2&ordering=name")

    assert "26–33 of 33 clients" in text_of(second)
    assert "Page 29" in text_of(second)


@pytest.mark.requirement("CLI-1")
def test_htmx_gets_the_results_alone_and_their_number(agency: Agency, browse: Any) -> None:
    part = browse(agency.owner).get(f"/o/{agency.slug}/clients/?q=client&status=", headers={"hx-request": "true"})

    assert "<html" not in part.content.decode()
    assert "3 clients found" in text_of(part)
    assert part.headers["HX-Push-Url"] == f"/o/{agency.slug}/clients/?q=client"
    assert "HX-Request" in part.headers["Vary"]


@pytest.mark.requirement("CLI-1")
@pytest.mark.parametrize("query", ["status=nonsense", "page=99999", "ordering=version", "assigned_to=x", "q=%00"])
def test_a_query_that_makes_no_sense_still_answers(agency: Agency, browse: Any, query: str) -> None:
    assert browse(agency.owner).get(f"/o/{agency.slug}/clients/?{query}").status_code == 200


@pytest.mark.requirement("TEN-1")
@pytest.mark.parametrize(
    ("role", "sections"),
    [
        ("owner", ["Home", "Clients", "Imports", "Members", "Assignment"]),
        ("member", ["Home", "Clients", "Imports", "Members"]),
    ],
)
def test_the_navigation_shows_what_the_role_may_use(
    agency: Agency, browse: Any, role: str, sections: list[str]
) -> None:
    page = browse(agency.people[role]).get(f"/o/{agency.slug}/clients/")

    assert [link.label for link in page.context["nav"]] == sections
    assert [link.label for link in page.context["nav"] if link.current] == ["Clients"]


@pytest.mark.requirement("TEN-1")
def test_what_a_person_may_not_use_is_not_shown(agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/clients/{agency.clients[0].pk}/"

    offered = links_of(browse(agency.member).get(address))
    assert "Edit" in offered
    assert "Delete" not in offered
    assert "Edit" not in links_of(browse(agency.viewer).get(address))
    assert "Delete" in links_of(browse(agency.owner).get(address))


@pytest.mark.requirement("CLI-3")
def test_a_client_out_of_reach_is_not_there_on_any_page(agency: Agency, other_agency: Agency, browse: Any) -> None:
    member = browse(agency.member)
    hidden, missing = agency.clients[1].pk, other_agency.clients[0].pk

    assert member.get(f"/o/{agency.slug}/clients/{agency.clients[0].pk}/").status_code == 200
    for page in ("", "edit/", "tasks/", "tasks/new/"):
        answers = [member.get(f"/o/{agency.slug}/clients/{pk}/{page}") for pk in (hidden, missing)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert text_of(answers[0]) == text_of(answers[1])


@pytest.mark.requirement("CLI-1")
def test_a_client_is_created(agency: Agency, browse: Any) -> None:
    answer = browse(agency.owner).post(
        f"/o/{agency.slug}/clients/new/", {"name": "Fernhollow", "status": "lead", "city": "Ghent"}
    )

    made = stored(agency, name="Fernhollow")
    assert made is not None
    assert (made.city, made.created_by_id) == ("Ghent", agency.owner.pk)
    assert answer.url == f"/o/{agency.slug}/clients/{made.pk}/"


@pytest.mark.requirement("CLI-2")
def test_a_member_sees_the_client_they_create(agency: Agency, browse: Any) -> None:
    browser = browse(agency.member)

    answer = browser.post(f"/o/{agency.slug}/clients/new/", {"name": "Fernhollow", "status": "lead"}, follow=True)

    assert answer.status_code == 200
    assert "Fernhollow" in text_of(answer)


@pytest.mark.requirement("CLI-1")
def test_errors_stay_in_the_form_with_what_was_typed(agency: Agency, browse: Any) -> None:
    answer = browse(agency.owner).post(
        f"/o/{agency.slug}/clients/new/", {"name": "", "status": "lead", "email": "not-an-address", "city": "Ghent"}
    )

    assert answer.status_code == 422
    assert field(answer, "city") == "Ghent"
    assert field(answer, "email") == "not-an-address"
    assert "This field is required." in text_of(answer)
    assert stored(agency, city="Ghent") is None


@pytest.mark.requirement("CLI-1")
def test_a_client_is_edited(agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/clients/{agency.clients[0].pk}/edit/"
    browser = browse(agency.member)
    version = field(browser.get(address), "version")

    answer = browser.post(address, {"name": "Renamed", "status": "active", "version": version})

    assert answer.status_code == 302
    assert stored(agency, name="Renamed") is not None


@pytest.mark.requirement("CLI-1")
def test_a_stale_save_overwrites_nothing_and_shows_both_versions(agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/clients/{agency.clients[0].pk}/edit/"
    first, second = browse(agency.owner), browse(agency.admin)
    version = field(first.get(address), "version")
    second.post(address, {"name": "By the admin", "status": "active", "version": version})

    answer = first.post(address, {"name": "By the owner", "status": "active", "version": version})

    assert answer.status_code == 409
    assert "admin@larkmoor.example changed this while you were editing" in text_of(answer)
    assert "By the admin" in text_of(answer)
    assert field(answer, "name") == "By the owner"
    assert stored(agency, name="By the admin") is not None
    again = first.post(address, {"name": "By both", "status": "active", "version": field(answer, "version")})
    assert again.status_code == 302
    assert stored(agency, name="By both") is not None


@pytest.mark.requirement("CLI-2")
def test_a_client_assigned_to_read_is_not_edited(agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/clients/{agency.clients[1].pk}/edit/"
    assign(agency.member, agency.clients[1], "view_client")
    browser = browse(agency.member)

    assert browser.get(f"/o/{agency.slug}/clients/{agency.clients[1].pk}/").status_code == 200
    answer = browser.post(address, {"name": "Taken over", "status": "active"})

    assert answer.status_code == 403
    assert stored(agency, name="Taken over") is None


@pytest.mark.requirement("CLI-1")
def test_a_client_is_deleted_after_a_question(agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/clients/{agency.clients[2].pk}/delete/"
    browser = browse(agency.owner)

    question = browser.get(address)
    assert "Delete “Larkmoor client 3”?" in text_of(question)
    assert stored(agency, pk=agency.clients[2].pk) is not None
    assert browser.post(address).url == f"/o/{agency.slug}/clients/"
    assert stored(agency, pk=agency.clients[2].pk) is None


@pytest.mark.requirement("CLI-1")
def test_a_member_does_not_delete_clients(agency: Agency, browse: Any) -> None:
    assert browse(agency.member).post(f"/o/{agency.slug}/clients/{agency.clients[0].pk}/delete/").status_code == 403
    assert stored(agency, pk=agency.clients[0].pk) is not None


@pytest.mark.requirement("TEN-1")
def test_an_empty_organization_is_shown_its_first_steps(browse: Any, db: None) -> None:
    from tests.world import make_agency

    agency = make_agency("Newborn", clients=0)

    assert "First steps" in text_of(browse(agency.owner).get(f"/o/{agency.slug}/"))
    assert "No clients yet" in text_of(browse(agency.owner).get(f"/o/{agency.slug}/clients/"))
    assert "once someone assigns them to you" in text_of(browse(agency.viewer).get(f"/o/{agency.slug}/"))


@pytest.mark.requirement("CLI-3")
def test_home_counts_what_is_in_reach(agency: Agency, browse: Any) -> None:
    def clients_on_home(role: str) -> int:
        stats = browse(agency.people[role]).get(f"/o/{agency.slug}/").context["stats"]
        return next(stat["value"] for stat in stats if stat["label"] == "Clients")

    assert clients_on_home("owner") == 3
    assert clients_on_home("member") == 1
