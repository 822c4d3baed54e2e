"""What the house is for, once through: an owner imports the agency's clients from a real file and invites a member,
and that member sees exactly the clients assigned, in pages, API and raw SQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from knox.models import AuthToken
from playwright.sync_api import Browser, expect

from accounts.models import ApiToken, User
from tests.e2e.site import PASSWORD, Site, visiting
from tests.factories import inside, on_platform
from tests.live import LiveServer, live_worker

FILE = Path(__file__).parent.parent / "agents" / "files" / "hubspot-companies.csv"
ASSIGNED = ["Brightwater Mills", "Kestrel Robotics"]


@pytest.mark.requirement("TEN-1")
@pytest.mark.requirement("CLI-5")
@pytest.mark.requirement("AGT-2")
def test_an_agency_imports_its_clients_and_a_member_sees_exactly_those_assigned(
    site: Site, browser: Browser, module_db: str
) -> None:
    with visiting(browser) as owner, visiting(browser) as newcomer:
        owner.signs_in(site, site.agency.owner.email)
        owner.goes_to(site.page("imports/new/"))
        owner.page.locator("input[type=file]").set_input_files(FILE)
        owner.presses("Upload and look over")
        assert owner.sees("HubSpot")
        assert owner.sees("Brightwater Mills")
        owner.presses("Start import")
        with live_worker(module_db, MEDIA_ROOT=str(settings.MEDIA_ROOT)):
            expect(owner.page.locator("main")).to_contain_text("Done", timeout=60_000)
        owner.looks()

        owner.goes_to(site.page("members/invite/"))
        owner.page.get_by_label("E-mail addresses").fill("imani@people.example")
        owner.page.get_by_label("Member", exact=True).check()
        for name in ASSIGNED:
            owner.page.get_by_label(name).check()
        owner.presses("Send invitations")

        newcomer.goes_to(site.link_sent_to("imani@people.example"))
        newcomer.page.get_by_label("Your name").fill("Imani")
        newcomer.page.get_by_label("Password").fill(PASSWORD)
        newcomer.presses("Accept and start")
        newcomer.goes_to(site.page("clients/"))
        assert newcomer.page.locator("tbody th a").all_inner_texts() == ASSIGNED

    assert names_by_api(site, "imani@people.example") == ASSIGNED
    assert names_by_sql(site, "imani@people.example", module_db) == ASSIGNED


def names_by_api(site: Site, address: str) -> list[str]:
    """Return the names that the person's token lists."""
    with on_platform():
        user = User.objects.get(email=address)
    with inside(site.agency.organization):
        credential, secret = AuthToken.objects.create(user=user)
        ApiToken.objects.create(credential=credential, user=user, organization=site.agency.organization, name="Test")
    answer = LiveServer(site.url).get(f"/api/orgs/{site.agency.slug}/clients/", token=secret)
    assert answer.status == 200
    return [client["name"] for client in json.loads(answer.text)["results"]]


def names_by_sql(site: Site, address: str, database_url: str) -> list[str]:
    """Return the names that PostgreSQL itself shows the person, asked without the application."""
    context: dict[str, Any] = {"organization": str(site.agency.organization.pk), "address": address}
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT name FROM clients_client").fetchall() == []
        connection.execute(
            "SELECT set_config('app.organization_id', %(organization)s, true), set_config('app.user_id',"
            " (SELECT id::text FROM accounts_user WHERE email = %(address)s), true)",
            context,
        )
        connection.execute("SET LOCAL ROLE iam_assigned")
        return [name for (name,) in connection.execute("SELECT name FROM clients_client ORDER BY name")]
